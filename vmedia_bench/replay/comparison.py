"""Two answers to one command, and two events, held against each other field by field."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from vmedia_bench.guest.events import DqbufEvent, ErrorEvent, Event, V4l2Event
from vmedia_bench.trace.decoded import RESPONSE, decode
from vmedia_bench.trace.entry import NO_STATUS, summarize
from vmedia_bench.trace.record import Record
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import VIDIOC_QUERYBUF
from vmedia_bench.wire.v4l2 import BufFlag, EventType

_OF_THE_MOMENT: Final = frozenset(
    (
        "session_id",
        "tv_sec",
        "tv_usec",
        "tv_nsec",
        "sequence",
        "pending",
        "offset",
        "mem_offset",
        "driver_addr",
    )
)
"""Fields that differ between any two runs."""
_IN_TRANSIT: Final = int(BufFlag.QUEUED) | int(BufFlag.DONE)
"""Flags of QUERYBUF that depend on how far a frame is."""


class Deviation(NamedTuple):
    """One thing that differs: what, as recorded, as replayed."""

    what: str
    recorded: str
    replayed: str


def compare_answers(record: Record, response: bytes, used: int) -> Iterator[Deviation]:
    """Where a new answer to a recorded command is not as the old one was."""
    was, now = summarize(record), summarize(record._replace(response=response, used=used))
    if was.status != now.status:
        yield Deviation("status", was.status_name or "no answer", now.status_name or "no answer")
        return
    # An error may be answered with or without the payload behind the header.
    if not was.failed and record.used != used:
        yield Deviation("used", str(record.used), str(used))
    if record.response == response or was.status == NO_STATUS:
        return
    old, new = _fields(record), _fields(record._replace(response=response))
    moving = _IN_TRANSIT if was.ioctl == VIDIOC_QUERYBUF else 0
    paths = [path for path in old if path in new] if was.failed else list({**old, **new})
    for path in paths:
        recorded, replayed = old.get(path, _NOTHING), new.get(path, _NOTHING)
        if recorded == replayed:
            continue
        if moving and path.endswith(".flags") and _alike(recorded, replayed, moving):
            continue
        yield Deviation(path, recorded.text, replayed.text)


class _Value(NamedTuple):
    text: str
    value: int | str


_NOTHING: Final = _Value("", "")


def _alike(one: _Value, other: _Value, ignored: int) -> bool:
    if not isinstance(one.value, int) or not isinstance(other.value, int):
        return False
    return one.value & ~ignored == other.value & ~ignored


def _fields(record: Record) -> dict[str, _Value]:
    return {
        field.path: _Value(field.text, field.value)
        for field in decode(record).side(RESPONSE)
        if field.name not in _OF_THE_MOMENT
    }


def compare_events(recorded: Event, replayed: Event) -> Iterator[Deviation]:
    """What differs between two events of one kind for one queue or session."""
    if isinstance(recorded, DqbufEvent) and isinstance(replayed, DqbufEvent):
        was, now = recorded.buffer, replayed.buffer
        for name in ("index", "memory", "bytesused", "field", "length"):
            yield from _unless_same(name, getattr(was, name), getattr(now, name))
        if was.flags != now.flags:
            yield Deviation("flags", _flags(was.flags), _flags(now.flags))
        for place, (old, new) in enumerate(zip(was.planes, now.planes, strict=False)):
            for name in ("bytesused", "length", "data_offset"):
                yield from _unless_same(
                    f"planes.{place}.{name}", getattr(old, name), getattr(new, name)
                )
    elif isinstance(recorded, ErrorEvent) and isinstance(replayed, ErrorEvent):
        if recorded.errno != replayed.errno:
            yield Deviation("errno", errno_name(recorded.errno), errno_name(replayed.errno))
    elif isinstance(recorded, V4l2Event) and isinstance(replayed, V4l2Event):
        yield from _unless_same("payload", recorded.payload.hex(), replayed.payload.hex())


def _unless_same(name: str, was: object, now: object) -> Iterator[Deviation]:
    if was != now:
        yield Deviation(name, str(was), str(now))


def _flags(value: int) -> str:
    return "|".join(flag.name or hex(flag) for flag in BufFlag(value)) or "0"


def event_line(event: Event) -> str:
    """An event in a few words, as the recorded guest got it."""
    if isinstance(event, DqbufEvent):
        return f"DQBUF index={event.buffer.index}"
    if isinstance(event, ErrorEvent):
        return f"ERROR {errno_name(event.errno)}"
    if isinstance(event, V4l2Event):
        known = event.type in EventType._value2member_map_
        return f"EVENT {EventType(event.type).name if known else event.type}"
    return event.why
