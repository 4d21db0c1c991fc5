"""Buffers and controls between guest and host: bytes in, bytes out."""

from errno import EBADR, EINVAL

import pytest

from vmedia_bench.backends.host.translate import (
    HostBuffer,
    HostControls,
    PlanePlace,
    to_guest,
    to_host,
)
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufFlag, BufType, CtrlWhich, Memory

CAPTURE, CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_CAPTURE_MPLANE)
OUTPUT_MPLANE = int(BufType.VIDEO_OUTPUT_MPLANE)
MMAP, USERPTR = int(Memory.MMAP), int(Memory.USERPTR)
GUESTS_POINTER = 0x7FFF_1111_0000
ARENA = [PlanePlace(address=0xA000, host_length=100, m=0x3000, length=100)]
TWO = [PlanePlace(0xA000, 100, 0x3000, 100), PlanePlace(0xB000, 50, 0x4000, 50)]


def buffer(
    *, buf_type: int = CAPTURE, flags: int = 0, m: int = 0, length: int = 0, request_fd: int = 0
) -> bytearray:
    return bytearray(
        structs.BUFFER.pack(
            1, buf_type, 7, flags, 1, 11, 22, b"timecode", 5, MMAP, m, length, request_fd
        )
    )


def test_a_driver_that_takes_user_memory_gets_our_address() -> None:
    fields = structs.BUFFER.unpack(to_host(buffer(), USERPTR, ARENA).head)
    assert fields[9:12] == (USERPTR, 0xA000, 100)
    assert fields[:7] == (1, CAPTURE, 7, 0, 1, 11, 22)


def test_the_guests_pointer_and_descriptor_never_reach_the_host() -> None:
    given = buffer(m=GUESTS_POINTER, length=4096, request_fd=9)
    places = [PlanePlace(0, 100, 0, 4096)]
    fields = structs.BUFFER.unpack(to_host(given, MMAP, places).head)
    assert (fields[10], fields[12]) == (0, 0)


def test_a_request_is_refused() -> None:
    with pytest.raises(V4l2Error) as refused:
        to_host(buffer(flags=int(BufFlag.REQUEST_FD), request_fd=3), MMAP, ARENA)
    assert refused.value.errno == EBADR


def test_planes_go_to_the_host_with_what_the_guest_filled_of_them() -> None:
    given = buffer(buf_type=OUTPUT_MPLANE, m=GUESTS_POINTER, length=2)
    given += structs.PLANE.pack(90, 1 << 20, GUESTS_POINTER, 8)
    given += structs.PLANE.pack(40, 1 << 20, GUESTS_POINTER, 0)
    asked = to_host(given, USERPTR, TWO)
    assert structs.PLANE.unpack_from(asked.planes, 0) == (90, 100, 0xA000, 8)
    assert structs.PLANE.unpack_from(asked.planes, 64) == (40, 50, 0xB000, 0)
    assert structs.BUFFER.unpack(asked.head)[10:12] == (0, 2)
    assert asked.bytesused() == (90, 40)


def test_a_planes_array_without_room_for_every_plane_is_refused() -> None:
    given = buffer(buf_type=CAPTURE_MPLANE, length=1) + bytes(64)
    with pytest.raises(V4l2Error) as refused:
        to_host(given, MMAP, TWO)
    assert refused.value.errno == EINVAL


def test_our_address_never_reaches_the_guest() -> None:
    answer = to_host(buffer(), USERPTR, ARENA)
    head, planes = to_guest(answer, MMAP, ARENA, mapped=False, pointer=0)
    assert structs.BUFFER.unpack(head)[9:12] == (MMAP, 0x3000, 100)
    assert planes == b""


def test_a_dqbuf_event_has_no_pointers_at_all() -> None:
    single = to_guest(HostBuffer(buffer(), bytearray()), MMAP, ARENA, mapped=True, pointer=None)
    assert structs.BUFFER.unpack(single[0])[10] == 0
    answer = HostBuffer.blank(0, CAPTURE_MPLANE, USERPTR, 2)
    head, planes = to_guest(answer, MMAP, TWO, mapped=True, pointer=None)
    assert structs.BUFFER.unpack(head)[10:12] == (0, 2)
    assert [structs.PLANE.unpack_from(planes, at)[2] for at in (0, 64)] == [0, 0]


def test_the_guest_gets_its_planes_pointer_back_and_the_arenas_offsets() -> None:
    answer = HostBuffer.blank(0, CAPTURE_MPLANE, USERPTR, 2)
    structs.PLANE.pack_into(answer.planes, 64, 33, 50, 0xB000, 4)
    head, planes = to_guest(answer, MMAP, TWO, mapped=False, pointer=GUESTS_POINTER)
    assert structs.BUFFER.unpack(head)[10:12] == (GUESTS_POINTER, 2)
    assert structs.PLANE.unpack_from(planes, 64) == (33, 50, 0x4000, 4)


def test_flags_are_the_hosts_but_for_whose_mapping_it_is() -> None:
    flags = int(BufFlag.MAPPED | BufFlag.KEYFRAME | BufFlag.ERROR | BufFlag.TIMESTAMP_COPY)
    answer = HostBuffer(buffer(flags=flags), bytearray())
    for mapped in (True, False):
        head, _ = to_guest(answer, MMAP, ARENA, mapped=mapped, pointer=0)
        wanted = flags if mapped else flags & ~int(BufFlag.MAPPED)
        assert structs.BUFFER.unpack(head)[3] == wanted


def test_sequence_and_timestamp_are_the_hosts() -> None:
    answer = HostBuffer(buffer(), bytearray())
    assert answer.timestamp_ns == 11_000_022_000
    assert answer.fields == (1, 7, 0, 5)


# Controls


def controls(*items: tuple[int, int, int], which: int = 0) -> bytearray:
    head = structs.EXT_CONTROLS.pack(which, len(items), 0, 8, GUESTS_POINTER)
    return bytearray(head + b"".join(structs.EXT_CONTROL.pack(*item) for item in items))


def test_a_batch_goes_to_the_host_with_our_pointers_only() -> None:
    batch = HostControls(controls((1, 0, 42), (2, 4, GUESTS_POINTER)), [None, bytearray(4)])
    batch.point_to(0xA000, [0, 0xB000])
    assert structs.EXT_CONTROLS.unpack(batch.head) == (0, 2, 0, 0, 0xA000)
    assert structs.EXT_CONTROL.unpack_from(batch.array, 0) == (1, 0, 42)
    assert structs.EXT_CONTROL.unpack_from(batch.array, 20) == (2, 4, 0xB000)


def test_the_answer_has_the_hosts_values_and_the_guests_pointers() -> None:
    given = controls((1, 0, 42), (2, 4, GUESTS_POINTER))
    batch = HostControls(given, [None, bytearray(4)])
    batch.point_to(0xA000, [0, 0xB000])
    structs.EXT_CONTROL.pack_into(batch.array, 0, 1, 0, 43)
    structs.U32.pack_into(batch.array, 24, 9)
    structs.U32.pack_into(batch.head, 8, 1)
    batch.answer()
    assert structs.EXT_CONTROLS.unpack_from(given) == (0, 2, 1, 8, GUESTS_POINTER)
    assert structs.EXT_CONTROL.unpack_from(given, 32) == (1, 0, 43)
    assert structs.EXT_CONTROL.unpack_from(given, 52) == (2, 9, GUESTS_POINTER)


def test_a_batch_for_a_request_is_refused_with_its_index_at_count() -> None:
    given = controls((1, 0, 42), which=int(CtrlWhich.REQUEST_VAL))
    with pytest.raises(V4l2Error) as refused:
        HostControls(given, [None])
    assert refused.value.errno == EINVAL
    assert structs.EXT_CONTROLS.unpack_from(given)[2] == 1


def test_payloads_beyond_sense_are_refused_before_anything_is_allocated() -> None:
    with pytest.raises(V4l2Error) as refused:
        HostControls.sizes(controls((1, 1 << 31, 0), (2, 1 << 31, 0)))
    assert refused.value.errno == EINVAL
