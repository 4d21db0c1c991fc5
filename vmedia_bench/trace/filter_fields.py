"""
What the names in a filter stand for.

Fields of the list (`ioctl`, `session`, `status` ...) come from a record's entry. Any other name is
a field of the bytes, found by `decoded` and read only when the filter asks for it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

from vmedia_bench.trace.entry import NO_IOCTL, NO_STATUS, Entry
from vmedia_bench.trace.record import AnyRecord, Kind
from vmedia_bench.wire import media
from vmedia_bench.wire.errno_names import NUMBERS, errno_number
from vmedia_bench.wire.ioctls import IOCTLS, ioctl_named
from vmedia_bench.wire.v4l2 import EventType

_UNITS: Final = {"ns": 1, "us": 1000, "µs": 1000, "ms": 1_000_000, "s": 1_000_000_000}
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)([a-zµ]*)")
_V4L2_EVENTS: Final = {int(kind): kind.name for kind in EventType}
_V4L2_EVENT_AT: Final = 8


class Value(NamedTuple):
    """What a record has in a field: a number where it is one, and how it is spelled."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Operand:
    """What a filter compares with."""

    text: str
    number: int | None
    pattern: re.Pattern[str] | None = None

    def equals(self, value: Value) -> bool:
        """Whether the value is this number, or is spelled so (in any case of letters)."""
        if self.number is not None and value.number is not None:
            return self.number == value.number
        return self.text.casefold() == value.text.casefold()

    def within(self, value: Value) -> bool:
        """Whether the spelled value contains this text."""
        return self.text.casefold() in value.text.casefold()

    def found_in(self, value: Value) -> bool:
        """Whether the regular expression is found in the spelled value."""
        return self.pattern is not None and self.pattern.search(value.text) is not None


class Field(ABC):
    """A name of the language."""

    @abstractmethod
    def values(self, record: AnyRecord, entry: Entry) -> Sequence[Value]:
        """What the record has there; empty: it has no such field."""

    def operand(self, text: str, *, quoted: bool) -> Operand:
        """What a literal means for this field. Raises ValueError, a line for the user."""
        if quoted:
            return Operand(text, None)
        try:
            return Operand(text, int(text, 0))
        except ValueError:
            return Operand(text, None)

    def is_there(self, record: AnyRecord, entry: Entry) -> bool:
        """Whether the record has the field and it is neither 0 nor empty."""
        return any(
            value.text != "" if value.number is None else value.number != 0
            for value in self.values(record, entry)
        )


Get = Callable[[AnyRecord, Entry], Sequence[Value]]


class Listed(Field):
    """A field of the list. `meaning` turns a literal's text into its number or spelling."""

    def __init__(
        self,
        get: Get,
        help_text: str,
        meaning: Callable[[str], int | str] | None = None,
        choices: Sequence[str] = (),
    ) -> None:
        self._get = get
        self.help = help_text
        self._meaning = meaning
        self.choices = tuple(choices)

    def values(self, record: AnyRecord, entry: Entry) -> Sequence[Value]:
        """As Field."""
        return self._get(record, entry)

    def operand(self, text: str, *, quoted: bool) -> Operand:
        """As Field; a word that this field can never hold is refused."""
        if self._meaning is None:
            return super().operand(text, quoted=quoted)
        meant = self._meaning(text)
        return Operand(text, meant) if isinstance(meant, int) else Operand(meant, None)


class InBytes(Field):
    """A field of the record's bytes."""

    def __init__(self, text: str) -> None:
        from vmedia_bench.trace import decoded
        from vmedia_bench.wire.layouts import leaves

        self._name = leaves.Name(text)
        self._find = decoded.find

    def values(self, record: AnyRecord, entry: Entry) -> Sequence[Value]:
        """As Field."""
        del entry
        return [
            Value(found.value if isinstance(found.value, int) else None, found.text)
            for found in self._find(record, self._name)
        ]


def field_named(text: str) -> Field:
    """The field of that name. Raises ValueError with near names."""
    listed = LISTED.get(text)
    if listed is not None:
        return listed
    from vmedia_bench.trace.field_names import known_parts

    parts = text.split(".")
    known = known_parts()
    for part in parts:
        if part not in known and not part.isdigit():
            raise ValueError(f"there is no field {part!r}{_near(part, (*LISTED, *known))}")
    if parts[-1].isdigit():
        raise ValueError(f"{text!r} ends in a number, a field has a name")
    return InBytes(text)


def _near(text: str, known: Sequence[str]) -> str:
    found = get_close_matches(text, dict.fromkeys(known), n=3)
    return f"; did you mean {', '.join(found)}?" if found else ""


def _choice(what: str, choices: Sequence[str]) -> Callable[[str], str]:
    """A meaning: one of these words, in any case of letters."""
    spelled = {choice.casefold(): choice for choice in choices}

    def meaning(text: str) -> str:
        found = spelled.get(text.casefold())
        if found is None:
            raise ValueError(f"{text!r} is no {what}; there are {', '.join(choices)}")
        return found

    return meaning


def _duration(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None or match[2] not in {*_UNITS, ""}:
        raise ValueError(f"{text!r} is no time: 250us, 1.5ms, 2s")
    if not match[2] and float(match[1]):
        raise ValueError(f"{text} what? write {text}us, {text}ms or {text}s")
    return round(float(match[1]) * _UNITS.get(match[2], 0))


def _ioctl_number(text: str) -> int:
    return int(text) if text.isdecimal() else ioctl_named(text).number


def _errno_number(text: str) -> int:
    return 0 if text in {"0", "OK", "ok"} else errno_number(text)


@cache
def _number(number: int) -> Sequence[Value]:
    return (Value(number, str(number)),)


def _event(record: AnyRecord, entry: Entry) -> Sequence[Value]:
    if entry.kind != Kind.EVENT:
        return ()
    found = [Value(None, entry.name)]
    if entry.name == "EVENT":
        kind = int.from_bytes(record.response[_V4L2_EVENT_AT : _V4L2_EVENT_AT + 4], "little")
        found.append(Value(None, _V4L2_EVENTS.get(kind, str(kind))))
    return found


_KINDS: Final = tuple(str(kind) for kind in Kind)
_COMMANDS: Final = tuple(media.COMMAND_NAMES.values())
_EVENTS: Final = (*media.EVENT_NAMES.values(), *_V4L2_EVENTS.values())

LISTED: Final[dict[str, Listed]] = {
    "seq": Listed(lambda record, _: _number(record.seq), "Number of the record"),
    "kind": Listed(
        lambda _, entry: (Value(None, str(entry.kind)),),
        "command, event, fault or note",
        _choice("kind", _KINDS),
        _KINDS,
    ),
    "command": Listed(
        lambda _, entry: (Value(None, entry.verb),) if entry.kind == Kind.COMMAND else (),
        "OPEN, CLOSE, IOCTL, MMAP or MUNMAP",
        _choice("command", _COMMANDS),
        _COMMANDS,
    ),
    "ioctl": Listed(
        lambda _, entry: (Value(entry.ioctl, entry.name),) if entry.ioctl != NO_IOCTL else (),
        "Which ioctl, by name or number",
        _ioctl_number,
        [row.short_name for row in IOCTLS.values()],
    ),
    "event": Listed(
        _event,
        "DQBUF, ERROR or EVENT, or the V4L2 event's type",
        _choice("event", _EVENTS),
        _EVENTS,
    ),
    "session": Listed(
        lambda _, entry: _number(entry.session) if entry.session else (), "ID of the session"
    ),
    "status": Listed(
        lambda _, entry: (
            (Value(entry.status, entry.status_name),) if entry.status != NO_STATUS else ()
        ),
        "errno of the answer or of an ERROR event, 0 for success",
        _errno_number,
        ("0", *NUMBERS),
    ),
    "failed": Listed(
        lambda _, entry: _number(int(entry.failed)) if entry.status != NO_STATUS else (),
        "1 for an errno",
    ),
    "latency": Listed(
        lambda _, entry: _number(entry.latency_ns) if entry.kind == Kind.COMMAND else (),
        "Time a command took: 250us, 1.5ms",
        _duration,
    ),
    "time": Listed(
        lambda _, entry: (Value(entry.time_ns, str(entry.time_ns)),),
        "CLOCK_MONOTONIC, as 12.5s",
        _duration,
    ),
    "used": Listed(
        lambda record, entry: (
            _number(record.used) if entry.kind in {Kind.COMMAND, Kind.EVENT} else ()
        ),
        "Used length in bytes",
    ),
    "fault": Listed(
        lambda record, entry: (
            (Value(record.rule or None, record.note or "fault"),)
            if entry.kind == Kind.FAULT
            else ()
        ),
        "A fault that fired; its rule's number",
    ),
    "note": Listed(
        lambda record, _: (Value(None, record.note),) if record.note else (),
        "Text of a fault or note",
    ),
    "name": Listed(lambda _, entry: (Value(None, entry.name),), "QBUF, OPEN, DQBUF ..."),
    "text": Listed(lambda _, entry: (Value(None, entry.text),), "The line's last column"),
}
"""The fields of the list by name, each with a line of `help` and the words it can hold."""
