"""Figures about a trace: how often, how long, how many failed, and how the frames came."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vmedia_bench.trace.entry import NO_STATUS, Entry, summarize
from vmedia_bench.trace.record import AnyRecord, Kind
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import VIDIOC_STREAMON
from vmedia_bench.wire.v4l2 import BufFlag, BufType, is_multiplanar

_BUFFER = structs.BUFFER.unpack_from
_PLANE = structs.PLANE.unpack_from
_HEADER: Final = media.EVENT_HEADER.size
_PAYLOAD: Final = media.CMD_SESSION.size
_ERROR: Final = int(BufFlag.ERROR)
_WRAP: Final = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStats:
    """All commands of one name. Latencies in nanoseconds, by nearest rank."""

    name: str
    """An ioctl without VIDIOC_ (QBUF), else OPEN, MMAP ..."""
    count: int
    errors: int
    by_errno: dict[str, int]
    p50_ns: int
    p99_ns: int
    max_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats:
    """The frames that one queue of one session gave back (DQBUF events)."""

    session: int
    queue: str
    frames: int
    error_frames: int
    """Flagged ERROR."""
    bytes: int
    """Sum of bytesused."""
    frames_per_second: float
    """While it streamed: idle time between STREAMOFF and STREAMON does not count. 0 for fewer than
    two frames in a row."""
    gaps: int
    """How often a sequence number was not the one before plus 1."""
    missing: int
    """Frames that were skipped so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStats:
    """Figures about some records, the busiest command first."""

    records: int
    lost: int
    """Records that are missing between the first and the last, by their seq."""
    seconds: float
    """From the first record to the last."""
    commands: tuple[CommandStats, ...]
    events: dict[str, int]
    queues: tuple[QueueStats, ...]
    sessions: tuple[int, ...]
    faults: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Queue:
    """A queue being counted."""

    frames: int = 0
    error_frames: int = 0
    total: int = 0
    intervals: int = 0
    streamed_ns: int = 0
    last: tuple[int, int] | None = None
    """Sequence and time of the last frame; None: a stream begins."""
    gaps: int = 0
    missing: int = 0

    def frame(self, sequence: int, moment: int) -> None:
        """Take note of the next frame."""
        self.frames += 1
        if self.last is not None:
            skipped = (sequence - self.last[0] - 1) % _WRAP
            self.gaps += skipped != 0
            # Less than the one before: out of order, so nothing is missing.
            self.missing += skipped if skipped < _WRAP // 2 else 0
            self.intervals += 1
            self.streamed_ns += moment - self.last[1]
        self.last = (sequence, moment)


@dataclass(slots=True)
class StatsCounter:
    """Counts records as they come; `result` may be asked for at any time."""

    records: int = 0
    faults: int = 0
    _first: tuple[int, int] = (1, 0)
    """Seq and start of the first record."""
    _last: tuple[int, int] = (0, 0)
    """Seq and end of the last."""
    _latencies: dict[str, "array[int]"] = field(default_factory=dict)
    _errors: dict[str, Counter[str]] = field(default_factory=dict)
    _events: Counter[str] = field(default_factory=Counter)
    _queues: dict[tuple[int, int], _Queue] = field(default_factory=dict)
    _sessions: set[int] = field(default_factory=set)
    _notes: list[str] = field(default_factory=list)
    _left_out: int = 0
    """Records between the first and the last that a filter left out."""
    _left_out_since: int = 0
    """Those after the last."""

    def add(self, record: AnyRecord, entry: Entry | None = None) -> None:
        """Count a record; `entry` is its summary where the caller has it already."""
        entry = entry or summarize(record)
        if not self.records:
            self._first = (record.seq, record.start_ns)
        self._last = (record.seq, record.end_ns)
        self.records += 1
        self._left_out, self._left_out_since = self._left_out + self._left_out_since, 0
        if entry.session and not entry.failed:
            self._sessions.add(entry.session)
        if entry.kind == Kind.COMMAND:
            self._command(entry)
            if entry.ioctl == VIDIOC_STREAMON:
                self._begin(entry, record.request)
        elif entry.kind == Kind.EVENT:
            self._events[entry.name] += 1
            if entry.name == "DQBUF":
                self._frame(entry, record.response)
        elif entry.kind == Kind.FAULT:
            self.faults += 1
        else:
            self._notes.append(record.note)

    def leave_out(self) -> None:
        """Pass over a record that a filter did not want: it is not counted, and not lost."""
        if self.records:
            self._left_out_since += 1

    def _begin(self, entry: Entry, request: bytes) -> None:
        """A queue starts anew, and counts its frames from 0."""
        kind = int.from_bytes(request[_PAYLOAD : _PAYLOAD + 4], "little")
        queue = self._queues.get((entry.session, kind))
        if queue is not None:
            queue.last = None

    def _command(self, entry: Entry) -> None:
        latencies = self._latencies.get(entry.name)
        if latencies is None:
            latencies = self._latencies[entry.name] = array("q")
        latencies.append(entry.latency_ns)
        if entry.status > 0:
            self._errors.setdefault(entry.name, Counter())[errno_name(entry.status)] += 1
        elif entry.status == NO_STATUS and entry.name != "CLOSE":
            self._errors.setdefault(entry.name, Counter())["no answer"] += 1

    def _frame(self, entry: Entry, event: bytes) -> None:
        if len(event) < media.EVENT_DQBUF_SIZE:
            return
        buffer = _BUFFER(event, _HEADER)
        queue = self._queues.setdefault((entry.session, buffer[1]), _Queue())
        queue.frame(buffer[8], entry.time_ns)
        queue.error_frames += bool(buffer[3] & _ERROR)
        queue.total += _bytesused(event, buffer)

    def result(self) -> TraceStats:
        """The figures so far."""
        (first, start), (last, end) = self._first, self._last
        commands = [self._of(name, latencies) for name, latencies in self._latencies.items()]
        return TraceStats(
            records=self.records,
            lost=max(0, last - first + 1 - self.records - self._left_out),
            seconds=max(0, end - start) / 1e9,
            commands=tuple(sorted(commands, key=lambda each: (-each.count, each.name))),
            events=dict(self._events),
            queues=tuple(_result(key, queue) for key, queue in sorted(self._queues.items())),
            sessions=tuple(sorted(self._sessions)),
            faults=self.faults,
            notes=tuple(self._notes),
        )

    def _of(self, name: str, latencies: "array[int]") -> CommandStats:
        ordered = sorted(latencies)
        errors = self._errors.get(name, Counter())
        return CommandStats(
            name=name,
            count=len(ordered),
            errors=errors.total(),
            by_errno=dict(errors.most_common()),
            p50_ns=nearest_rank(ordered, 50),
            p99_ns=nearest_rank(ordered, 99),
            max_ns=ordered[-1],
        )


def statistics(
    records: Iterable[AnyRecord], accept: Callable[[AnyRecord], bool] | None = None
) -> TraceStats:
    """The figures of all these records, or of those that `accept` is for."""
    counter = StatsCounter()
    for record in records:
        if accept is None or accept(record):
            counter.add(record)
        else:
            counter.leave_out()
    return counter.result()


def nearest_rank(ordered: Sequence[int], percent: int) -> int:
    """The smallest value that so many per cent of the sorted values do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _bytesused(event: bytes, buffer: tuple[Any, ...]) -> int:
    if not is_multiplanar(buffer[1]):
        return int(buffer[2])
    first = _HEADER + structs.BUFFER.size
    count = min(buffer[11], media.MAX_PLANES)
    return sum(_PLANE(event, first + place * structs.PLANE.size)[0] for place in range(count))


def _result(key: tuple[int, int], queue: _Queue) -> QueueStats:
    session, kind = key
    seconds = queue.streamed_ns / 1e9
    return QueueStats(
        session=session,
        queue=BufType(kind).name if kind in BufType._value2member_map_ else str(kind),
        frames=queue.frames,
        error_frames=queue.error_frames,
        bytes=queue.total,
        frames_per_second=round(queue.intervals / seconds, 3) if seconds > 0 else 0.0,
        gaps=queue.gaps,
        missing=queue.missing,
    )
