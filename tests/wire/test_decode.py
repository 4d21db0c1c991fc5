"""Whole messages decoded for people, from guests that behave and from guests that do not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.layouts.decode import (
    decode_command,
    decode_config,
    decode_event,
    decode_response,
    decode_vhost_message,
)
from vmedia_bench.wire.v4l2 import BufFlag, BufType, Memory, fourcc
from vmedia_bench.wire.vhost_user import BackendRequest, Request

NV12 = fourcc("NV12")
TIMECODE = bytes(16)


def command(number: int, payload: bytes = b"", session: int = 3) -> bytes:
    return media.CMD_SESSION.pack(media.CMD_IOCTL, session, number) + payload


def buffer(kind: int, memory: int, m: int, length: int, flags: int = 0) -> bytes:
    return structs.BUFFER.pack(2, kind, 0, flags, 1, 7, 8, TIMECODE, 9, memory, m, length, -1)


def format_mplane() -> bytes:
    planes = structs.PLANE_PIX_FORMAT.pack(460800, 640).ljust(160, b"\0")
    union = structs.PIX_FORMAT_MPLANE.pack(640, 480, NV12, 1, 3, planes, 1, 0, 2, 0, 1)
    return structs.FORMAT.pack(BufType.VIDEO_CAPTURE_MPLANE, union)


QBUF_USERPTR = (
    command(ioctls.VIDIOC_QBUF)
    + buffer(BufType.VIDEO_OUTPUT_MPLANE, Memory.USERPTR, 0xDEAD0000, 2)
    + structs.PLANE.pack(5, 4096, 0x7F00, 0)
    + structs.PLANE.pack(0, 0, 0, 0)
    + media.SG_ENTRY.pack(0x1000, 1024)
    + media.SG_ENTRY.pack(0x9000, 3072)
)
S_EXT_CTRLS = (
    command(ioctls.VIDIOC_S_EXT_CTRLS)
    + structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0x1234)
    + structs.EXT_CONTROL.pack(0x980900, 0, 0xFFFFFFFB)
    + structs.EXT_CONTROL.pack(0x990900, 8, 0x7F00)
    + media.SG_ENTRY.pack(0x9000, 8)
)
G_FMT = command(ioctls.VIDIOC_G_FMT, format_mplane())
DQBUF = (
    media.EVENT_HEADER.pack(media.EVT_DQBUF, 3)
    + buffer(BufType.VIDEO_CAPTURE, Memory.MMAP, 0x10000, 614400, BufFlag.LAST)
).ljust(media.EVENT_DQBUF_SIZE, b"\0")
VALID_COMMANDS = [QBUF_USERPTR, S_EXT_CTRLS, G_FMT, media.MMAP_COMMAND.pack(4, 3, 1, 4096)]


def test_a_format_shows_the_union_member_of_its_type() -> None:
    shown = decode_command(G_FMT)
    assert (shown["cmd"], shown["session_id"], shown["code"]) == ("IOCTL", 3, "G_FMT")
    assert shown["payload"]["type"] == "VIDEO_CAPTURE_MPLANE"
    pix = shown["payload"]["fmt"]["pix_mp"]
    assert pix["pixelformat"] == "NV12"
    assert pix["plane_fmt"] == [{"sizeimage": 460800, "bytesperline": 640}]
    assert (pix["ycbcr_enc"], pix["xfer_func"]) == ("709", "709")
    assert "_error" not in shown
    assert "_rest" not in shown


def test_a_queued_buffer_shows_planes_and_an_sg_list_for_each_plane_with_memory() -> None:
    shown = decode_command(QBUF_USERPTR)
    assert shown["payload"]["m"] == {"planes": "0xdead0000"}
    assert [plane["m"] for plane in shown["planes"]] == [{"userptr": "0x7f00"}, {"userptr": "0x0"}]
    entries = [{"start": "0x1000", "len": 1024}, {"start": "0x9000", "len": 3072}]
    assert shown["sg"] == [entries]
    assert "_rest" not in shown


def test_a_buffer_of_the_device_shows_its_offset() -> None:
    body = buffer(BufType.VIDEO_CAPTURE, Memory.MMAP, 0x4000, 614400)
    shown = decode_command(command(ioctls.VIDIOC_QUERYBUF, body))
    assert shown["payload"]["m"] == {"offset": 0x4000}
    assert "planes" not in shown
    assert "sg" not in shown


def test_controls_show_values_or_pointers_and_their_sg_lists() -> None:
    shown = decode_command(S_EXT_CTRLS)
    brightness, compound = shown["controls"]
    assert (brightness["id"], brightness["value"]) == ("BRIGHTNESS", -5)
    assert compound["ptr"] == "0x7f00"
    assert "value" not in compound
    assert shown["sg"] == [[{"start": "0x9000", "len": 8}]]


def test_streaming_on_names_the_queue() -> None:
    shown = decode_command(command(ioctls.VIDIOC_STREAMON, structs.INT.pack(1)))
    assert shown["payload"] == {"type": "VIDEO_CAPTURE"}


def test_enumerating_controls_shows_the_flags_that_ride_on_the_id() -> None:
    body = structs.QUERYCTRL.pack(0x80980900, 0, b"", 0, 0, 0, 0, 0)
    shown = decode_command(command(ioctls.VIDIOC_QUERYCTRL, body))
    assert shown["payload"]["id"] == "NEXT_CTRL|BRIGHTNESS"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (media.CMD_HEADER.pack(1, 0), {"cmd": "OPEN"}),
        (media.CMD_SESSION.pack(2, 7, 0), {"cmd": "CLOSE", "session_id": 7}),
        (
            media.MMAP_COMMAND.pack(4, 7, 1, 8192),
            {"cmd": "MMAP", "session_id": 7, "flags": "RW", "offset": 8192},
        ),
        (media.MUNMAP_COMMAND.pack(5, 4096), {"cmd": "MUNMAP", "driver_addr": 4096}),
    ],
)
def test_the_other_commands(data: bytes, shown: dict[str, Any]) -> None:
    assert decode_command(data) == shown


@pytest.mark.parametrize(
    ("asked", "answer", "shown"),
    [
        (
            media.CMD_HEADER.pack(1, 0),
            media.RESP_OPEN.pack(0, 3),
            {"status": "OK", "session_id": 3},
        ),
        (media.CMD_SESSION.pack(2, 3, 0), b"", {}),
        (media.CMD_HEADER.pack(1, 0), media.RESP_HEADER.pack(16), {"status": "EBUSY"}),
        (G_FMT, media.RESP_HEADER.pack(22), {"status": "EINVAL"}),
        (
            media.MMAP_COMMAND.pack(4, 3, 1, 0),
            media.RESP_MMAP.pack(0, 4096, 614400),
            {"status": "OK", "driver_addr": 4096, "len": 614400},
        ),
        (command(ioctls.VIDIOC_STREAMON, bytes(4)), media.RESP_HEADER.pack(0), {"status": "OK"}),
    ],
)
def test_responses(asked: bytes, answer: bytes, shown: dict[str, Any]) -> None:
    assert decode_response(asked, answer) == shown


def test_a_response_repeats_buffer_and_planes_without_sg_lists() -> None:
    body = QBUF_USERPTR[16 : 16 + 88 + 128]
    shown = decode_response(QBUF_USERPTR, media.RESP_HEADER.pack(0) + body)
    assert len(shown["planes"]) == 2
    assert "sg" not in shown
    assert "_error" not in shown


def test_a_response_repeats_the_whole_array_though_fewer_planes_count() -> None:
    """QUERYBUF comes with eight planes, and says how many the buffer has."""
    answer = bytearray(QBUF_USERPTR[16 : 16 + 88 + 128])
    answer[72:76] = (1).to_bytes(4, "little")
    shown = decode_response(QBUF_USERPTR, media.RESP_HEADER.pack(0) + answer)
    assert len(shown["planes"]) == 1
    assert not {"_rest", "_error"} & set(shown)
    shown = decode_response(QBUF_USERPTR, media.RESP_HEADER.pack(0) + answer + b"more")
    assert shown["_rest"] == b"more".hex()


def test_failed_controls_come_back_with_their_error_index() -> None:
    controls = structs.EXT_CONTROLS.pack(0, 1, 0, 0, 0) + structs.EXT_CONTROL.pack(0x980900, 0, 300)
    shown = decode_response(S_EXT_CTRLS, media.RESP_HEADER.pack(34) + controls)
    assert shown["status"] == "ERANGE"
    assert shown["payload"]["error_idx"] == 0
    assert shown["controls"][0]["value"] == 300


def test_a_dequeued_buffer() -> None:
    shown = decode_event(DQBUF)
    assert (shown["event"], shown["session_id"]) == ("DQBUF", 3)
    assert shown["buffer"]["flags"] == "LAST"
    assert set(shown) == {"event", "session_id", "buffer"}


def test_a_short_dqbuf_event_is_an_error_the_driver_would_drop_it() -> None:
    assert "608" in decode_event(DQBUF[:96])["_error"]


def test_a_control_event() -> None:
    union = structs.EVENT_CTRL.pack(1, 1, 7, 0, 0, 255, 1, 128).ljust(64, b"\0")
    event = structs.EVENT.pack(3, union, 0, 1, 5, 6, 0x980900)
    shown = decode_event(media.EVENT_HEADER.pack(media.EVT_EVENT, 3) + event)
    assert shown["payload"]["id"] == "BRIGHTNESS"
    assert shown["payload"]["u"]["ctrl"]["value"] == 7
    assert shown["payload"]["u"]["ctrl"]["changes"] == "VALUE"


def test_a_session_error_event() -> None:
    shown = decode_event(media.EVENT_ERROR.pack(media.EVT_ERROR, 3, 19))
    assert shown == {"event": "ERROR", "session_id": 3, "errno": "ENODEV"}


def test_the_configuration_space() -> None:
    shown = decode_config(media.CONFIG.pack(0x04200001, 0, b"Bench"))
    assert shown["card"] == "Bench"
    assert shown["device_caps"] == "VIDEO_CAPTURE|EXT_PIX_FORMAT|STREAMING"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "0 are here"),
        (media.CMD_HEADER.pack(9, 0), "unknown command 9"),
        (G_FMT[:-1], "v4l2_format has 208 bytes, 207 are here"),
        (QBUF_USERPTR[:-16], "covers 1024 of 4096"),
        (S_EXT_CTRLS[: 16 + 32], "2 v4l2_ext_control announced, 0 are here"),
        (
            command(ioctls.VIDIOC_QBUF, buffer(BufType.VIDEO_CAPTURE_MPLANE, 1, 0, 2**31)),
            "2147483648 planes",
        ),
        (
            command(ioctls.VIDIOC_G_EXT_CTRLS, structs.EXT_CONTROLS.pack(0, 2**32 - 1, 0, 0, 0)),
            "4294967295 v4l2_ext_control announced",
        ),
    ],
)
def test_what_is_wrong_is_said(data: bytes, error: str) -> None:
    assert error in decode_command(data)["_error"]


def test_bytes_that_nothing_claims_are_kept() -> None:
    assert decode_command(media.CMD_HEADER.pack(1, 0) + b"\x01\x02")["_rest"] == "0102"
    assert decode_command(command(200, b"\xab"))["code"] == "200"
    assert decode_command(command(200, b"\xab"))["_rest"] == "ab"


def test_the_whole_fields_of_a_cut_structure_are_shown() -> None:
    shown = decode_command(G_FMT[: 16 + 100])
    assert shown["payload"] == {"type": "VIDEO_CAPTURE_MPLANE"}
    cut = command(ioctls.VIDIOC_S_SELECTION, structs.SELECTION.pack(1, 0, 0, 1, 2, 3, 4)[:12])
    assert decode_command(cut)["payload"] == {
        "type": "VIDEO_CAPTURE",
        "target": "CROP",
        "flags": "0",
    }


@pytest.mark.parametrize(
    ("request_number", "payload", "options", "shown"),
    [
        (Request.SET_OWNER, b"", {}, {"request": "SET_OWNER"}),
        (
            Request.SET_FEATURES,
            (1 << 32 | 1 << 30).to_bytes(8, "little"),
            {},
            {"request": "SET_FEATURES", "features": "PROTOCOL_FEATURES|VERSION_1"},
        ),
        (
            Request.SET_FEATURES,
            bytes(8),
            {"reply": True},
            {"request": "SET_FEATURES", "reply": True, "result": 0},
        ),
        (
            Request.SET_CONFIG,
            b"\x08\0\0\0\x02\0\0\0\0\0\0\0ab",
            {},
            {"request": "SET_CONFIG", "offset": 8, "size": 2, "flags": 0, "data": "6162"},
        ),
        (
            BackendRequest.SHMEM_MAP,
            bytes(24) + (4096).to_bytes(8, "little") + b"\x01".ljust(8, b"\0"),
            {"backend": True},
            {
                "request": "SHMEM_MAP",
                "shmid": 0,
                "fd_offset": 0,
                "shm_offset": 0,
                "len": 4096,
                "flags": "RW",
            },
        ),
        (99, b"ab", {}, {"request": "request 99", "_rest": "6162"}),
    ],
)
def test_vhost_user_messages(
    request_number: int, payload: bytes, options: dict[str, bool], shown: dict[str, Any]
) -> None:
    assert decode_vhost_message(request_number, payload, **options) == shown


def test_a_memory_table_lists_its_regions_and_misses_the_ones_announced_in_vain() -> None:
    region = b"".join(value.to_bytes(8, "little") for value in (0, 1 << 30, 0x7F0000, 0))
    shown = decode_vhost_message(Request.SET_MEM_TABLE, b"\x02\0\0\0\0\0\0\0" + region)
    assert [row["size"] for row in shown["regions"]] == [1 << 30]
    assert "2 regions announced, 1 are here" in shown["_error"]


def is_plain(shown: dict[str, Any]) -> bool:
    return bool(json.loads(json.dumps(shown)) == shown)


ioctl_commands = st.builds(
    command, st.sampled_from(sorted(ioctls.IOCTLS)) | st.integers(0, 255), st.binary(max_size=400)
)
mutated = st.builds(
    lambda data, cut, at, byte: (data[:at] + bytes([byte]) + data[at + 1 :])[:cut],
    st.sampled_from(VALID_COMMANDS),
    st.integers(0, 400),
    st.integers(0, 200),
    st.integers(0, 255),
)
anything = st.binary(max_size=400) | ioctl_commands | mutated


@settings(max_examples=400, deadline=None)
@given(anything)
def test_no_command_makes_decoding_raise(data: bytes) -> None:
    assert is_plain(decode_command(data))


@settings(max_examples=300, deadline=None)
@given(anything, st.binary(max_size=400))
def test_no_response_makes_decoding_raise(asked: bytes, answer: bytes) -> None:
    assert is_plain(decode_response(asked, answer))
    assert is_plain(decode_response(asked, bytes(8) + answer))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3), st.sampled_from([1, 9, 10, 3]), st.binary(max_size=640))
def test_no_event_makes_decoding_raise(kind: int, buf_type: int, data: bytes) -> None:
    assert is_plain(decode_event(data))
    header = media.EVENT_HEADER.pack(kind, 1)
    assert is_plain(decode_event(header + bytes(4) + buf_type.to_bytes(4, "little") + data))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 50), st.binary(max_size=200), st.booleans(), st.booleans())
def test_no_vhost_message_makes_decoding_raise(
    number: int, payload: bytes, reply: bool, backend: bool
) -> None:
    assert is_plain(decode_vhost_message(number, payload, reply=reply, backend=backend))


@given(st.binary(max_size=64))
def test_no_configuration_space_makes_decoding_raise(data: bytes) -> None:
    assert is_plain(decode_config(data))
