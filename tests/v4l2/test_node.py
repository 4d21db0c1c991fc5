"""The node as a whole: sessions, unknown ioctls, sources that fail, onlookers, other sources."""

import logging
from collections.abc import Callable, Mapping, Sequence
from errno import EINVAL, EIO, ENODEV, ENOTTY
from fractions import Fraction

import pytest

from tests.v4l2.rig import (
    CAPTURE,
    CAPTURE_MPLANE,
    GREY_DESC,
    NM12_DESC,
    OUTPUT,
    USERPTR,
    YUYV_DESC,
    Camera,
    Guest,
    Pages,
    Rig,
    refused,
)
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Filled, FormatDesc, Frame, IntervalRange, Plane
from vmedia_bench.v4l2.stream import MAX_FAILURES
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.ioctls import IOCTLS
from vmedia_bench.wire.structs import CONTROL, EVENT_CTRL
from vmedia_bench.wire.v4l2 import BufFlag, Cap, EventType

ANSWERED = {
    "ENUM_FMT",
    "G_FMT",
    "S_FMT",
    "TRY_FMT",
    "ENUM_FRAMESIZES",
    "ENUM_FRAMEINTERVALS",
    "G_PARM",
    "S_PARM",
    "ENUMINPUT",
    "G_INPUT",
    "S_INPUT",
    "REQBUFS",
    "CREATE_BUFS",
    "REMOVE_BUFS",
    "QUERYBUF",
    "PREPARE_BUF",
    "QBUF",
    "STREAMON",
    "STREAMOFF",
    "SUBSCRIBE_EVENT",
    "UNSUBSCRIBE_EVENT",
}


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def guest(camera: Camera) -> Guest:
    return Rig(camera).open()


# The table


@pytest.mark.parametrize("name", sorted(i.short_name for i in IOCTLS.values()))
def test_a_plain_camera_answers_these_ioctls_and_enotty_to_all_others(
    guest: Guest, name: str
) -> None:
    number, size = next((i.number, i.size) for i in IOCTLS.values() if i.short_name == name)
    try:
        guest.ioctl(number, bytes(size))
    except V4l2Error as error:
        known = error.errno != ENOTTY
    else:
        known = True
    assert known == (name in ANSWERED)


@pytest.mark.parametrize("number", [1, 105, 192, 255, 0xFFFFFFFF])
def test_private_and_unknown_ioctls_are_enotty(guest: Guest, number: int) -> None:
    with refused(ENOTTY):
        guest.ioctl(number, bytes(64))


def test_a_source_may_bring_ioctls_of_its_own() -> None:
    class Tuned(Camera):
        def extra_ioctls(self) -> Mapping[int, Callable[[bytearray], None]]:
            return {ioctls.VIDIOC_G_STD: lambda arg: arg.__setitem__(0, 0xB0)}

    answer = Rig(Tuned()).open().ioctl(ioctls.VIDIOC_G_STD, bytes(8))
    assert answer[0] == 0xB0


def test_a_source_with_controls_has_the_control_ioctls(camera: Camera) -> None:
    camera.controls = (ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, default=7),)
    answer = Rig(camera).open().ioctl(ioctls.VIDIOC_G_CTRL, CONTROL.pack(Cid.BRIGHTNESS, 0))
    assert CONTROL.unpack(answer) == (Cid.BRIGHTNESS, 7)


@pytest.mark.parametrize(
    ("buf_type", "desc", "cap"),
    [
        (CAPTURE, YUYV_DESC, Cap.VIDEO_CAPTURE),
        (OUTPUT, YUYV_DESC, Cap.VIDEO_OUTPUT),
        (CAPTURE_MPLANE, NM12_DESC, Cap.VIDEO_CAPTURE_MPLANE),
    ],
)
def test_device_caps_follow_from_the_queues(buf_type: int, desc: FormatDesc, cap: Cap) -> None:
    node = Rig(Camera(desc, buf_type=buf_type)).node
    assert node.device_caps == cap | Cap.STREAMING | Cap.EXT_PIX_FORMAT
    assert node.device_type == 0


# Sessions


def test_an_unknown_session_is_einval_and_closing_it_is_nothing(rig: Rig) -> None:
    with refused(EINVAL):
        rig.node.ioctl(99, ioctls.VIDIOC_G_INPUT, bytearray(4), ())
    with refused(EINVAL):
        rig.node.buffer_at(99, 0)
    rig.node.close(99)


def test_mmap_finds_a_plane_by_its_offset(guest: Guest) -> None:
    guest.reqbufs(2)
    offset = guest.querybuf(1).m
    assert guest.rig.node.buffer_at(guest.id, offset).offset == offset
    for wrong in (offset + 1, 0, 0xDEADBEEF):
        with refused(EINVAL):
            guest.rig.node.buffer_at(guest.id, wrong)


def test_userptr_buffers_cannot_be_mapped(guest: Guest) -> None:
    guest.reqbufs(1, USERPTR)
    with refused(EINVAL):
        guest.rig.node.buffer_at(guest.id, 0)


# Failures


def test_a_source_that_fails_once_costs_one_buffer(
    guest: Guest, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    guest.stream()
    camera.fails = 1
    with caplog.at_level(logging.ERROR):
        guest.rig.run(2)
    broken, good = guest.rig.sink.frames()
    assert broken.flags & BufFlag.ERROR
    assert (broken.bytesused, broken.sequence) == (0, 0)
    assert not good.flags & BufFlag.ERROR
    assert "lens cap" in caplog.text


def test_a_broken_buffer_can_be_queued_again(guest: Guest, camera: Camera) -> None:
    guest.stream(1)
    camera.fails = 1
    guest.rig.run()
    assert not guest.qbuf(0).flags & BufFlag.ERROR


def test_only_the_first_failure_of_a_row_is_logged_in_full(
    guest: Guest, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    guest.stream()
    camera.fails = 3
    guest.rig.run(3)
    assert caplog.text.count("Traceback") == 1


def test_a_source_that_always_fails_ends_the_session_and_no_other(
    guest: Guest, camera: Camera
) -> None:
    other = guest.rig.open()
    guest.stream(MAX_FAILURES)
    camera.fails = MAX_FAILURES
    guest.rig.run(MAX_FAILURES)
    assert guest.rig.sink.errors == [(guest.id, EIO)]
    assert not guest.rig.memory.live
    assert guest.rig.armed is None
    other.stream()
    guest.rig.run()
    assert guest.rig.sink.dqbufs[-1][0] == other.id


def test_a_source_that_says_it_wrote_too_much_has_failed() -> None:
    class Boastful(Camera):
        def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
            return Filled((planes[0].length + 1,))

    guest = Rig(Boastful()).open()
    guest.stream(1)
    guest.rig.run()
    assert guest.rig.sink.frames()[0].flags & BufFlag.ERROR


def test_guest_memory_that_went_away_costs_the_buffer_not_the_bench(guest: Guest) -> None:
    class Gone(Pages):
        def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
            raise V4l2Error(14, "the guest shrank it")

    size = 640 * 480 * 2
    guest.reqbufs(1, USERPTR)
    guest.qbuf(0, [Gone(size)], m=0x1000, length=size)
    guest.streamon()
    guest.rig.run()
    assert guest.rig.sink.frames()[0].flags & BufFlag.ERROR


def test_failing_a_session_from_outside_frees_it_and_tells_the_sink(guest: Guest) -> None:
    guest.stream()
    guest.rig.node.fail(guest.id, ENODEV)
    guest.rig.node.fail(guest.id, ENODEV)
    assert guest.rig.sink.errors == [(guest.id, ENODEV)]
    assert not guest.rig.memory.live
    assert guest.rig.node.sessions() == ()


# Onlookers


def test_snapshots_tell_sessions_queues_and_buffers(guest: Guest) -> None:
    other = guest.rig.open()
    guest.subscribe(EventType.EOS)
    guest.stream(2)
    guest.rig.run()
    first, second = guest.rig.node.sessions()
    assert (first.id, first.owns, first.subscriptions) == (guest.id, (CAPTURE,), ((2, 0),))
    assert (second.id, second.owns) == (other.id, ())
    (queue,) = guest.rig.node.queues(guest.id)
    assert (queue.owner, queue.streaming, queue.running, queue.queued) == (guest.id, True, True, 1)
    assert (queue.format.width, queue.interval, queue.frames) == (640, Fraction(1, 30), 1)
    assert [(buffer.index, buffer.state) for buffer in queue.buffers] == [
        (0, "dequeued"),
        (1, "queued"),
    ]
    assert queue.buffers[0].planes[0].bytesused == 640 * 480 * 2
    with pytest.raises(AttributeError):
        queue.owner = 3  # type: ignore[misc]


# A state for each session


class Codec(Camera):
    """A source with its own instance for each session."""

    per_session = True

    def instance(self) -> "Camera":
        return Camera(GREY_DESC)


def test_a_codec_has_formats_and_queues_for_each_session() -> None:
    rig = Rig(Codec(GREY_DESC))
    first, second = rig.open(), rig.open()
    first.stream(1)
    second.stream(2)
    rig.run()
    assert sorted(session for session, _ in rig.sink.dqbufs) == [first.id, second.id]
    first.close()
    assert len(rig.memory.live) == 2
    assert [len(queue.buffers) for queue in rig.node.queues()] == [2]


def test_the_instance_of_a_session_is_let_go_with_it() -> None:
    rig = Rig(Codec(GREY_DESC))
    guest = rig.open()
    context = rig.node.context(guest.id)
    assert context is not None
    source = context.source
    assert isinstance(source, Camera)
    guest.close()
    assert source.calls[-1] == ("detach",)


class Loop(Camera):
    """A codec that hands the output frame's time to the capture frame."""

    per_session = True

    def instance(self) -> "Loop":
        return self

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if not self.drained:
            return None
        return Filled((1,), timestamp_ns=self.drained[-1][0].timestamp_ns)

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        super().drain(frame, planes, bytesused)
        assert self.host is not None
        self.host.frame_ready()
        return True


@pytest.mark.parametrize(
    ("given", "kept"), [((7, 8), (7, 8)), ((-1, -1), None), ((1 << 62, 999_999_999), None)]
)
def test_a_codec_copies_timestamps(given: tuple[int, int], kept: tuple[int, int] | None) -> None:
    source = Loop(GREY_DESC)
    source.buf_types = (OUTPUT, CAPTURE)
    source.paced = False
    guest = Rig(source).open()
    for buf_type in (CAPTURE, OUTPUT):
        guest.type = buf_type
        guest.reqbufs(1)
        view = guest.qbuf(0, bytesused=1, tv_sec=given[0], tv_usec=given[1])
        guest.streamon()
        assert view.flags & BufFlag.TIMESTAMP_MASK == BufFlag.TIMESTAMP_COPY
    guest.rig.run()
    output, capture = guest.rig.sink.frames()
    assert (output.type, capture.type) == (OUTPUT, CAPTURE)
    assert output.usec == capture.usec
    if kept:
        assert (capture.tv_sec, capture.tv_usec) == kept


# Another source


class Blank(Camera):
    """A camera whose frames begin with 0xEE."""

    rates: tuple[Fraction, ...] | IntervalRange = (Fraction(1, 30),)

    def intervals(
        self, pixelformat: int, width: int, height: int
    ) -> tuple[Fraction, ...] | IntervalRange:
        return self.rates

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        planes[0].write(0, b"\xee")
        return Filled((planes[0].length,))


def test_without_sessions_any_source_can_be_used(rig: Rig) -> None:
    rig.node.use(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE))
    assert rig.node.device_caps & Cap.VIDEO_CAPTURE_MPLANE


def test_under_a_running_stream_only_the_picture_changes(guest: Guest, camera: Camera) -> None:
    guest.stream(3)
    guest.rig.run()
    blank = Blank(GREY_DESC, YUYV_DESC)
    guest.rig.node.use(blank)
    guest.rig.run(2)
    assert [view.sequence for view in guest.rig.sink.frames()] == [0, 1, 2]
    assert guest.rig.memory.live[guest.querybuf(2).m].view[0] == 0xEE
    assert camera.calls[-2:] == [("stop", CAPTURE), ("detach",)]
    assert [call[0] for call in blank.calls] == ["configure", "start"]


def test_what_the_old_source_had_not_in_time_is_made_by_the_next(
    guest: Guest, camera: Camera
) -> None:
    guest.stream(3)
    guest.rig.run()
    camera.empty = True
    guest.rig.run(5)
    guest.rig.node.use(Blank(YUYV_DESC))
    guest.rig.run(2)
    assert [view.sequence for view in guest.rig.sink.frames()] == [0, 1, 2]
    times = [view.usec for view in guest.rig.sink.frames()]
    assert times[2] > times[1] > times[0] + 5 * 33_000
    assert guest.rig.node.queues()[0].dropped == guest.rig.sink.lost == 0


def test_what_the_guest_had_no_buffer_for_stays_lost_whatever_the_source(
    guest: Guest, camera: Camera
) -> None:
    guest.stream(1)
    guest.rig.run(3)
    guest.rig.node.use(Blank(YUYV_DESC))
    guest.qbuf(0)
    guest.rig.run()
    assert [view.sequence for view in guest.rig.sink.frames()] == [0, 3]
    assert guest.rig.sink.lost == 2


def test_a_source_that_cannot_serve_the_open_sessions_is_named_and_refused(guest: Guest) -> None:
    slow = Blank(YUYV_DESC)
    slow.rates = (Fraction(1, 5),)
    for source, reason in (
        (Blank(GREY_DESC), "YUYV 640x480"),
        (Camera(YUYV_DESC, buf_type=OUTPUT), "queues"),
        (slow, "1/30"),
    ):
        (obstacle,) = guest.rig.node.obstacles(source)
        assert reason in obstacle
        with pytest.raises(ValueError, match=reason):
            guest.rig.node.use(source)
    assert guest.rig.node.source is guest.rig.source


def test_a_source_that_fails_to_start_leaves_the_old_one_in_place(guest: Guest) -> None:
    guest.stream()
    broken = Blank(YUYV_DESC)
    broken.refuses = RuntimeError("no power")
    with pytest.raises(RuntimeError):
        guest.rig.node.use(broken)
    assert broken.calls[-1] == ("detach",)
    guest.rig.run()
    assert not guest.rig.sink.frames()[0].flags & BufFlag.ERROR


def test_subscribers_learn_how_controls_stand_with_the_new_source(camera: Camera) -> None:
    camera.controls = (
        ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, default=7),
        ControlSpec.integer(Cid.CONTRAST, 0, 255),
    )
    guest = Rig(camera).open()
    guest.subscribe(EventType.CTRL, Cid.BRIGHTNESS)
    guest.subscribe(EventType.CTRL, Cid.CONTRAST)
    other = Blank(YUYV_DESC)
    other.controls = (ControlSpec.integer(Cid.BRIGHTNESS, 0, 100, default=50),)
    guest.rig.node.use(other)
    ((_, event),) = guest.rig.sink.events
    assert (event.id, EVENT_CTRL.unpack_from(event.union)[2]) == (Cid.BRIGHTNESS, 50)
    assert guest.rig.node.sessions()[0].subscriptions == ((EventType.CTRL, Cid.BRIGHTNESS),)
