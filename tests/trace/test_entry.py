"""The line about a record: what a list shows of it."""

import subprocess
import sys
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.trace.entry import Entry, summarize
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.ioctls import IOCTLS, Direction
from vmedia_bench.wire.v4l2 import BufFlag, BufType, EventType, Memory, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
OUTPUT_MPLANE = int(BufType.VIDEO_OUTPUT_MPLANE)
MMAP = int(Memory.MMAP)


def command(request: bytes, response: bytes = bytes(8), took_ns: int = 41_000) -> Record:
    return Record(7, Kind.COMMAND, 1000, 1000 + took_ns, request=request, response=response)


def ioctl(number: int, payload: bytes = b"", answer: bytes = b"", status: int = 0) -> Entry:
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, 3, number) + payload
    return summarize(command(request, media.RESP_HEADER.pack(status) + answer))


def event(data: bytes) -> Entry:
    return summarize(Record(8, Kind.EVENT, 5, 5, response=data))


def buffer(index: int = 2, kind: int = CAPTURE, **fields: int) -> bytes:
    values = {"used": 0, "flags": 0, "sequence": 0, "memory": MMAP, "m": 0, "length": 0} | fields
    return structs.BUFFER.pack(
        index,
        kind,
        values["used"],
        values["flags"],
        1,
        0,
        0,
        bytes(16),
        values["sequence"],
        values["memory"],
        values["m"],
        values["length"],
        0,
    )


def controls(*pairs: tuple[int, int], error_idx: int = 0) -> bytes:
    head = structs.EXT_CONTROLS.pack(0, len(pairs), error_idx, 0, 0x1000)
    return head + b"".join(structs.EXT_CONTROL.pack(cid, 0, value) for cid, value in pairs)


def test_an_ioctl_has_session_name_status_and_latency() -> None:
    entry = ioctl(ioctls.VIDIOC_QBUF, buffer(), buffer())
    assert (entry.seq, entry.kind, entry.session, entry.verb) == (7, "command", 3, "IOCTL")
    assert (entry.name, entry.ioctl) == ("QBUF", ioctls.VIDIOC_QBUF)
    assert (entry.status, entry.status_name, entry.failed) == (0, "0", False)
    assert entry.latency_ns == 41_000
    assert entry.text == "index=2 MMAP"


def test_a_refusal_has_its_errno() -> None:
    entry = ioctl(ioctls.VIDIOC_S_FMT, structs.FORMAT.pack(CAPTURE, bytes(200)), status=22)
    assert (entry.status, entry.status_name, entry.failed) == (22, "EINVAL", True)


def test_open_has_the_session_that_it_made() -> None:
    entry = summarize(command(media.CMD_HEADER.pack(media.CMD_OPEN, 0), media.RESP_OPEN.pack(0, 9)))
    assert (entry.name, entry.session, entry.ioctl) == ("OPEN", 9, -1)


def test_close_has_no_status() -> None:
    entry = summarize(command(media.CMD_SESSION.pack(media.CMD_CLOSE, 4, 0), b""))
    assert (entry.name, entry.session, entry.status_name, entry.text) == ("CLOSE", 4, "", "")


def test_a_command_without_an_answer_says_so() -> None:
    entry = summarize(command(media.CMD_SESSION.pack(media.CMD_IOCTL, 3, 21), b""))
    assert (entry.status, entry.text) == (-1, "(no answer)")


def test_an_answer_that_had_no_room_says_how_much_of_it_there_is() -> None:
    asked = structs.REQUESTBUFFERS.pack(4, CAPTURE, MMAP, 0, 0)
    entry = ioctl(ioctls.VIDIOC_REQBUFS, asked, asked[:4])
    assert entry.text == "4 MMAP (answer cut to 12 bytes)"


def test_an_event_without_a_whole_header_has_no_number() -> None:
    entry = event(bytes(4))
    assert (entry.name, entry.session, entry.text) == ("cut event", 0, "4 bytes")


def test_mmap_says_where() -> None:
    request = media.MMAP_COMMAND.pack(media.CMD_MMAP, 3, media.MMAP_FLAG_RW, 0x2F8000)
    entry = summarize(command(request, media.RESP_MMAP.pack(0, 0x1000, 3110400)))
    assert (entry.name, entry.text) == ("MMAP", "offset=0x2f8000 RW at 0x1000 3110400")


def test_a_mapping_that_is_given_back_tells_where() -> None:
    request = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, 0x1000)
    entry = summarize(command(request, media.RESP_HEADER.pack(0)))
    assert (entry.name, entry.session, entry.text) == ("MUNMAP", 0, "at 0x1000")


FORMAT = structs.FORMAT.pack(
    CAPTURE, structs.PIX_FORMAT.pack(1920, 1080, fourcc("NV12"), *[0] * 9).ljust(200, b"\0")
)


@pytest.mark.parametrize(
    ("number", "payload", "text"),
    [
        (ioctls.VIDIOC_G_FMT, FORMAT, "NV12 1920x1080"),
        (ioctls.VIDIOC_REQBUFS, structs.REQUESTBUFFERS.pack(4, CAPTURE, MMAP, 0, 0), "4 MMAP"),
        (
            ioctls.VIDIOC_QUERYBUF,
            buffer(0, length=3110400, m=0x2F8000),
            "index=0 MMAP 3110400 at 0x2f8000",
        ),
        (
            ioctls.VIDIOC_QBUF,
            buffer(1, OUTPUT_MPLANE, length=2)
            + structs.PLANE.pack(100, 200, 0, 0)
            + structs.PLANE.pack(50, 200, 0, 0),
            "VIDEO_OUTPUT_MPLANE index=1 MMAP 150",
        ),
        (
            ioctls.VIDIOC_S_PARM,
            structs.STREAMPARM.pack(CAPTURE, bytes(8) + structs.FRACT.pack(1, 60)),
            "1/60 s",
        ),
        (
            ioctls.VIDIOC_G_EXT_CTRLS,
            controls((Cid.BRIGHTNESS, 128), (Cid.HUE, -3)),
            "brightness=128, hue=-3",
        ),
        (
            ioctls.VIDIOC_SUBSCRIBE_EVENT,
            structs.EVENT_SUBSCRIPTION.pack(EventType.CTRL, Cid.GAIN, 0),
            "CTRL gain",
        ),
        (ioctls.VIDIOC_STREAMON, structs.U32.pack(CAPTURE), "VIDEO_CAPTURE"),
    ],
)
def test_the_text_tells_two_calls_apart(number: int, payload: bytes, text: str) -> None:
    assert ioctl(number, payload, payload).text == text


def test_controls_that_fail_say_which() -> None:
    failed = ioctl(
        ioctls.VIDIOC_S_EXT_CTRLS,
        controls((Cid.BRIGHTNESS, 128)),
        controls((Cid.BRIGHTNESS, 128), error_idx=1),
        status=22,
    )
    assert failed.text == "error_idx=1, brightness=128"


def test_many_controls_are_not_all_shown() -> None:
    many = controls(*((cid, 1) for cid in range(0x980900, 0x980909)))
    assert ioctl(ioctls.VIDIOC_G_EXT_CTRLS, many, many).text.endswith("hue=1, 5 more")


def test_a_frame_has_its_index_sequence_and_bytes() -> None:
    flags = int(BufFlag.ERROR) | int(BufFlag.DONE)
    head = media.EVENT_HEADER.pack(media.EVT_DQBUF, 3)
    data = head + buffer(3, used=3110400, sequence=1841, flags=flags)
    entry = event(data.ljust(media.EVENT_DQBUF_SIZE, b"\0"))
    assert (entry.verb, entry.name, entry.session) == ("EVENT", "DQBUF", 3)
    assert entry.text == "index=3 seq=1841 3110400 ERROR"


def test_a_dead_session_has_its_errno() -> None:
    entry = event(media.EVENT_ERROR.pack(media.EVT_ERROR, 7, 5))
    assert (entry.name, entry.session, entry.text) == ("ERROR", 7, "errno=5 EIO")
    assert entry.failed


def test_a_v4l2_event_has_its_type() -> None:
    union = structs.EVENT_CTRL.pack(1, 1, 77, 0, 0, 255, 1, 128).ljust(64, b"\0")
    payload = structs.EVENT.pack(EventType.CTRL, union, 0, 0, 0, 0, Cid.BRIGHTNESS)
    entry = event(media.EVENT_HEADER.pack(media.EVT_EVENT, 3) + payload)
    assert entry.text == "CTRL brightness=77"


def test_faults_and_notes_are_their_own_line() -> None:
    entry = summarize(Record(9, Kind.FAULT, 5, 5, note="answered EIO", session=3, rule=2))
    assert (entry.verb, entry.session, entry.text) == ("FAULT", 3, "answered EIO")
    assert summarize(Record(9, Kind.NOTE, 5, 5, note="reset")).verb == "NOTE"


def hostile() -> Iterable[int]:
    return [row.number for row in IOCTLS.values() if row.direction is not Direction.NONE]


@given(
    st.sampled_from([*hostile(), 200]),
    st.binary(max_size=400),
    st.binary(max_size=400),
    st.sampled_from(list(Kind)),
    st.integers(0, 20),
)
def test_no_bytes_break_it_or_a_terminal(
    number: int, payload: bytes, response: bytes, kind: Kind, cut: int
) -> None:
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, 3, number) + payload
    data = request[: len(request) - cut] if cut else request
    record = Record(1, kind, 0, 1, request=data, response=response, note="n")
    entry = summarize(record)
    assert entry.text.isprintable()
    assert entry.name.isprintable()
    assert summarize(record._replace(request=payload[:cut])).text.isprintable()


def test_it_needs_no_construct() -> None:
    check = "import sys, vmedia_bench.trace.entry; sys.exit('construct' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
