"""
One line about a record, by `struct` alone: what a list of 100,000 rows can afford.

Every function takes any bytes and never raises: a guest, or a fault rule, may have written them.
"""

from struct import Struct
from typing import Final, NamedTuple

from vmedia_bench.trace.payload_text import event_text, ioctl_text
from vmedia_bench.trace.record import AnyRecord, Kind
from vmedia_bench.wire import media
from vmedia_bench.wire.errno_names import NAMES
from vmedia_bench.wire.ioctls import IOCTLS, Direction

NO_STATUS: Final = -1
NO_IOCTL: Final = -1
_COMMAND_AT = Struct("<I4xII").unpack_from
_EVENT_AT = Struct("<II").unpack_from
_WORD_AT = Struct("<I").unpack_from
_MMAP_AT = media.MMAP_COMMAND.unpack_from
_MMAP_ANSWER_AT = media.RESP_MMAP.unpack_from
_MUNMAP_AT = media.MUNMAP_COMMAND.unpack_from
_LEAST_ANSWER: Final = {
    row.number: media.RESP_HEADER.size + row.size
    for row in IOCTLS.values()
    if row.direction in {Direction.R, Direction.WR}
}
_SHORT_NAMES: Final = {row.number: row.short_name for row in IOCTLS.values()}


class Entry(NamedTuple):
    """A record in a list."""

    seq: int
    kind: str
    """command, event, fault, note."""
    time_ns: int
    """CLOCK_MONOTONIC."""
    session: int
    """0 where there is none: MUNMAP, a refused OPEN, a note."""
    verb: str
    """IOCTL, OPEN, CLOSE, MMAP, MUNMAP, EVENT, FAULT, NOTE."""
    name: str
    """Of an ioctl without VIDIOC_ (QBUF), of an event (DQBUF), else the verb."""
    ioctl: int
    """The ioctl's number, -1 for what is none."""
    status: int
    """Positive errno of the response, 0 for success, -1 where there is no response."""
    latency_ns: int
    """From pop to push; 0 for what is no command."""
    text: str

    @property
    def status_name(self) -> str:
        """`0`, `EINVAL`, or empty where there is no response."""
        if self.status == NO_STATUS:
            return ""
        return NAMES.get(self.status, str(self.status)) if self.status else "0"

    @property
    def failed(self) -> bool:
        """Whether a command was answered with an errno, or a session ended in one."""
        return self.status > 0


def summarize(record: AnyRecord) -> Entry:
    """The line about a record."""
    kind = record.kind
    if kind == Kind.COMMAND:
        return _command(record)
    if kind == Kind.EVENT:
        return _event(record)
    verb = str(kind).upper()
    session = record.session
    return Entry(
        record.seq, kind, record.start_ns, session, verb, verb, NO_IOCTL, NO_STATUS, 0, record.note
    )


def _command(record: AnyRecord) -> Entry:
    request, response = record.request, record.response
    command, session, code = _COMMAND_AT(
        request if len(request) >= 16 else request.ljust(16, b"\0")
    )
    status = _WORD_AT(response)[0] if len(response) >= 4 else NO_STATUS
    number = NO_IOCTL
    verb = name = media.COMMAND_NAMES.get(command, f"command {command}")
    if command == media.CMD_IOCTL:
        number = code
        name = _SHORT_NAMES.get(code) or f"ioctl {code}"
        text = ioctl_text(code, request, response, status)
        if not status and len(response) < _LEAST_ANSWER.get(code, 0):
            text = f"{text} (answer cut to {len(response)} bytes)".lstrip()
    elif command == media.CMD_OPEN:
        session = _WORD_AT(response, 8)[0] if not status and len(response) >= 12 else 0
        text = ""
    elif command == media.CMD_MMAP:
        text = _mmap(request, response, status)
    elif command == media.CMD_MUNMAP:
        session = 0
        text = f"at {_MUNMAP_AT(request)[1]:#x}" if len(request) >= 16 else ""
    else:
        text = ""
    if status == NO_STATUS and command != media.CMD_CLOSE:
        text = f"{text} (no answer)".lstrip()
    latency = record.end_ns - record.start_ns
    return Entry(
        record.seq,
        record.kind,
        record.start_ns,
        session,
        verb,
        name,
        number,
        status,
        latency,
        text,
    )


def _mmap(request: bytes, response: bytes, status: int) -> str:
    if len(request) < media.MMAP_COMMAND.size:
        return ""
    _, _, flags, offset = _MMAP_AT(request)
    asked = f"offset={offset:#x}{' RW' if flags & media.MMAP_FLAG_RW else ''}"
    if status or len(response) < media.RESP_MMAP.size:
        return asked
    _, address, length = _MMAP_ANSWER_AT(response)
    return f"{asked} at {address:#x} {length}"


def _event(record: AnyRecord) -> Entry:
    event = record.response
    number, session = _EVENT_AT(event) if len(event) >= 8 else (NO_IOCTL, 0)
    name = "cut event" if number == NO_IOCTL else media.EVENT_NAMES.get(number, f"event {number}")
    status = NO_STATUS
    if number == media.EVT_ERROR and len(event) >= 12:
        status = _WORD_AT(event, 8)[0]
    return Entry(
        record.seq,
        record.kind,
        record.start_ns,
        session,
        "EVENT",
        name,
        NO_IOCTL,
        status,
        0,
        event_text(number, event),
    )
