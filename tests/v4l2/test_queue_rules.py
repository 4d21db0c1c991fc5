"""Which buffer operation is allowed when, and the errno of each refusal (MMAP, capture)."""

from errno import EBADR, EBUSY, EINVAL, ENOBUFS, ENOMEM

import pytest

from tests.v4l2.rig import (
    CAPTURE,
    CAPTURE_MPLANE,
    MMAP,
    NM12_DESC,
    OUTPUT,
    USERPTR,
    YUYV_DESC,
    Camera,
    Guest,
    Rig,
    refused,
)
from vmedia_bench.v4l2.buffer import TRANSITIONS, BufferState, Step
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import (
    CREATE_BUFFERS,
    REMOVE_BUFFERS,
    REQUESTBUFFERS,
)
from vmedia_bench.wire.v4l2 import BufCap, BufFlag, Memory, MemoryFlag

G_FMT_ARG = CAPTURE.to_bytes(4, "little") + bytes(204)
SIZE = 640 * 480 * 2


def current_format(guest: Guest, sizeimage: int | None = None) -> bytes:
    fmt = guest.ioctl(ioctls.VIDIOC_G_FMT, G_FMT_ARG)
    if sizeimage is not None:
        fmt[28:32] = sizeimage.to_bytes(4, "little")
    return bytes(fmt)


# The table


def test_only_a_queued_buffer_completes() -> None:
    completing = {state for state, step in TRANSITIONS if step is Step.COMPLETE}
    assert completing == {BufferState.QUEUED}


def test_every_state_can_be_cancelled_to_dequeued() -> None:
    for state in BufferState:
        assert TRANSITIONS[state, Step.CANCEL] is BufferState.DEQUEUED


# REQBUFS


def test_reqbufs_allocates_what_is_asked(guest: Guest) -> None:
    assert guest.reqbufs(3) == 3
    assert len(guest.rig.memory.live) == 3


def test_reqbufs_gives_at_least_the_source_minimum_and_at_most_the_limit() -> None:
    source = Camera()
    source.min_buffers = 3
    guest = Rig(source, max_buffers=8).open()
    assert guest.reqbufs(1) == 3
    assert guest.reqbufs(0xFFFFFFFF) == 8


def test_reqbufs_of_zero_frees_everything(guest: Guest) -> None:
    guest.reqbufs(3)
    assert guest.reqbufs(0) == 0
    assert not guest.rig.memory.live


def test_reqbufs_again_frees_the_old_buffers_even_queued_ones(guest: Guest) -> None:
    guest.reqbufs(3)
    guest.qbuf(0)
    assert guest.reqbufs(2) == 2
    assert len(guest.rig.memory.live) == 2
    assert not guest.querybuf(0).flags & BufFlag.QUEUED


def test_reqbufs_tells_the_truth_about_capabilities_and_gives_no_flags(guest: Guest) -> None:
    payload = REQUESTBUFFERS.pack(1, CAPTURE, MMAP, 0xFFFFFFFF, MemoryFlag.NON_COHERENT)
    answer = guest.ioctl(ioctls.VIDIOC_REQBUFS, payload)
    _, _, _, capabilities, flags = REQUESTBUFFERS.unpack(answer)
    assert capabilities == (
        BufCap.SUPPORTS_MMAP
        | BufCap.SUPPORTS_USERPTR
        | BufCap.SUPPORTS_ORPHANED_BUFS
        | BufCap.SUPPORTS_MAX_NUM_BUFFERS
        | BufCap.SUPPORTS_REMOVE_BUFS
    )
    assert flags == 0
    assert answer[17:] == bytes(3)


@pytest.mark.parametrize("memory", [0, Memory.OVERLAY, Memory.DMABUF, 5, 0xFFFFFFFF])
def test_memory_types_we_do_not_have_are_einval(guest: Guest, memory: int) -> None:
    with refused(EINVAL):
        guest.reqbufs(1, memory)
    with refused(EINVAL):
        guest.create_bufs(0, current_format(guest), memory)


@pytest.mark.parametrize("buf_type", [OUTPUT, CAPTURE_MPLANE, 0x80, 0xFFFFFFFF])
def test_another_buffer_type_is_einval_everywhere(guest: Guest, buf_type: int) -> None:
    guest.reqbufs(1)
    with refused(EINVAL):
        guest.reqbufs(1, buf_type=buf_type)
    with refused(EINVAL):
        guest.streamon(buf_type)
    with refused(EINVAL):
        guest.streamoff(buf_type)
    with refused(EINVAL):
        guest.remove_bufs(0, 0, buf_type=buf_type)
    for number in (ioctls.VIDIOC_QUERYBUF, ioctls.VIDIOC_QBUF, ioctls.VIDIOC_PREPARE_BUF):
        with refused(EINVAL):
            guest.submit(number, guest.buffer(0, type=buf_type))


def test_reqbufs_while_streaming_is_ebusy_for_any_count(guest: Guest) -> None:
    guest.stream()
    for count in (0, 1):
        with refused(EBUSY):
            guest.reqbufs(count)


def test_reqbufs_gives_fewer_buffers_when_memory_ends() -> None:
    guest = Rig(capacity=2 * SIZE + 5).open()
    assert guest.reqbufs(4) == 2


def test_reqbufs_is_enomem_when_not_even_the_minimum_fits() -> None:
    guest = Rig(capacity=SIZE - 1).open()
    with refused(ENOMEM):
        guest.reqbufs(1)
    assert not guest.rig.memory.live
    assert guest.rig.open().reqbufs(0) == 0


def test_a_half_allocated_multiplanar_buffer_is_given_back() -> None:
    luma = 640 * 480
    rig = Rig(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE), capacity=luma * 3 // 2 + luma)
    assert rig.open().reqbufs(2) == 1
    assert len(rig.memory.live) == 2


# Owner


def test_the_queue_belongs_to_the_session_that_allocated(guest: Guest) -> None:
    other = guest.rig.open()
    guest.reqbufs(2)
    fmt = current_format(other)
    for attempt in (
        lambda: other.reqbufs(1),
        lambda: other.reqbufs(0),
        lambda: other.create_bufs(1, fmt),
        lambda: other.remove_bufs(0, 1),
        lambda: other.qbuf(0),
        lambda: other.prepare(0),
        other.streamon,
        other.streamoff,
    ):
        with refused(EBUSY):
            attempt()
    assert other.querybuf(0).length == SIZE


def test_reqbufs_of_zero_passes_the_queue_on(guest: Guest) -> None:
    other = guest.rig.open()
    guest.reqbufs(2)
    guest.reqbufs(0)
    assert other.reqbufs(1) == 1


def test_closing_the_owner_frees_the_queue(guest: Guest) -> None:
    other = guest.rig.open()
    guest.stream()
    guest.close()
    assert not guest.rig.memory.live
    assert guest.rig.armed is None
    assert other.reqbufs(1) == 1


def test_closing_another_session_leaves_the_stream_alone(guest: Guest) -> None:
    other = guest.rig.open()
    guest.stream()
    other.close()
    guest.rig.run()
    assert len(guest.rig.sink.dqbufs) == 1


# CREATE_BUFS


def test_create_bufs_adds_behind_what_is_there(guest: Guest) -> None:
    guest.reqbufs(2)
    assert guest.create_bufs(3, current_format(guest)) == (2, 3)
    assert guest.querybuf(4).length == SIZE


def test_create_bufs_of_zero_only_asks(guest: Guest) -> None:
    guest.reqbufs(2)
    assert guest.create_bufs(0, current_format(guest), USERPTR) == (2, 0)


def test_create_bufs_makes_larger_but_not_smaller_buffers(guest: Guest) -> None:
    assert guest.create_bufs(1, current_format(guest, SIZE + 10240)) == (0, 1)
    assert guest.querybuf(0).length == SIZE + 10240
    for sizeimage in (0, SIZE - 1):
        with refused(EINVAL):
            guest.create_bufs(1, current_format(guest, sizeimage))


def test_create_bufs_of_another_memory_type_is_einval(guest: Guest) -> None:
    guest.reqbufs(1)
    with refused(EINVAL):
        guest.create_bufs(1, current_format(guest), USERPTR)


def test_create_bufs_stops_at_the_maximum(guest: Guest) -> None:
    guest.reqbufs(30)
    assert guest.create_bufs(10, current_format(guest)) == (30, 2)
    with refused(ENOBUFS):
        guest.create_bufs(1, current_format(guest))


def test_create_bufs_tells_the_maximum_and_zeroes_reserved_fields(guest: Guest) -> None:
    payload = bytearray(
        CREATE_BUFFERS.pack(0, 1, MMAP, current_format(guest), 0, MemoryFlag.NON_COHERENT, 0)
    )
    payload[236:] = b"\xff" * 20
    answer = guest.ioctl(ioctls.VIDIOC_CREATE_BUFS, payload)
    assert CREATE_BUFFERS.unpack(answer)[5:] == (0, 32)
    assert answer[236:] == bytes(20)


def test_create_bufs_works_while_streaming(guest: Guest) -> None:
    guest.stream(2)
    assert guest.create_bufs(1, current_format(guest)) == (2, 1)
    guest.qbuf(2)


def test_create_bufs_without_memory_is_enomem() -> None:
    guest = Rig(capacity=SIZE - 1).open()
    with refused(ENOMEM):
        guest.create_bufs(1, current_format(guest))
    with refused(ENOMEM):
        guest.create_bufs(1, current_format(guest, 0xFFFFFFFF))
    assert guest.create_bufs(1, current_format(guest), USERPTR) == (0, 1)


@pytest.mark.parametrize("sizes", [(), (9,), (9, 0), (9, 9, 9), (9,) * 200])
def test_create_bufs_wants_as_many_planes_as_the_format(sizes: tuple[int, ...]) -> None:
    guest = Rig(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE)).open()
    fmt = guest.ioctl(ioctls.VIDIOC_G_FMT, CAPTURE_MPLANE.to_bytes(4, "little") + bytes(204))
    fmt[28:188] = b"".join(
        (size << 20).to_bytes(4, "little") + bytes(16) for size in sizes[:8]
    ).ljust(160, b"\0")
    fmt[188] = len(sizes)
    with refused(EINVAL):
        guest.create_bufs(1, bytes(fmt))


# REMOVE_BUFS


def test_remove_bufs_leaves_a_hole_that_create_bufs_fills(guest: Guest) -> None:
    fmt = current_format(guest)
    guest.create_bufs(4, fmt)
    guest.remove_bufs(1, 2)
    assert guest.create_bufs(3, fmt) == (4, 3)
    for gone in (1, 2):
        with refused(EINVAL):
            guest.querybuf(gone)
    assert guest.create_bufs(2, fmt) == (1, 2)
    guest.remove_bufs(0, 7)
    assert not guest.rig.memory.live


@pytest.mark.parametrize(("index", "count"), [(1, 1), (0, 2), (30, 7), (3, 0xFFFFFFF)])
def test_remove_bufs_that_are_not_there_is_einval(guest: Guest, index: int, count: int) -> None:
    guest.create_bufs(1, current_format(guest))
    with refused(EINVAL):
        guest.remove_bufs(index, count)
    assert guest.querybuf(0).length == SIZE


def test_remove_bufs_of_none_is_always_fine(guest: Guest) -> None:
    for index in (0, 7, 0xFFFFFFFF):
        guest.remove_bufs(index, 0)


def test_remove_bufs_of_a_queued_buffer_is_ebusy(guest: Guest) -> None:
    guest.reqbufs(2)
    guest.qbuf(1)
    with refused(EBUSY):
        guest.remove_bufs(0, 2)
    assert len(guest.rig.memory.live) == 2


def test_remove_bufs_zeroes_reserved_fields(guest: Guest) -> None:
    payload = REMOVE_BUFFERS.pack(0, 0, CAPTURE)[:12] + b"\xff" * 52
    assert guest.ioctl(ioctls.VIDIOC_REMOVE_BUFS, payload)[12:] == bytes(52)


# QBUF and PREPARE_BUF


def test_qbuf_twice_is_einval(guest: Guest) -> None:
    guest.reqbufs(2)
    assert guest.qbuf(0).flags & BufFlag.QUEUED
    with refused(EINVAL):
        guest.qbuf(0)
    with refused(EINVAL):
        guest.prepare(0)


@pytest.mark.parametrize("index", [2, 32, 0xFFFFFFFF])
def test_an_index_past_the_end_is_einval(guest: Guest, index: int) -> None:
    guest.reqbufs(2)
    for attempt in (guest.querybuf, guest.qbuf, guest.prepare):
        with refused(EINVAL):
            attempt(index)


@pytest.mark.parametrize("memory", [0, USERPTR, Memory.DMABUF])
def test_another_memory_type_than_the_queue_has_is_einval(guest: Guest, memory: int) -> None:
    guest.reqbufs(1)
    with refused(EINVAL):
        guest.submit(ioctls.VIDIOC_QBUF, guest.buffer(0, memory))


def test_a_prepared_buffer_is_prepared_until_it_is_queued(guest: Guest) -> None:
    guest.reqbufs(1)
    assert guest.prepare(0).flags & (BufFlag.PREPARED | BufFlag.QUEUED) == BufFlag.PREPARED
    with refused(EINVAL):
        guest.prepare(0)
    assert guest.qbuf(0).flags & (BufFlag.PREPARED | BufFlag.QUEUED) == BufFlag.QUEUED


def test_requests_are_refused(guest: Guest) -> None:
    guest.reqbufs(1)
    with refused(EBADR):
        guest.qbuf(0, flags=int(BufFlag.REQUEST_FD), request_fd=3)
    with refused(EINVAL):
        guest.prepare(0, flags=int(BufFlag.REQUEST_FD))
    assert guest.qbuf(0).request_fd == 0


# STREAMON and STREAMOFF


def test_streamon_without_buffers_is_einval(guest: Guest) -> None:
    with refused(EINVAL):
        guest.streamon()


def test_streamon_twice_and_streamoff_without_a_stream_are_fine(guest: Guest) -> None:
    guest.streamoff()
    guest.stream()
    guest.streamon()
    guest.streamoff()
    guest.streamoff()


def test_the_source_starts_when_enough_buffers_are_queued() -> None:
    source = Camera()
    source.min_buffers = 2
    guest = Rig(source).open()
    guest.reqbufs(3)
    guest.streamon()
    guest.qbuf(0)
    assert "start" not in [call[0] for call in source.calls]
    guest.qbuf(1)
    assert source.calls[-1][0] == "start"


def test_streamoff_gives_all_buffers_back_without_a_dqbuf(guest: Guest) -> None:
    guest.stream(2)
    guest.streamoff()
    assert not guest.rig.sink.dqbufs
    assert guest.rig.armed is None
    for index in range(2):
        view = guest.querybuf(index)
        assert (view.flags & ~BufFlag.TIMESTAMP_MASK, view.sequence, view.usec) == (0, 0, 0)
        guest.qbuf(index)


def test_streamoff_and_reqbufs_void_dqbufs_that_are_not_delivered(guest: Guest) -> None:
    guest.stream()
    guest.rig.sink.dropped.clear()
    guest.streamoff()
    guest.reqbufs(0)
    assert guest.rig.sink.dropped == [(guest.id, CAPTURE)] * 2


def test_a_source_that_refuses_to_start_fails_the_streamon(guest: Guest) -> None:
    source = guest.rig.source
    assert isinstance(source, Camera)
    source.refuses = RuntimeError("no power")
    guest.reqbufs(1)
    guest.qbuf(0)
    with pytest.raises(Exception, match="no power"):
        guest.streamon()
    source.refuses = None
    guest.streamon()
    assert source.calls[-1][0] == "start"


def test_a_source_that_refuses_to_start_fails_the_qbuf_that_would_have_started_it() -> None:
    source = Camera(YUYV_DESC)
    guest = Rig(source).open()
    guest.reqbufs(1)
    guest.streamon()
    source.refuses = RuntimeError("no power")
    with pytest.raises(Exception, match="no power"):
        guest.qbuf(0)
    assert not guest.querybuf(0).flags & BufFlag.QUEUED
    source.refuses = None
    guest.qbuf(0)
