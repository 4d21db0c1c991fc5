"""USERPTR buffers (SHARED_PAGES): the guest's own memory, filled where it is."""

from collections.abc import Callable
from errno import EINVAL

import pytest

from tests.v4l2.rig import (
    CAPTURE_MPLANE,
    NM12_DESC,
    USERPTR,
    BufferView,
    Camera,
    Guest,
    Pages,
    Rig,
    refused,
)
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.v4l2 import BufFlag

SIZE = 640 * 480 * 2
LUMA = 640 * 480
POINTER = 0x7F00_0000_0FF8


@pytest.fixture
def guest(guest: Guest) -> Guest:
    guest.reqbufs(2, USERPTR)
    return guest


@pytest.fixture
def planar() -> Guest:
    guest = Rig(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE)).open()
    guest.reqbufs(1, USERPTR)
    return guest


def either(guest: Guest) -> tuple[Callable[..., BufferView], ...]:
    return (guest.prepare, guest.qbuf)


def test_no_device_memory_is_used(guest: Guest) -> None:
    assert not guest.rig.memory.live
    assert (guest.querybuf(1).length, guest.querybuf(1).m) == (SIZE, 0)


def test_pointer_and_length_come_back_as_given(guest: Guest) -> None:
    view = guest.qbuf(0, [Pages(SIZE + 8)], m=POINTER, length=SIZE + 8)
    assert (view.m, view.length) == (POINTER, SIZE + 8)
    queried = guest.querybuf(0)
    assert (queried.m, queried.length) == (POINTER, SIZE + 8)
    assert queried.flags & BufFlag.QUEUED


def test_a_prepared_buffer_keeps_what_it_was_prepared_with(guest: Guest) -> None:
    guest.prepare(0, [Pages(SIZE)], m=POINTER, length=SIZE)
    view = guest.submit(ioctls.VIDIOC_QBUF, guest.buffer(0, USERPTR, m=0, length=0), [None])
    assert (view.m, view.length) == (POINTER, SIZE)


def test_the_frame_lands_in_the_guest_memory(guest: Guest) -> None:
    pages = Pages(SIZE)
    pages.data[0] = 0xFF
    guest.qbuf(0, [pages], m=POINTER, length=SIZE)
    guest.streamon()
    guest.rig.run()
    (view,) = guest.rig.sink.frames()
    assert (view.bytesused, view.length, view.m) == (SIZE, SIZE, 0)
    assert pages.data[0] == 0


def test_memory_that_is_missing_or_of_another_length_is_einval(guest: Guest) -> None:
    for attempt in either(guest):
        with refused(EINVAL):
            attempt(0, [Pages(SIZE + 1)], m=POINTER, length=SIZE)
        with refused(EINVAL):
            attempt(0, [Pages(SIZE)], m=POINTER, length=SIZE - 1)
        with refused(EINVAL):
            attempt(0, [Pages(SIZE - 1)], m=POINTER, length=SIZE)
        with refused(EINVAL):
            attempt(0, [None], m=0, length=0)
    with refused(EINVAL):
        guest.submit(ioctls.VIDIOC_QBUF, guest.buffer(0, USERPTR, m=POINTER, length=SIZE), ())
    assert guest.querybuf(0).flags & BufFlag.QUEUED == 0


def test_a_refused_qbuf_changes_nothing(guest: Guest) -> None:
    before = guest.querybuf(0)
    with refused(EINVAL):
        guest.qbuf(0, [Pages(8)], m=POINTER, length=8)
    assert guest.querybuf(0) == before


def test_a_buffer_may_stand_on_other_memory_each_time(guest: Guest) -> None:
    first, second = Pages(SIZE), Pages(SIZE)
    guest.qbuf(0, [first], m=POINTER, length=SIZE)
    guest.streamon()
    guest.rig.run(2)
    guest.qbuf(0, [second], m=POINTER + 4096, length=SIZE)
    guest.rig.run()
    assert (first.data[0], second.data[0]) == (0, 2)


def test_each_plane_has_its_own_memory(planar: Guest) -> None:
    luma, chroma = Pages(LUMA), Pages(LUMA // 2)
    planar.streamon()
    planar.rig.now += 1
    given = [(0, LUMA, POINTER, 0), (0, LUMA // 2, POINTER * 2, 0)]
    view = planar.qbuf(0, [luma, chroma], planes=2, plane_fields=given)
    assert [plane.m for plane in view.planes] == [POINTER, POINTER * 2]
    planar.rig.run()
    assert [plane.bytesused for plane in planar.rig.sink.frames()[0].planes] == [LUMA, LUMA // 2]
    assert [plane.m for plane in planar.querybuf(0).planes] == [POINTER, POINTER * 2]


def test_one_plane_without_memory_is_einval(planar: Guest) -> None:
    given = [(0, LUMA, POINTER, 0), (0, 0, 0, 0)]
    with refused(EINVAL):
        planar.qbuf(0, [Pages(LUMA), None], planes=2, plane_fields=given)


def test_nothing_is_held_of_the_guest_once_the_queue_is_freed(guest: Guest) -> None:
    guest.qbuf(0, [Pages(SIZE)], m=POINTER, length=SIZE)
    buffer = guest.rig.node.context(guest.id)
    assert buffer is not None
    held = buffer.queues[guest.type].buffers[0]
    guest.reqbufs(0)
    assert not held.targets
