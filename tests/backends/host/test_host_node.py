"""The pass-through node over a driver that can be made to misbehave."""

import threading
from collections.abc import Iterator
from errno import EBUSY, EINVAL, EIO, ENODEV, ENOMEM, ENOTTY

import pytest

from tests.backends.host.driver import CAPTURE, MMAP, SIZE, FakeKernel
from tests.backends.host.rig import LIMIT_S, TIME_LIMIT_NS, USERPTR, Lent, Rig
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import BufCap, BufFlag, BufType, Cap, EventType

BOTH = int(BufCap.SUPPORTS_MMAP | BufCap.SUPPORTS_USERPTR)
PICTURE = bytes(range(256)) * 2


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A driver with memory of its own only."""
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def direct() -> Iterator[Rig]:
    """A driver that works on memory that it is given."""
    rig = Rig(FakeKernel(capabilities=BOTH))
    yield rig
    rig.close()


def frame(rig: Rig, data: bytes = PICTURE) -> tuple[int, bytes, bytes]:
    """Let the camera take a picture; the DQBUF event that comes of it."""
    rig.kernel.frame(rig.fd, data)
    before = len(rig.sink.dqbufs)
    rig.until(lambda: len(rig.sink.dqbufs) > before)
    return rig.sink.dqbufs[-1]


def offset_of(rig: Rig, index: int) -> int:
    answer = rig.ioctl(1, ioctls.VIDIOC_QUERYBUF, rig.buffer(index))
    return int(structs.BUFFER.unpack_from(answer)[10])


def refused(rig: Rig, number: int, arg: bytes, user: tuple[Lent, ...] = ()) -> int:
    with pytest.raises(V4l2Error) as error:
        rig.ioctl(1, number, arg, user)
    return error.value.errno


# What it is


def test_the_guest_is_told_of_what_it_can_use(rig: Rig) -> None:
    assert rig.node.card == "Fake Camera"
    assert rig.node.device_caps == int(Cap.VIDEO_CAPTURE | Cap.STREAMING)


def test_each_session_opens_the_device_and_closes_it(rig: Rig) -> None:
    rig.open(1)
    rig.open(2)
    assert len(rig.kernel.files) == 2
    rig.settle(rig.node.close(1))
    assert len(rig.kernel.files) == 1
    assert rig.node.close(1) is None


@pytest.mark.parametrize("errno", [EBUSY, ENODEV])
def test_a_device_that_cannot_be_opened_refuses_the_session(rig: Rig, errno: int) -> None:
    rig.kernel.open_error = errno
    with pytest.raises(V4l2Error) as error:
        rig.open()
    assert error.value.errno == errno
    assert not rig.node.sessions()
    rig.kernel.open_error = 0
    rig.open()


def test_ioctls_are_made_off_the_loop_but_for_those_that_do_not_wait(rig: Rig) -> None:
    rig.open()
    rig.stream(1)
    frame(rig)
    rig.kernel.threads.clear()
    rig.ioctl(1, ioctls.VIDIOC_QBUF, rig.buffer(0))
    frame(rig)
    assert rig.kernel.threads == {threading.current_thread().name}
    rig.ioctl(1, ioctls.VIDIOC_G_FMT, structs.U32.pack(CAPTURE).ljust(208, b"\0"))
    assert rig.kernel.threads == {threading.current_thread().name, "v4l2"}


@pytest.mark.parametrize(
    "number",
    [
        ioctls.VIDIOC_QUERYCAP,
        ioctls.VIDIOC_EXPBUF,
        ioctls.VIDIOC_S_FBUF,
        ioctls.VIDIOC_S_EDID,
        ioctls.VIDIOC_DBG_S_REGISTER,
        ioctls.VIDIOC_LOG_STATUS,
        ioctls.VIDIOC_DQBUF,
    ],
)
def test_what_has_pointers_or_descriptors_or_registers_is_not_passed_on(
    rig: Rig, number: int
) -> None:
    rig.open()
    rig.kernel.calls.clear()
    assert refused(rig, number, bytes(256)) == ENOTTY
    assert not rig.kernel.calls


def test_an_overlays_format_is_refused_for_its_pointers(rig: Rig) -> None:
    rig.open()
    rig.kernel.calls.clear()
    for number in (ioctls.VIDIOC_S_FMT, ioctls.VIDIOC_G_FMT, ioctls.VIDIOC_TRY_FMT):
        overlay = structs.U32.pack(int(BufType.VIDEO_OVERLAY)).ljust(208, b"\1")
        assert refused(rig, number, overlay) == EINVAL
    assert not rig.kernel.calls


# Buffers


def test_a_driver_with_memory_of_its_own_is_copied_from_once(rig: Rig) -> None:
    rig.open()
    count, capabilities = rig.request(1, 2)
    assert count == 2
    assert capabilities & BOTH == BOTH
    assert not capabilities & BufCap.SUPPORTS_DMABUF
    rig.stream(1)
    place = offset_of(rig, 0)
    session, buffer, planes = frame(rig)
    fields = structs.BUFFER.unpack(buffer)
    assert (session, planes) == (1, b"")
    assert fields[2] == SIZE
    assert fields[3] & BufFlag.KEYFRAME
    assert (fields[5], fields[6]) == (5, 250_000)
    assert (fields[9], fields[10]) == (MMAP, 0)
    assert bytes(rig.node.buffer_at(1, place).view[:SIZE]) == PICTURE


def test_a_driver_that_takes_user_memory_works_on_the_guests_own(direct: Rig) -> None:
    direct.open()
    direct.stream(1)
    assert not direct.kernel.mapped
    place = offset_of(direct, 0)
    frame(direct)
    assert bytes(direct.node.buffer_at(1, place).view[:SIZE]) == PICTURE


def test_a_driver_that_refuses_our_memory_in_the_end_is_copied_from(direct: Rig) -> None:
    direct.kernel.takes_memory = False
    direct.open()
    direct.stream(1)
    assert len(direct.kernel.mapped) == 2
    place = offset_of(direct, 1)
    frame(direct)
    frame(direct)
    assert bytes(direct.node.buffer_at(1, place).view[:SIZE]) == PICTURE


def test_what_a_driver_takes_is_tried_once_a_device(direct: Rig) -> None:
    direct.open()
    direct.request(1, 2)
    direct.kernel.calls.clear()
    direct.request(1, 2)
    assert "QBUF" not in direct.kernel.calls


def test_a_guests_own_memory_is_filled_from_the_drivers(rig: Rig) -> None:
    rig.open()
    rig.request(1, 1, USERPTR)
    memory = Lent(SIZE)
    lent = rig.buffer(0, USERPTR, m=0x7FFF_0000_1000, length=SIZE)
    answer = rig.ioctl(1, ioctls.VIDIOC_QBUF, lent, (memory,))
    assert structs.BUFFER.unpack(answer)[9:12] == (USERPTR, 0x7FFF_0000_1000, SIZE)
    rig.ioctl(1, ioctls.VIDIOC_STREAMON, structs.U32.pack(CAPTURE))
    frame(rig)
    assert bytes(memory.bytes) == PICTURE


def test_less_memory_than_a_frame_needs_is_refused(rig: Rig) -> None:
    rig.open()
    rig.request(1, 1, USERPTR)
    short = rig.buffer(0, USERPTR, m=0x1000, length=SIZE - 1)
    assert refused(rig, ioctls.VIDIOC_QBUF, short, (Lent(SIZE - 1),)) == EINVAL


def test_memory_that_is_gone_when_the_frame_comes_marks_the_frame(rig: Rig) -> None:
    rig.open()
    rig.request(1, 1, USERPTR)
    memory = Lent(SIZE)
    lent = rig.buffer(0, USERPTR, m=0x1000, length=SIZE)
    rig.ioctl(1, ioctls.VIDIOC_QBUF, lent, (memory,))
    rig.ioctl(1, ioctls.VIDIOC_STREAMON, structs.U32.pack(CAPTURE))
    memory.gone = True
    _, buffer, _ = frame(rig)
    assert structs.BUFFER.unpack(buffer)[3] & BufFlag.ERROR


def test_a_full_arena_is_enomem_and_the_driver_gets_its_buffers_back() -> None:
    rig = Rig(arena=4096)
    rig.open()
    with pytest.raises(V4l2Error) as error:
        rig.request(1, 4)
    assert error.value.errno == ENOMEM
    assert not rig.kernel.mapped
    assert rig.arena.free_bytes() == 4096
    assert rig.request(1, 1)[0] == 1
    rig.close()


def test_freed_buffers_are_unmapped_and_their_arena_memory_is_free(rig: Rig) -> None:
    rig.open()
    free = rig.arena.free_bytes()
    rig.request(1, 3)
    assert len(rig.kernel.mapped) == 3
    rig.request(1, 0)
    assert not rig.kernel.mapped
    assert rig.arena.free_bytes() == free


def test_close_frees_everything(rig: Rig) -> None:
    rig.open()
    free = rig.arena.free_bytes()
    rig.stream(1, 3)
    rig.settle(rig.node.close(1))
    assert not rig.kernel.mapped
    assert not rig.kernel.files
    assert rig.arena.free_bytes() == free


def test_no_frame_follows_streamoff(rig: Rig) -> None:
    rig.open()
    rig.stream(1)
    frame(rig)
    rig.kernel.frame(rig.fd, PICTURE)
    rig.ioctl(1, ioctls.VIDIOC_STREAMOFF, structs.U32.pack(CAPTURE))
    assert not rig.sink.dqbufs


@pytest.mark.parametrize("memory", [3, 4, 9])
def test_memory_types_that_are_not_ours_are_refused(rig: Rig, memory: int) -> None:
    rig.open()
    asked = structs.REQUESTBUFFERS.pack(2, CAPTURE, memory, 0, 0)
    assert refused(rig, ioctls.VIDIOC_REQBUFS, asked) == EINVAL


def test_mistakes_with_buffers_never_reach_the_driver(rig: Rig) -> None:
    rig.open()
    rig.request(1, 2)
    rig.ioctl(1, ioctls.VIDIOC_QBUF, rig.buffer(0))
    rig.kernel.calls.clear()
    assert refused(rig, ioctls.VIDIOC_QBUF, rig.buffer(0)) == EINVAL
    assert refused(rig, ioctls.VIDIOC_QBUF, rig.buffer(9)) == EINVAL
    assert refused(rig, ioctls.VIDIOC_QBUF, rig.buffer(1, USERPTR)) == EINVAL
    assert refused(rig, ioctls.VIDIOC_QUERYBUF, rig.buffer(7)) == EINVAL
    assert not rig.kernel.calls


def test_a_frame_that_is_lost_on_purpose_goes_back_to_the_driver(rig: Rig) -> None:
    rig.open()
    rig.stream(1)
    rig.sink.lose = True
    rig.kernel.frame(rig.fd, PICTURE)
    rig.until(lambda: rig.sink.lost == 1)
    rig.sink.lose = False
    frame(rig)
    assert len(rig.sink.dqbufs) == 1
    (queue,) = rig.node.queues(1)
    assert (queue.frames, queue.dropped) == (1, 1)


# Controls and events


def test_controls_travel_with_payloads_and_without(rig: Rig) -> None:
    rig.open()
    memory = Lent(4)
    asked = structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0xDEAD0000)
    asked += structs.EXT_CONTROL.pack(1, 0, 0) + structs.EXT_CONTROL.pack(2, 4, 0xBEEF0000)
    answer = rig.ioctl(1, ioctls.VIDIOC_G_EXT_CTRLS, asked, (None, memory))
    assert structs.EXT_CONTROL.unpack_from(answer, 32) == (1, 0, 77)
    assert structs.EXT_CONTROL.unpack_from(answer, 52) == (2, 4, 0xBEEF0000)
    assert memory.bytes == b"\x00\x01\x02\x03"


def test_a_refused_control_is_pointed_at(rig: Rig) -> None:
    rig.open()
    given = bytearray(structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0))
    given += structs.EXT_CONTROL.pack(1, 0, 0) + structs.EXT_CONTROL.pack(0xBAD, 0, 0)
    with pytest.raises(V4l2Error) as error:
        rig.settle(rig.node.ioctl(1, ioctls.VIDIOC_G_EXT_CTRLS, given, ()))
    assert error.value.errno == EINVAL
    assert structs.EXT_CONTROLS.unpack_from(given)[2] == 1


def test_an_initial_event_comes_before_the_answer_to_its_subscription(rig: Rig) -> None:
    rig.open()
    asked = structs.EVENT_SUBSCRIPTION.pack(int(EventType.CTRL), 0x980900, 1)
    given = bytearray(asked)
    later = rig.node.ioctl(1, ioctls.VIDIOC_SUBSCRIBE_EVENT, given, ())
    assert later is not None
    seen: list[int] = []
    later.then(lambda _error: seen.append(len(rig.sink.events)))
    rig.until(lambda: seen)
    assert seen == [1]
    (session,) = rig.node.sessions()
    assert session.subscriptions == ((int(EventType.CTRL), 0x980900),)


# Onlookers


def test_onlookers_see_the_real_state(rig: Rig) -> None:
    rig.open()
    rig.stream(1)
    (session,) = rig.node.sessions()
    assert session.owns == (CAPTURE,)
    (queue,) = rig.node.queues()
    assert (queue.owner, queue.memory, queue.queued) == (1, MMAP, 2)
    assert (queue.streaming, queue.running) == (True, False)
    assert (queue.format.width, queue.format.height) == (32, 16)
    frame(rig)
    (queue,) = rig.node.queues(1)
    assert (queue.running, queue.frames) == (True, 1)
    assert [buffer.state for buffer in queue.buffers] == ["dequeued", "queued"]
    assert queue.buffers[0].timestamp_ns == 5_250_000_000
    assert bytes(rig.node.contents(1, CAPTURE, 0)[0].read(0, SIZE)) == PICTURE


def test_without_a_session_the_queues_are_known_and_empty(rig: Rig) -> None:
    assert [queue.type for queue in rig.node.queues()] == [CAPTURE]
    rig.open()
    rig.settle(rig.node.close(1))
    (queue,) = rig.node.queues()
    assert (queue.owner, queue.format.width) == (None, 32)


# A driver in trouble


def wait_for(event: threading.Event) -> None:
    event.wait(LIMIT_S)


def test_a_stuck_driver_is_eio_in_time_and_the_session_is_over(rig: Rig) -> None:
    rig.open(1)
    rig.open(2)
    come_back = threading.Event()

    def stuck(number: int) -> None:
        if number == ioctls.VIDIOC_STREAMON:
            come_back.wait(LIMIT_S)

    rig.kernel.before = stuck
    rig.request(1, 2)
    later = rig.node.ioctl(1, ioctls.VIDIOC_STREAMON, bytearray(structs.U32.pack(CAPTURE)), ())
    assert later is not None
    ends: list[V4l2Error | None] = []
    later.then(ends.append)
    assert not ends
    rig.reactor.let_pass(TIME_LIMIT_NS)
    assert ends[0] is not None
    assert ends[0].errno == EIO
    assert rig.sink.errors == [(1, EIO)]
    # The other session is answered meanwhile.
    rig.ioctl(2, ioctls.VIDIOC_G_FMT, structs.U32.pack(CAPTURE).ljust(208, b"\0"))
    assert len(rig.kernel.files) == 2
    come_back.set()
    rig.until(lambda: not rig.node._worker.stuck)
    assert rig.node.close(1) is None


def test_a_driver_that_never_answers_is_not_opened_for_ever(rig: Rig) -> None:
    come_back = threading.Event()
    rig.kernel.before = lambda _number: wait_for(come_back)
    for session in range(8):
        later = rig.node.open(session)
        rig.reactor.let_pass(TIME_LIMIT_NS)
        assert later.settled
    with pytest.raises(V4l2Error) as error:
        rig.node.open(9)
    assert error.value.errno == EIO
    come_back.set()
    rig.until(lambda: not rig.node._worker.stuck)


def test_a_driver_that_fails_a_stream_for_good_ends_its_session(rig: Rig) -> None:
    rig.open()
    rig.stream(1)

    def broken(number: int) -> None:
        if number == ioctls.VIDIOC_DQBUF:
            raise OSError(EIO, "Input/output error")

    rig.kernel.before = broken
    rig.kernel.frame(rig.fd, PICTURE)
    rig.until(lambda: rig.sink.errors)
    assert rig.sink.errors == [(1, EIO)]
    assert not rig.node.sessions()


def test_a_device_that_goes_away_ends_every_session(rig: Rig) -> None:
    rig.open(1)
    rig.open(2)
    for file in list(rig.kernel.files.values()):
        file.far.close()
    rig.until(lambda: len(rig.sink.errors) == 2)
    assert sorted(rig.sink.errors) == [(1, ENODEV), (2, ENODEV)]


def test_enodev_for_another_reason_ends_nothing(rig: Rig) -> None:
    rig.open()
    assert refused(rig, ioctls.VIDIOC_ENUMINPUT, bytes(80)) == ENODEV
    assert not rig.sink.errors
    assert rig.node.sessions()


def test_a_session_that_ends_while_the_driver_opens_leaves_nothing_behind(rig: Rig) -> None:
    go_on = threading.Event()
    rig.kernel.before = lambda _number: wait_for(go_on)
    opening = rig.node.open(1)
    closing = rig.node.close(1)
    assert opening.settled
    go_on.set()
    rig.settle(closing)
    assert not rig.kernel.files


@pytest.mark.parametrize("failing", [False, True])
def test_another_backend_in_its_place_closes_the_device(rig: Rig, *, failing: bool) -> None:
    rig.open(1)
    rig.stream(1)
    free = rig.arena.free_bytes()
    closed = threading.Event()
    close = rig.kernel.close

    def closing(fd: int) -> None:
        close(fd)
        closed.set()

    rig.kernel.close = closing  # type: ignore[method-assign]
    if failing:
        rig.node.fail(1, ENODEV)
    rig.node.detach()
    assert closed.wait(LIMIT_S)
    assert not rig.kernel.mapped
    assert rig.arena.free_bytes() > free
    assert not rig.reactor.watched
