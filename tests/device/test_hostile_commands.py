"""What a hostile driver may send on the commandq, and what it gets: the device goes on."""

import struct
from errno import EBUSY, EFAULT, EINVAL, EIO, ENOBUFS, ENOMEM, ENOTTY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.device.rig import CAPTURE, CAPTURE_MPLANE, FRAME_SIZE, RAM_AT, RAM_SIZE, USERPTR, Rig
from vmedia_bench.device.pending import Pending
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.v4l2 import fourcc


@pytest.fixture
def rig() -> Rig:
    return Rig()


def status_of(response: bytes) -> int:
    return int(media.RESP_HEADER.unpack_from(response)[0])


@pytest.mark.parametrize("length", range(8))
def test_a_command_shorter_than_its_header_is_einval(rig: Rig, length: int) -> None:
    assert status_of(rig.execute(media.CMD_HEADER.pack(media.CMD_OPEN, 0)[:length])) == EINVAL


@pytest.mark.parametrize("length", range(8, 16))
def test_an_ioctl_without_a_code_is_einval(rig: Rig, length: int) -> None:
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, rig.open(), ioctls.VIDIOC_G_FMT)
    assert status_of(rig.execute(request[:length])) == EINVAL


@pytest.mark.parametrize(("command", "size"), [(media.CMD_MMAP, 20), (media.CMD_MUNMAP, 16)])
def test_a_command_cut_short_is_einval(rig: Rig, command: int, size: int) -> None:
    request = media.CMD_HEADER.pack(command, 0) + bytes(size)
    for length in range(8, size):
        assert status_of(rig.execute(request[:length])) == EINVAL


@pytest.mark.parametrize("command", [0, 6, 99, 0xFFFF_FFFF])
def test_an_unknown_command_is_enotty(rig: Rig, command: int) -> None:
    assert status_of(rig.execute(media.CMD_HEADER.pack(command, 0))) == ENOTTY


def test_an_ioctl_on_an_unknown_session_is_einval(rig: Rig) -> None:
    assert rig.ioctl(77, ioctls.VIDIOC_G_FMT, bytes(208)) == (EINVAL, b"")


def test_mmap_on_an_unknown_session_is_einval(rig: Rig) -> None:
    assert rig.mmap(77, 0)[0] == EINVAL


def test_close_of_an_unknown_session_and_a_double_close_are_passed_over(rig: Rig) -> None:
    session = rig.open()
    assert [rig.close(77), rig.close(session), rig.close(session)] == [b"", b"", b""]
    assert rig.open()


@pytest.mark.parametrize("length", range(8, 16))
def test_a_close_cut_short_is_passed_over(rig: Rig, length: int) -> None:
    request = media.CMD_SESSION.pack(media.CMD_CLOSE, rig.open(), 0)
    assert rig.execute(request[:length]) == b""


def test_a_payload_shorter_than_the_structure_is_einval_for_every_ioctl(rig: Rig) -> None:
    session = rig.open()
    for number, ioctl in ioctls.IOCTLS.items():
        if ioctl.direction is ioctls.Direction.R or not ioctl.size:
            continue
        status, _ = rig.ioctl(session, number, bytes(ioctl.size - 1))
        assert status in {EINVAL, ENOTTY}, ioctl.name


def test_a_response_never_depends_on_the_room_so_that_the_transport_may_cut_it(rig: Rig) -> None:
    session = rig.open()
    payload = structs.U32.pack(CAPTURE) + bytes(204)
    assert rig.ioctl(session, ioctls.VIDIOC_G_FMT, payload, room=4) == rig.ioctl(
        session, ioctls.VIDIOC_G_FMT, payload, room=4096
    )


@pytest.mark.parametrize("count", [1025, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_ext_controls_beyond_any_sense_are_einval_before_anything_is_allocated(
    rig: Rig, count: int
) -> None:
    payload = structs.EXT_CONTROLS.pack(0, count, 0, 0, 0)
    assert rig.ioctl(rig.open(), ioctls.VIDIOC_S_EXT_CTRLS, payload)[0] == EINVAL


def test_ext_controls_with_fewer_controls_than_counted_are_einval(rig: Rig) -> None:
    payload = structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0) + bytes(39)
    assert rig.ioctl(rig.open(), ioctls.VIDIOC_G_EXT_CTRLS, payload)[0] == EINVAL


@pytest.mark.parametrize("planes", [9, 0xFFFF_FFFF])
def test_more_planes_than_exist_are_einval(planes: int) -> None:
    rig = Rig(buf_type=CAPTURE_MPLANE)
    session = rig.open()
    rig.request_buffers(session, 1)
    assert rig.ioctl(session, ioctls.VIDIOC_QUERYBUF, rig.buffer(0, length=planes))[0] == EINVAL


def test_a_plane_array_cut_short_is_einval() -> None:
    rig = Rig(buf_type=CAPTURE_MPLANE)
    session = rig.open()
    rig.request_buffers(session, 1)
    payload = rig.buffer(0, length=1) + bytes(63)
    assert rig.ioctl(session, ioctls.VIDIOC_QUERYBUF, payload)[0] == EINVAL


def queue_shared_pages(rig: Rig, sg: list[tuple[int, int]], length: int = FRAME_SIZE) -> int:
    session = rig.open()
    rig.request_buffers(session, 1, USERPTR)
    payload = rig.buffer(0, USERPTR, m=0x1000, length=length)
    payload += b"".join(media.SG_ENTRY.pack(*entry) for entry in sg)
    return rig.ioctl(session, ioctls.VIDIOC_QBUF, payload)[0]


@pytest.mark.parametrize(
    "entry",
    [
        (0, FRAME_SIZE),
        (RAM_AT - 1, FRAME_SIZE),
        (RAM_AT + RAM_SIZE - FRAME_SIZE + 1, FRAME_SIZE),
        (0xFFFF_FFFF_FFFF_F000, FRAME_SIZE),
    ],
)
def test_an_sg_entry_outside_guest_memory_is_efault(rig: Rig, entry: tuple[int, int]) -> None:
    assert queue_shared_pages(rig, [entry]) == EFAULT


@pytest.mark.parametrize(
    "sg",
    [
        [],
        [(RAM_AT, FRAME_SIZE - 1)],
        [(RAM_AT, 10), (RAM_AT + 64, 0), (RAM_AT + 128, FRAME_SIZE)],
    ],
)
def test_an_sg_list_that_does_not_cover_the_buffer_is_einval(
    rig: Rig, sg: list[tuple[int, int]]
) -> None:
    assert queue_shared_pages(rig, sg) == EINVAL


def test_an_sg_total_beyond_any_sense_is_refused_without_allocating(rig: Rig) -> None:
    assert queue_shared_pages(rig, [(RAM_AT, 64)], length=0xFFFF_FFFF) == EINVAL


def test_nothing_is_written_when_one_entry_of_several_is_bad(rig: Rig) -> None:
    assert queue_shared_pages(rig, [(RAM_AT, 512), (0, 512)]) == EFAULT
    rig.let_pass(1)
    assert not any(rig.transport.memory.bytes)


def test_buffer_index_wrong_type_wrong_memory_and_queueing_twice_are_einval(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 2)
    rig.queue(session, 0)
    wrong_type = bytearray(rig.buffer(1))
    wrong_type[4:8] = struct.pack("<I", 2)
    for payload in (rig.buffer(0), rig.buffer(2), rig.buffer(1, USERPTR), bytes(wrong_type)):
        assert rig.ioctl(session, ioctls.VIDIOC_QBUF, payload)[0] == EINVAL


@pytest.mark.parametrize("offset", [4096 * 77, 1, 0xFFFF_FFFF])
def test_mmap_of_an_unknown_offset_is_einval(rig: Rig, offset: int) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    assert rig.mmap(session, offset)[0] == EINVAL


def test_mmap_of_another_sessions_buffer_after_its_release_is_einval(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    offset = rig.offset_of(session, 0)
    rig.request_buffers(session, 0)
    assert rig.mmap(session, offset)[0] == EINVAL


def test_munmap_of_an_unknown_address_and_twice_is_einval(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    _, address, _ = rig.mmap(session, rig.offset_of(session, 0))
    assert rig.munmap(address + 4096) == EINVAL
    assert [rig.munmap(address), rig.munmap(address)] == [0, EINVAL]


def test_a_session_flood_is_capped_with_ebusy(rig: Rig) -> None:
    statuses = [
        status_of(rig.execute(media.CMD_HEADER.pack(media.CMD_OPEN, 0))) for _ in range(1000)
    ]
    assert statuses == [0] * 8 + [EBUSY] * 992


def create_buffers(rig: Rig, session: int, sizeimage: int) -> int:
    """The status of CREATE_BUFS for one buffer of `sizeimage` bytes."""
    fmt = bytearray(208)
    fmt[0:4] = structs.U32.pack(CAPTURE)
    structs.PIX_FORMAT.pack_into(fmt, 8, 32, 32, fourcc("GREY"), 1, 32, sizeimage, 0, 0, 0, 0, 0, 0)
    payload = structs.CREATE_BUFFERS.pack(0, 1, 1, bytes(fmt), 0, 0, 0)
    return rig.ioctl(session, ioctls.VIDIOC_CREATE_BUFS, payload)[0]


def test_a_buffer_flood_is_capped_and_leaves_the_arena_as_it_was(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 31)
    assert create_buffers(rig, session, FRAME_SIZE) == 0
    free = rig.arena.free_bytes()
    assert create_buffers(rig, session, FRAME_SIZE) == ENOBUFS
    assert rig.arena.free_bytes() == free


@pytest.mark.parametrize("sizeimage", [2 << 20, 0xFFFF_FFFF])
def test_a_buffer_larger_than_the_arena_is_enomem(rig: Rig, sizeimage: int) -> None:
    session = rig.open()
    assert create_buffers(rig, session, sizeimage) == ENOMEM
    assert rig.arena.free_bytes() == rig.arena.size


def test_without_event_buffers_commands_never_wait_and_events_stay_bounded(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 2)
    rig.stream_on(session)
    for _ in range(500):
        for index in (0, 1):
            assert rig.ioctl(session, ioctls.VIDIOC_QBUF, rig.buffer(index))[0] == 0
        rig.let_pass(0.2)
    assert len(rig.events()) == 2


def test_a_handler_that_raises_is_answered_eio_and_the_device_goes_on(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = rig.open()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("our own mistake")

    with monkeypatch.context() as patched:
        patched.setattr(rig.device.node, "ioctl", broken)
        assert rig.ioctl(session, ioctls.VIDIOC_G_INPUT, bytes(4))[0] == EIO
    assert "broke the device" in caplog.text
    assert rig.ioctl(session, ioctls.VIDIOC_G_INPUT, bytes(4))[0] == 0


# SHMEM_MAP


def test_shmem_map_refused_is_enomem_and_not_retried_for_that_mmap(rig: Rig) -> None:
    rig.transport.accept = False
    session = rig.open()
    rig.request_buffers(session, 1)
    assert rig.mmap(session, rig.offset_of(session, 0)) == (ENOMEM, 0, 0)
    assert len(rig.transport.requests) == 1
    assert rig.device.mappings.count() == 0


def test_the_arena_is_mapped_once_however_many_buffers_are(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 4)
    for index in range(4):
        assert rig.mmap(session, rig.offset_of(session, index))[0] == 0
    assert rig.transport.requests == [("map", 0, rig.arena.size)]


def test_mmaps_that_come_while_the_arena_is_being_mapped_wait_for_it(rig: Rig) -> None:
    rig.transport.keep = True
    session = rig.open()
    rig.request_buffers(session, 2)
    answers: list[bytes] = []
    for index in range(2):
        request = media.MMAP_COMMAND.pack(media.CMD_MMAP, session, 1, rig.offset_of(session, index))
        response = rig.device.execute(request, 24)
        assert isinstance(response, Pending)
        response.then(answers.append)
    assert answers == []
    (done,) = rig.transport.kept
    done(True)
    assert [status_of(answer) for answer in answers] == [0, 0]


def test_a_reset_while_the_arena_is_being_mapped_starts_afresh(rig: Rig) -> None:
    rig.transport.keep = True
    session = rig.open()
    rig.request_buffers(session, 1)
    rig.device.execute(
        media.MMAP_COMMAND.pack(media.CMD_MMAP, session, 1, rig.offset_of(session, 0)), 24
    )
    rig.device.reset()
    rig.transport.kept.pop()(False)
    rig.transport.keep = False
    session = rig.open()
    rig.request_buffers(session, 1)
    assert rig.mmap(session, rig.offset_of(session, 0))[0] == 0
    assert rig.device.mappings.count() == 1


def test_per_buffer_mode_maps_and_unmaps_each_buffer_page_rounded() -> None:
    rig = Rig(shmem_per_buffer=True)
    session = rig.open()
    rig.request_buffers(session, 2)
    offsets = [rig.offset_of(session, index) for index in range(2)]
    for offset in offsets:
        rig.mmap(session, offset)
    rig.mmap(session, offsets[0])
    assert rig.transport.requests == [("map", offset, 4096) for offset in offsets]
    rig.munmap(offsets[0])
    assert len(rig.transport.requests) == 2
    rig.munmap(offsets[0])
    assert rig.transport.requests[-1] == ("unmap", offsets[0], 4096)


@pytest.mark.parametrize("shmem_per_buffer", [False, True])
def test_what_is_still_being_mapped_cannot_be_unmapped(shmem_per_buffer: bool) -> None:
    rig = Rig(shmem_per_buffer=shmem_per_buffer)
    session = rig.open()
    rig.request_buffers(session, 1)
    offset = rig.offset_of(session, 0)
    rig.transport.keep = True
    mapping = rig.device.execute(
        media.MMAP_COMMAND.pack(media.CMD_MMAP, session, 1, offset), media.RESP_MMAP.size
    )
    assert not isinstance(mapping, bytes)
    answers: list[bytes] = []
    mapping.then(answers.append)
    assert rig.munmap(offset) == EINVAL
    rig.transport.kept.pop()(True)
    assert answers == [media.RESP_MMAP.pack(0, offset, 1024)]
    rig.transport.keep = False
    assert rig.munmap(offset) == 0
    assert rig.device.mappings.count() == 0


def test_a_mapping_is_unmapped_once() -> None:
    rig = Rig(shmem_per_buffer=True)
    session = rig.open()
    rig.request_buffers(session, 1)
    offset = rig.offset_of(session, 0)
    rig.mmap(session, offset)
    rig.transport.keep = True
    command = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, offset)
    assert not isinstance(rig.device.execute(command, 8), bytes)
    assert rig.munmap(offset) == EINVAL
    assert [kind for kind, _, _ in rig.transport.requests] == ["map", "unmap"]


def test_a_front_end_that_leaves_takes_everything_with_it(rig: Rig) -> None:
    free = rig.arena.free_bytes()
    session = rig.open()
    rig.request_buffers(session, 4)
    rig.mmap(session, rig.offset_of(session, 0))
    rig.queue(session, 0)
    rig.stream_on(session)
    rig.device.detach()
    assert rig.arena.free_bytes() == free
    assert len(rig.device.sessions) == 0
    assert rig.device.take_event(608) is None
    assert rig.deadline is None


# Properties

COMMANDS = st.one_of(
    st.binary(max_size=64),
    st.builds(
        lambda session, number, payload: (
            media.CMD_SESSION.pack(media.CMD_IOCTL, session, number) + payload
        ),
        st.integers(0, 4),
        st.sampled_from(sorted(ioctls.IOCTLS)) | st.integers(0, 0xFFFF_FFFF),
        st.binary(max_size=400),
    ),
    st.builds(
        lambda session, offset: media.MMAP_COMMAND.pack(media.CMD_MMAP, session, 1, offset),
        st.integers(0, 4),
        st.integers(0, 40).map(lambda page: page * 4096),
    ),
    st.builds(
        lambda address: media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, address),
        st.integers(0, 40).map(lambda page: page * 4096),
    ),
    st.just(media.CMD_HEADER.pack(media.CMD_OPEN, 0)),
    st.builds(
        lambda session: media.CMD_SESSION.pack(media.CMD_CLOSE, session, 0), st.integers(0, 4)
    ),
)


def plausible_ioctls() -> st.SearchStrategy[bytes]:
    """Commands that get past the first checks: right sizes, small numbers."""
    small = st.sampled_from([0, 1, 2, 3, 4, 9, 32, 0xFFFF_FFFF])

    def payload(number: int) -> st.SearchStrategy[bytes]:
        words = (ioctls.IOCTLS[number].size + 3) // 4
        return st.lists(small, min_size=words, max_size=words + 40).map(
            lambda values: struct.pack(f"<{len(values)}I", *values)
        )

    return st.tuples(st.integers(1, 3), st.sampled_from(sorted(ioctls.IOCTLS))).flatmap(
        lambda pair: payload(pair[1]).map(
            lambda data: media.CMD_SESSION.pack(media.CMD_IOCTL, *pair) + data
        )
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(COMMANDS | plausible_ioctls(), max_size=30), st.sampled_from([CAPTURE, CAPTURE_MPLANE])
)
def test_no_sequence_of_commands_breaks_the_device(requests: list[bytes], buf_type: int) -> None:
    """Every command is answered, none with EIO (which would be our own mistake), time goes on."""
    rig = Rig(buf_type=buf_type)
    for request in requests:
        response = rig.execute(request)
        if request[:4] == media.CMD_CLOSE.to_bytes(4, "little") and len(request) >= 8:
            assert response == b""
        else:
            assert len(response) >= 8
            assert status_of(response) != EIO
        rig.let_pass(0.04)
    assert len(rig.device.sessions) <= 8
    assert len(rig.device.events) < 200
    rig.device.detach()
    assert rig.arena.free_bytes() == rig.arena.size
