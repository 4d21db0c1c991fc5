"""One record of the trace: what passed between driver and device, as bytes."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol


class Kind(StrEnum):
    """What a record is of."""

    COMMAND = "command"
    EVENT = "event"
    FAULT = "fault"
    """A fault rule fired; `note` says what it did."""
    NOTE = "note"
    """Life of the transport: connected, started, reset, a refused chain ..."""


COMMANDQ, EVENTQ, NO_RING = 0, 1, -1
_RINGS: Final = {Kind.COMMAND: COMMANDQ, Kind.EVENT: EVENTQ}


class AnyRecord(Protocol):
    """What the readers of a trace need of a record: a Record, and the control API's as well."""

    @property
    def seq(self) -> int:
        """Counts from 1."""

    @property
    def kind(self) -> str:
        """A Kind, or its text."""

    @property
    def start_ns(self) -> int:
        """When the chain was popped."""

    @property
    def end_ns(self) -> int:
        """When it was given back."""

    @property
    def used(self) -> int:
        """Used length given back."""

    @property
    def request(self) -> bytes:
        """All readable bytes."""

    @property
    def response(self) -> bytes:
        """What was written."""

    @property
    def note(self) -> str:
        """The text of a fault or a note."""

    @property
    def session(self) -> int:
        """The session that a fault was for."""

    @property
    def rule(self) -> int:
        """The rule that fired."""


class Record(NamedTuple):
    """
    One command with its response, one event, one fault or one note.

    Times are CLOCK_MONOTONIC nanoseconds. A fault or a note has no ring (-1), no bytes, and one
    time. An event's bytes are its `response`.
    """

    seq: int
    kind: Kind
    start_ns: int
    end_ns: int
    head: int = 0
    """Head descriptor of the chain."""
    readable: tuple[int, ...] = ()
    """Lengths of the readable descriptors."""
    writable: tuple[int, ...] = ()
    """Lengths of the writable descriptors."""
    used: int = 0
    request: bytes = b""
    response: bytes = b""
    note: str = ""
    session: int = 0
    """The session that a fault was for; commands and events say theirs in their bytes."""
    rule: int = 0
    """The fault rule that fired, 0 for none."""

    @property
    def ring(self) -> int:
        """0 commandq, 1 eventq, -1 neither."""
        return _RINGS.get(self.kind, NO_RING)


def to_json(record: Record) -> dict[str, Any]:
    """A record as the control API and JSON lines have it: bytes in base64."""
    return {
        "seq": record.seq,
        "kind": str(record.kind),
        "start_ns": record.start_ns,
        "end_ns": record.end_ns,
        "ring": record.ring,
        "head": record.head,
        "readable": list(record.readable),
        "writable": list(record.writable),
        "used": record.used,
        "request": b64encode(record.request).decode(),
        "response": b64encode(record.response).decode(),
        "note": record.note,
        "session": record.session,
        "rule": record.rule,
    }


def from_json(fields: Mapping[str, Any]) -> Record:
    """
    The record that `to_json` or the control API's trace.read wrote.

    Raises ValueError (KeyError for a field that is missing) where it is none.
    """
    return Record(
        fields["seq"],
        Kind(fields["kind"]),
        fields["start_ns"],
        fields["end_ns"],
        fields.get("head", 0),
        tuple(fields.get("readable", ())),
        tuple(fields.get("writable", ())),
        fields.get("used", 0),
        b64decode(fields.get("request", "")),
        b64decode(fields.get("response", "")),
        fields.get("note", ""),
        fields.get("session", 0),
        fields.get("rule", 0),
    )
