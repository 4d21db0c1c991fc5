"""What the guest reads in struct v4l2_buffer: fields, flags, planes, pointers (capture, MMAP)."""

from dataclasses import replace
from errno import EINVAL

import pytest

from tests.v4l2.rig import (
    CAPTURE_MPLANE,
    MMAP,
    NM12_DESC,
    PROGRESSIVE,
    Camera,
    Guest,
    Rig,
    refused,
)
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import BUFFER, PLANE
from vmedia_bench.wire.v4l2 import BufFlag

MONOTONIC = int(BufFlag.TIMESTAMP_MONOTONIC)
QUEUED = int(BufFlag.QUEUED)
SIZE = 640 * 480 * 2
LUMA = 640 * 480


@pytest.fixture
def planar() -> Guest:
    return Rig(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE)).open()


# QUERYBUF


def test_a_fresh_buffer_says_where_it_is_and_nothing_else(guest: Guest) -> None:
    guest.reqbufs(2)
    first, second = guest.querybuf(0), guest.querybuf(1)
    assert (second.index, second.memory, second.length) == (1, MMAP, SIZE)
    assert (first.m, second.m) == tuple(guest.rig.memory.live)
    assert second.flags == MONOTONIC
    assert (second.bytesused, second.sequence, second.usec, second.timecode) == (0, 0, 0, bytes(16))


def test_what_the_guest_left_in_the_structure_does_not_come_back(guest: Guest) -> None:
    guest.reqbufs(1)
    dirty = bytearray(guest.buffer(0))
    for start, end in ((8, 60), (64, 88)):
        dirty[start:end] = b"\xff" * (end - start)
    answer = guest.ioctl(ioctls.VIDIOC_QUERYBUF, dirty)
    assert answer == guest.ioctl(ioctls.VIDIOC_QUERYBUF, guest.buffer(0))


def test_a_live_mapping_shows_as_mapped(guest: Guest) -> None:
    guest.reqbufs(2)
    guest.rig.memory.mapped.add(guest.querybuf(1).m)
    assert not guest.querybuf(0).flags & BufFlag.MAPPED
    assert guest.querybuf(1).flags & BufFlag.MAPPED
    assert guest.qbuf(1).flags & BufFlag.MAPPED


def test_a_multiplanar_buffer_has_an_offset_for_each_plane(planar: Guest) -> None:
    planar.reqbufs(1)
    view = planar.querybuf(0)
    assert (view.length, view.bytesused) == (2, 0)
    assert [plane.length for plane in view.planes] == [LUMA, LUMA // 2]
    assert [plane.m for plane in view.planes] == list(planar.rig.memory.live)


def test_the_planes_pointer_comes_back_as_given(planar: Guest) -> None:
    planar.reqbufs(1)
    pointer = 0x7FFF_1234_5678_9ABC
    for number in (ioctls.VIDIOC_QUERYBUF, ioctls.VIDIOC_PREPARE_BUF, ioctls.VIDIOC_QBUF):
        assert planar.submit(number, planar.buffer(0, m=pointer)).m == pointer


def test_planes_have_zeroed_reserved_fields_and_spare_ones_are_left_alone(planar: Guest) -> None:
    planar.reqbufs(1)
    arg = planar.buffer(0, planes=3)[: BUFFER.size] + b"\xff" * (3 * PLANE.size)
    answer = planar.ioctl(ioctls.VIDIOC_QUERYBUF, arg)
    planes = [answer[at : at + PLANE.size] for at in range(BUFFER.size, len(answer), PLANE.size)]
    assert planes[0][20:] == planes[1][20:] == bytes(44)
    assert planes[2] == b"\xff" * PLANE.size


@pytest.mark.parametrize("room", [0, 1])
def test_a_planes_array_that_is_too_short_is_einval(planar: Guest, room: int) -> None:
    planar.reqbufs(1)
    for number in (ioctls.VIDIOC_QUERYBUF, ioctls.VIDIOC_PREPARE_BUF, ioctls.VIDIOC_QBUF):
        with refused(EINVAL):
            planar.submit(number, planar.buffer(0, planes=room))


# QBUF


def test_qbuf_of_a_capture_buffer_takes_nothing_over_from_the_guest(guest: Guest) -> None:
    guest.reqbufs(1)
    view = guest.qbuf(
        0,
        bytesused=99,
        flags=0xFFFFFFFF & ~int(BufFlag.REQUEST_FD),
        field=7,
        tv_sec=5,
        timecode=b"\xff" * 16,
        sequence=8,
        length=3,
        request_fd=-1,
        m=0x1234,
    )
    assert view == replace(guest.querybuf(0), flags=MONOTONIC | QUEUED)
    assert (view.bytesused, view.length, view.sequence, view.usec) == (0, SIZE, 0, 0)


def test_cache_hints_are_dropped(guest: Guest) -> None:
    guest.reqbufs(1)
    hints = int(BufFlag.NO_CACHE_CLEAN | BufFlag.NO_CACHE_INVALIDATE)
    assert not guest.prepare(0, flags=hints).flags & hints
    assert not guest.qbuf(0, flags=hints).flags & hints


# DQBUF


def test_a_frame_comes_back_with_what_belongs_to_it(guest: Guest) -> None:
    guest.stream(2)
    started = guest.rig.now
    guest.rig.run(2)
    session, second = guest.rig.sink.dqbufs[1]
    assert session == guest.id
    assert (second.index, second.sequence, second.memory) == (1, 1, MMAP)
    assert (second.bytesused, second.length, second.field) == (SIZE, SIZE, PROGRESSIVE)
    assert second.flags == MONOTONIC
    assert second.usec == started // 1000 + 33_333
    assert (second.timecode, second.request_fd, second.m) == (bytes(16), 0, 0)


def test_the_frame_is_in_the_buffer(guest: Guest) -> None:
    guest.stream(2)
    guest.rig.run(2)
    offset = guest.querybuf(1).m
    assert guest.rig.memory.live[offset].view[0] == 1


def test_multiplanar_frames_say_bytesused_of_each_plane_and_hide_offsets(planar: Guest) -> None:
    planar.stream(1)
    planar.rig.run()
    (view,) = planar.rig.sink.frames()
    assert (view.length, view.bytesused, view.m) == (2, 0, 0)
    assert [(p.bytesused, p.length, p.m) for p in view.planes] == [
        (LUMA, LUMA, 0),
        (LUMA // 2, LUMA // 2, 0),
    ]


def test_a_requeued_buffer_starts_anew(guest: Guest) -> None:
    guest.stream(1)
    guest.rig.run()
    assert guest.querybuf(0).sequence == 0
    assert guest.querybuf(0).usec > 0
    view = guest.qbuf(0)
    assert (view.bytesused, view.sequence, view.usec) == (0, 0, 0)


def test_a_mapped_buffer_comes_back_mapped(guest: Guest) -> None:
    guest.stream(1)
    guest.rig.memory.mapped.add(guest.querybuf(0).m)
    guest.rig.run()
    assert guest.rig.sink.frames()[0].flags == MONOTONIC | BufFlag.MAPPED


def test_sequence_numbers_begin_at_zero_with_each_stream(guest: Guest) -> None:
    guest.stream(2)
    guest.rig.run(2)
    guest.streamoff()
    guest.qbuf(0)
    guest.streamon()
    guest.rig.run()
    assert [view.sequence for view in guest.rig.sink.frames()] == [0, 1, 0]
