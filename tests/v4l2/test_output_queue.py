"""Output queues: what the guest says of its data, and the source that drains it."""

from dataclasses import replace
from errno import EINVAL

import pytest

from tests.v4l2.rig import (
    NM12_DESC,
    OUTPUT,
    OUTPUT_MPLANE,
    PROGRESSIVE,
    YUYV_DESC,
    Camera,
    Guest,
    Rig,
    refused,
)
from vmedia_bench.wire.v4l2 import BufFlag, Field

SIZE = 640 * 480 * 2
LUMA = 640 * 480
TIMECODE = bytes(range(16))


@pytest.fixture
def display() -> Camera:
    return Camera(YUYV_DESC, buf_type=OUTPUT)


@pytest.fixture
def guest(display: Camera) -> Guest:
    guest = Rig(display).open()
    guest.reqbufs(2)
    return guest


@pytest.fixture
def planar() -> Guest:
    guest = Rig(Camera(NM12_DESC, buf_type=OUTPUT_MPLANE)).open()
    guest.reqbufs(1)
    return guest


def test_the_source_gets_what_the_guest_wrote(guest: Guest, display: Camera) -> None:
    guest.rig.memory.live[guest.querybuf(0).m].view[:5] = b"hello"
    guest.qbuf(0, bytesused=5)
    guest.streamon()
    guest.rig.run()
    assert [data for _, data in display.drained] == [[b"hello"]]
    (view,) = guest.rig.sink.frames()
    assert (view.bytesused, view.sequence, view.usec) == (5, 0, guest.rig.now // 1000)


def test_a_bytesused_of_zero_means_the_whole_buffer(guest: Guest) -> None:
    assert guest.qbuf(0, bytesused=0).bytesused == SIZE


def test_more_data_than_buffer_is_einval(guest: Guest) -> None:
    for attempt in (guest.prepare, guest.qbuf):
        with refused(EINVAL):
            attempt(0, bytesused=SIZE + 1)


def test_data_offset_must_lie_before_the_end_of_the_data(planar: Guest) -> None:
    for bytesused, offset in ((100, 100), (0, LUMA), (0, 0xFFFFFFFF)):
        with refused(EINVAL):
            planar.qbuf(0, plane_fields=[(bytesused, 0, 0, offset)])
    view = planar.qbuf(0, plane_fields=[(100, 0, 0, 99)])
    assert (view.planes[0].bytesused, view.planes[0].data_offset) == (100, 99)


def test_the_source_does_not_see_what_is_in_front_of_data_offset(planar: Guest) -> None:
    source = planar.rig.source
    assert isinstance(source, Camera)
    planar.rig.memory.live[planar.querybuf(0).planes[0].m].view[:8] = b"HEADdata"
    planar.qbuf(0, plane_fields=[(8, 0, 0, 4), (1, 0, 0, 0)])
    planar.streamon()
    planar.rig.run()
    assert source.drained[0][1] == [b"data", b"\0"]


def test_field_any_becomes_the_format_field_and_alternate_is_einval(guest: Guest) -> None:
    assert guest.qbuf(0, field=int(Field.ANY)).field == PROGRESSIVE
    with refused(EINVAL):
        guest.qbuf(1, field=int(Field.ALTERNATE))


def test_an_alternate_format_wants_to_know_which_field() -> None:
    desc = replace(YUYV_DESC, field=int(Field.ALTERNATE))
    guest = Rig(Camera(desc, buf_type=OUTPUT)).open()
    guest.reqbufs(1)
    with refused(EINVAL):
        guest.qbuf(0, field=PROGRESSIVE)
    assert guest.qbuf(0, field=int(Field.TOP)).field == Field.TOP


def test_frame_type_and_timecode_are_the_guests_to_say(guest: Guest) -> None:
    flags = int(BufFlag.KEYFRAME | BufFlag.TIMECODE)
    view = guest.qbuf(0, flags=flags, timecode=TIMECODE)
    assert view.flags & flags == flags
    assert view.timecode == TIMECODE
    guest.streamon()
    guest.rig.run()
    assert guest.rig.sink.frames()[0].timecode == TIMECODE


def test_a_timecode_without_its_flag_is_dropped(guest: Guest) -> None:
    assert guest.qbuf(0, timecode=TIMECODE).timecode == bytes(16)


def test_what_was_prepared_counts_not_what_is_queued(guest: Guest) -> None:
    guest.prepare(0, bytesused=7)
    assert guest.qbuf(0, bytesused=0xDEADBEEF).bytesused == 7


def test_the_guests_timestamp_is_not_taken(guest: Guest) -> None:
    assert guest.qbuf(0, tv_sec=9).usec == 0


def test_a_source_that_cannot_take_it_now_is_asked_again(guest: Guest, display: Camera) -> None:
    display.empty = True
    guest.qbuf(0, bytesused=1)
    guest.streamon()
    guest.rig.run()
    assert not guest.rig.sink.dqbufs
    display.empty = False
    guest.rig.run()
    assert guest.rig.sink.frames()[0].sequence == 1
