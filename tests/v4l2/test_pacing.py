"""When frames are made: paced and unpaced, early, late, without buffers."""

from fractions import Fraction

import pytest

from tests.v4l2.rig import GREY_DESC, OUTPUT, YUYV_DESC, Camera, Guest, Rig
from vmedia_bench.v4l2.stream import MAX_BURST

PERIOD = 33_333_334  # 1/30 s in ns, rounded up


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def guest(camera: Camera) -> Guest:
    return Rig(camera).open()


def sequences(guest: Guest) -> list[int]:
    return [view.sequence for view in guest.rig.sink.frames()]


# Paced


def test_nothing_is_armed_without_a_stream(guest: Guest) -> None:
    guest.reqbufs(2)
    guest.qbuf(0)
    assert guest.rig.armed is None


def test_the_first_frame_is_due_at_once_and_the_others_an_interval_apart(guest: Guest) -> None:
    start = guest.rig.now
    guest.stream()
    assert guest.rig.armed == start
    guest.rig.run()
    assert guest.rig.armed == start + PERIOD


def test_frames_do_not_drift(guest: Guest) -> None:
    start = guest.rig.now
    guest.stream(1)
    for _ in range(300):
        guest.rig.run()
        guest.qbuf(0)
    assert guest.rig.armed == start + 10_000_000_000
    assert sequences(guest) == list(range(300))


def test_a_frame_has_the_time_it_was_due_however_late_the_loop_is(
    guest: Guest, camera: Camera
) -> None:
    start = guest.rig.now
    guest.stream()
    guest.rig.elapse(5_000_000)
    assert camera.filled[0].timestamp_ns == start
    assert guest.rig.armed == start + PERIOD


def test_a_call_before_the_deadline_makes_nothing(guest: Guest) -> None:
    guest.stream()
    guest.rig.run()
    guest.rig.node.advance()
    assert len(sequences(guest)) == 1


def test_a_frame_without_a_buffer_is_dropped_with_its_number(guest: Guest) -> None:
    guest.stream(1)
    guest.rig.run(3)
    guest.qbuf(0)
    guest.rig.run()
    assert sequences(guest) == [0, 3]
    (queue,) = guest.rig.node.queues()
    assert (queue.frames, queue.dropped, queue.sequence) == (2, 2, 4)
    assert guest.rig.sink.lost == 2


def test_a_late_loop_catches_up_a_little_and_loses_the_rest(guest: Guest) -> None:
    guest.stream(8)
    guest.rig.elapse(100 * PERIOD)
    made = sequences(guest)
    assert len(made) == MAX_BURST
    assert made[-1] in {99, 100}
    assert made == list(range(made[0], made[0] + MAX_BURST))
    assert guest.rig.armed is not None
    assert guest.rig.armed > guest.rig.now


def test_a_source_with_no_frame_now_loses_it(guest: Guest, camera: Camera) -> None:
    guest.stream()
    guest.rig.run()
    camera.empty = True
    guest.rig.run()
    camera.empty = False
    guest.rig.run()
    assert sequences(guest) == [0, 2]
    (queue,) = guest.rig.node.queues()
    assert (queue.frames, queue.dropped, queue.sequence) == (2, 1, 3)
    assert guest.rig.sink.lost == 1


def test_a_source_with_no_frame_yet_puts_the_beginning_off(guest: Guest, camera: Camera) -> None:
    guest.stream()
    camera.empty = True
    guest.rig.run(3)
    assert sequences(guest) == []
    camera.empty = False
    guest.rig.run(3)
    assert sequences(guest) == [0, 1, 2]


def test_a_source_that_has_its_first_frame_is_not_kept_waiting(
    guest: Guest, camera: Camera
) -> None:
    guest.stream()
    camera.empty = True
    guest.rig.run()
    camera.empty = False
    assert camera.host is not None
    camera.host.frame_ready()
    assert guest.rig.armed == guest.rig.now


def test_the_source_learns_number_time_and_rate(guest: Guest, camera: Camera) -> None:
    guest.stream()
    guest.rig.run(2)
    frame = camera.filled[1]
    assert frame.sequence == 1
    assert (frame.interval, frame.fps) == (Fraction(1, 30), Fraction(30))


def test_a_stopped_stream_is_not_armed(guest: Guest) -> None:
    guest.stream()
    guest.rig.run()
    guest.streamoff()
    assert guest.rig.armed is None
    guest.rig.elapse(PERIOD)
    assert len(sequences(guest)) == 1


def test_a_display_takes_one_frame_an_interval() -> None:
    source = Camera(YUYV_DESC, buf_type=OUTPUT)
    guest = Rig(source).open()
    guest.stream(3)
    guest.rig.run(2)
    assert [frame.sequence for frame, _ in source.drained] == [0, 1]


# Unpaced


@pytest.fixture
def eager() -> Guest:
    source = Camera(GREY_DESC)
    source.paced = False
    return Rig(source).open()


def test_an_unpaced_source_goes_as_fast_as_buffers_come(eager: Guest) -> None:
    eager.stream(3)
    eager.rig.run()
    assert sequences(eager) == [0, 1, 2]
    eager.rig.now += 1
    eager.qbuf(0)
    assert eager.rig.armed == eager.rig.now
    eager.rig.run()
    assert sequences(eager) == [0, 1, 2, 3]


def test_an_unpaced_source_without_buffers_is_idle(eager: Guest) -> None:
    eager.stream(1)
    eager.rig.run()
    assert eager.rig.armed is None


def test_an_unpaced_source_leaves_the_loop_to_others_now_and_then(eager: Guest) -> None:
    eager.stream(MAX_BURST + 2)
    eager.rig.run()
    assert len(sequences(eager)) == MAX_BURST
    assert eager.rig.armed == eager.rig.now


def test_an_unpaced_source_without_a_frame_is_asked_again_when_it_says_so(eager: Guest) -> None:
    source = eager.rig.source
    assert isinstance(source, Camera)
    assert source.host is not None
    source.empty = True
    eager.stream(1)
    eager.rig.run()
    assert eager.rig.armed is None
    source.empty = False
    source.host.frame_ready()
    eager.rig.run()
    assert sequences(eager) == [0]


def test_an_unpaced_frame_knows_no_rate(eager: Guest) -> None:
    source = eager.rig.source
    assert isinstance(source, Camera)
    eager.stream(1)
    eager.rig.run()
    assert (source.filled[0].interval, source.filled[0].fps) == (Fraction(0), Fraction(0))


def test_frame_ready_without_a_stream_is_nothing(guest: Guest, camera: Camera) -> None:
    assert camera.host is not None
    camera.host.frame_ready()
    assert guest.rig.armed is None
