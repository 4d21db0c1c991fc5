"""The device's normative sentences in the virtio specification's "Media Device", one test each.

The title of each section of the specification stands above its tests.
"""

from errno import EBUSY, EINVAL, ENOTTY

import pytest

from tests.device.rig import CAPTURE, CAPTURE_MPLANE, FRAME_SIZE, NS, RAM_AT, USERPTR, Rig
from vmedia_bench.device.pending import Pending
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.v4l2 import BufFlag, Cap


@pytest.fixture
def rig() -> Rig:
    return Rig()


# Device configuration layout


def test_the_config_space_holds_device_caps_device_type_and_card(rig: Rig) -> None:
    caps, device_type, card = media.CONFIG.unpack(rig.device.config_space())
    assert caps & Cap.VIDEO_CAPTURE
    assert device_type == 0
    assert card == b"grey camera".ljust(32, b"\0")


def test_a_card_name_of_32_bytes_needs_no_nul(rig: Rig) -> None:
    rig.source.card = "x" * 40
    assert media.CONFIG.unpack(rig.device.config_space())[2] == b"x" * 32


def test_a_card_name_is_cut_between_characters(rig: Rig) -> None:
    rig.source.card = "x" * 31 + "\N{LATIN SMALL LETTER E WITH ACUTE}"
    assert media.CONFIG.unpack(rig.device.config_space())[2] == b"x" * 31 + b"\0"


def test_the_config_space_is_driver_read_only(rig: Rig) -> None:
    before = rig.device.config_space()
    assert rig.device.write_config(0, b"\xff" * 4) is False
    assert rig.device.config_space() == before


# Device Operation: Open device


def test_open_sets_an_id_that_no_other_open_session_uses(rig: Rig) -> None:
    ids = [rig.open() for _ in range(8)]
    assert len(set(ids)) == 8


# Device Operation: Close device


def test_close_requires_no_response(rig: Rig) -> None:
    assert rig.close(rig.open()) == b""


def test_close_frees_all_resources_of_the_session(rig: Rig) -> None:
    free = rig.arena.free_bytes()
    session = rig.open()
    rig.request_buffers(session, 4)
    assert rig.arena.free_bytes() < free
    rig.close(session)
    assert rig.arena.free_bytes() == free


# Device Operation: V4L2 ioctls


def test_on_success_the_payload_is_always_written(rig: Rig) -> None:
    session = rig.open()
    for number, payload in (
        (ioctls.VIDIOC_G_INPUT, bytes(4)),
        (ioctls.VIDIOC_G_FMT, structs.U32.pack(CAPTURE) + bytes(204)),
        (ioctls.VIDIOC_ENUM_FMT, structs.FMTDESC.pack(0, CAPTURE, 0, b"", 0, 0)),
    ):
        status, answer = rig.ioctl(session, number, payload)
        assert (status, len(answer)) == (0, ioctls.IOCTLS[number].size)


def test_a_driver_writable_ioctl_is_answered_with_the_header_alone(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    assert rig.ioctl(session, ioctls.VIDIOC_STREAMON, structs.U32.pack(CAPTURE)) == (0, b"")


def test_on_failure_ext_controls_are_written_back_with_error_idx(rig: Rig) -> None:
    """Some errors still update the payload: the Linux driver hides the errno otherwise."""
    payload = structs.EXT_CONTROLS.pack(0, 1, 0, 0, 0xAA55) + structs.EXT_CONTROL.pack(
        0x980FFF, 0, 0
    )
    status, answer = rig.ioctl(rig.open(), ioctls.VIDIOC_G_EXT_CTRLS, payload)
    assert status == EINVAL
    assert len(answer) == len(payload)


# Handling of pointers to data in ioctl payload


def test_the_planes_pointer_comes_back_as_it_was_given() -> None:
    rig = Rig(buf_type=CAPTURE_MPLANE)
    session = rig.open()
    rig.request_buffers(session, 1)
    payload = rig.buffer(0, m=0xFFFF_8880_1234_5678, length=1) + structs.PLANE.pack(0, 0, 0, 0)
    answer = rig.ok(session, ioctls.VIDIOC_QUERYBUF, payload)
    assert structs.BUFFER.unpack_from(answer)[10] == 0xFFFF_8880_1234_5678


def test_the_controls_pointer_comes_back_as_it_was_given(rig: Rig) -> None:
    control = structs.EXT_CONTROL.pack(0x980900, 0, 0)
    payload = structs.EXT_CONTROLS.pack(0, 1, 0, 0, 0xFFFF_8880_1234_5678) + control
    answer = rig.ok(rig.open(), ioctls.VIDIOC_G_EXT_CTRLS, payload)
    assert structs.EXT_CONTROLS.unpack_from(answer)[4] == 0xFFFF_8880_1234_5678


# Unsupported ioctls


@pytest.mark.parametrize(
    "number",
    [
        ioctls.VIDIOC_QUERYCAP,
        ioctls.VIDIOC_DQBUF,
        ioctls.VIDIOC_DQEVENT,
        ioctls.VIDIOC_G_JPEGCOMP,
        ioctls.VIDIOC_LOG_STATUS,
        ioctls.VIDIOC_G_TUNER,
        200,
        0xFFFF_FFFF,
    ],
)
def test_what_is_not_supported_is_enotty(rig: Rig, number: int) -> None:
    assert rig.ioctl(rig.open(), number, bytes(512)) == (ENOTTY, b"")


# Device Operation: Mapping a MMAP buffer


def test_len_equals_the_length_of_the_buffer(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 2)
    status, address, length = rig.mmap(session, rig.offset_of(session, 1))
    assert status == 0
    assert length == FRAME_SIZE
    assert address % 4096 == 0


def test_mapping_a_buffer_again_gives_the_same_address(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    offset = rig.offset_of(session, 0)
    assert rig.mmap(session, offset) == rig.mmap(session, offset)


# Device Operation: Unmapping a MMAP buffer


@pytest.mark.parametrize("end", ["close", "reqbufs"])
def test_a_mapping_stays_valid_until_munmap_whatever_becomes_of_the_buffer(
    rig: Rig, end: str
) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    _, address, _ = rig.mmap(session, rig.offset_of(session, 0))
    block = rig.arena.block_at(address)
    assert block is not None
    block.view[:4] = b"keep"
    if end == "close":
        rig.close(session)
    else:
        rig.request_buffers(session, 0)
    other = rig.open()
    rig.request_buffers(other, 4)
    assert bytes(block.view[:4]) == b"keep"
    assert all(rig.offset_of(other, index) != address for index in range(4))
    assert rig.munmap(address) == 0
    assert rig.arena.block_at(address) is not block


# Device Operation: Shared Pages


def test_userptr_comes_back_as_it_was_given_and_the_frame_lands_in_the_shared_pages(
    rig: Rig,
) -> None:
    session = rig.open()
    rig.request_buffers(session, 1, USERPTR)
    sg = structs_sg((RAM_AT + 100, 600), (RAM_AT + 5000, FRAME_SIZE - 600))
    payload = rig.buffer(0, USERPTR, m=0x7F00_DEAD_B000, length=FRAME_SIZE) + sg
    answer = rig.ok(session, ioctls.VIDIOC_QBUF, payload)
    assert structs.BUFFER.unpack(answer)[10] == 0x7F00_DEAD_B000
    rig.stream_on(session)
    rig.let_pass(1)
    ram = rig.transport.memory
    (event,) = rig.events()
    assert structs.BUFFER.unpack_from(event, 8)[10] == 0, "pointers in events are NULL"
    value = structs.BUFFER.unpack_from(event, 8)[8] & 0xFF
    assert ram.read(RAM_AT + 100, 600) == bytes([value]) * 600
    assert ram.read(RAM_AT + 5000, FRAME_SIZE - 600) == bytes([value]) * (FRAME_SIZE - 600)
    assert not any(ram.read(RAM_AT, 100))
    assert not any(ram.read(RAM_AT + 700, 4300))


def structs_sg(*segments: tuple[int, int]) -> bytes:
    return b"".join(media.SG_ENTRY.pack(*segment) for segment in segments)


# Device Operation: Virtio Object


def test_a_virtio_object_buffer_is_refused_and_its_fd_placeholder_left_unchanged(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 1)
    dmabuf = rig.buffer(0, memory=4, m=0x7654_3210)
    assert rig.ioctl(session, ioctls.VIDIOC_QBUF, dmabuf + bytes(16)) == (EINVAL, b"")
    request = structs.REQUESTBUFFERS.pack(1, CAPTURE, 4, 0, 0)
    other = rig.open()
    assert rig.ioctl(other, ioctls.VIDIOC_REQBUFS, request)[0] in {EINVAL, EBUSY}


# Device Operation: Device-side error


def test_after_an_error_all_commands_of_the_session_fail(rig: Rig) -> None:
    session, other = rig.open(), rig.open()
    rig.device.node.fail(session, 5)
    assert rig.ioctl(session, ioctls.VIDIOC_G_INPUT, bytes(4))[0] == EINVAL
    assert rig.mmap(session, 0)[0] == EINVAL
    assert rig.ioctl(other, ioctls.VIDIOC_G_INPUT, bytes(4))[0] == 0


def test_the_id_of_a_failed_session_is_not_recycled_until_the_driver_closes_it(rig: Rig) -> None:
    session = rig.open()
    rig.device.node.fail(session, 5)
    assert session not in [rig.open() for _ in range(7)]
    assert rig.close(session) == b""


def test_the_error_event_carries_the_errno(rig: Rig) -> None:
    session = rig.open()
    rig.device.node.fail(session, 5)
    (event,) = rig.events()
    assert media.EVENT_ERROR.unpack(event) == (media.EVT_ERROR, session, 5)


# Device Operation: Dequeue buffer


def test_every_buffer_done_is_signalled(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 2)
    rig.queue(session, 0)
    rig.queue(session, 1)
    rig.stream_on(session)
    rig.let_pass(1)
    events = rig.events()
    assert [structs.BUFFER.unpack_from(event, 8)[0] for event in events] == [0, 1]
    for event in events:
        assert len(event) == media.EVENT_DQBUF_SIZE
        assert not structs.BUFFER.unpack_from(event, 8)[3] & BufFlag.QUEUED


@pytest.mark.parametrize("end", ["STREAMOFF", "REQBUFS", "CLOSE"])
def test_what_ends_dequeueing_is_answered_after_the_driver_took_the_events(
    rig: Rig, end: str
) -> None:
    """Linux's driver looks at events in a worker of its own, and breaks its lists otherwise."""
    session = rig.open()
    rig.request_buffers(session, 1)
    request = {
        "STREAMOFF": media.CMD_SESSION.pack(media.CMD_IOCTL, session, ioctls.VIDIOC_STREAMOFF)
        + structs.U32.pack(CAPTURE),
        "REQBUFS": media.CMD_SESSION.pack(media.CMD_IOCTL, session, ioctls.VIDIOC_REQBUFS)
        + structs.REQUESTBUFFERS.pack(0, CAPTURE, 1, 0, 0),
        "CLOSE": media.CMD_SESSION.pack(media.CMD_CLOSE, session, 0),
    }[end]
    rig.transport.busy_with_events = True
    response = rig.device.execute(request, 4096)
    assert isinstance(response, Pending)
    answers: list[bytes] = []
    response.then(answers.append)
    assert answers == []
    rig.transport.until_events_taken.pop()()
    assert len(answers) == 1
    assert answers[0] == b"" if end == "CLOSE" else answers[0][:4] == bytes(4)


# Device Operation: Emit an event


def test_a_subscribed_event_is_signalled_and_an_unsubscribed_one_is_not(rig: Rig) -> None:
    session, other = rig.open(), rig.open()
    rig.ok(session, ioctls.VIDIOC_SUBSCRIBE_EVENT, structs.EVENT_SUBSCRIPTION.pack(3, 0x980900, 0))
    rig.ok(other, ioctls.VIDIOC_S_CTRL, structs.CONTROL.pack(0x980900, 7))
    (event,) = rig.events()
    assert media.EVENT_HEADER.unpack_from(event) == (media.EVT_EVENT, session)
    assert len(event) == media.EVENT_EVENT_SIZE
    rig.ok(
        session, ioctls.VIDIOC_UNSUBSCRIBE_EVENT, structs.EVENT_SUBSCRIPTION.pack(3, 0x980900, 0)
    )
    rig.ok(other, ioctls.VIDIOC_S_CTRL, structs.CONTROL.pack(0x980900, 8))
    assert rig.events() == []


def test_frames_come_at_the_negotiated_rate(rig: Rig) -> None:
    session = rig.open()
    rig.request_buffers(session, 4)
    for index in range(4):
        rig.queue(session, index)
    rig.stream_on(session)
    rig.let_pass(0.09)
    stamps = [
        seconds * NS + micros * 1000
        for event in rig.events()
        for seconds, micros in [structs.BUFFER.unpack_from(event, 8)[5:7]]
    ]
    assert len(stamps) in {2, 3}
    assert abs(stamps[1] - stamps[0] - NS // 30) < 2000
