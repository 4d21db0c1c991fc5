"""
The newest records in memory: always on, bounded, and cheap where it is written.

What arrives is kept as plain tuples in lists of a few hundred, which are sealed, evicted and
handed to sinks as a whole. A tuple of bytes and ints costs the garbage collector nothing once it
was looked at; an object, or a tuple with a list in it, would be walked through again and again.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from itertools import islice, takewhile
from time import monotonic_ns
from typing import Final, NamedTuple, TypeAlias

from vmedia_bench.trace.record import Kind, Record

Chain: TypeAlias = tuple[int, bytes, int, tuple[tuple[int, int], ...], tuple[int, ...]]
"""Head, readable bytes, room, writable parts (address, length), readable descriptors' lengths."""
Lengths: TypeAlias = tuple[int, ...]
Traffic: TypeAlias = tuple[int, int, bytes, Lengths, Lengths, bytes, int, int, int]
"""Kind, head, request, readable, writable, answer as offered, used, started, ended."""
Remark: TypeAlias = tuple[int, int, str, int, int]
"""Kind, time, text, session, rule."""
Raw: TypeAlias = Traffic | Remark
Sink: TypeAlias = Callable[[int, list[Raw]], None]
"""Is given the seq of the first and a list of records; the list does not change any more."""

COMMAND, EVENT, FAULT, NOTE = range(4)
KINDS: Final = (Kind.COMMAND, Kind.EVENT, Kind.FAULT, Kind.NOTE)
_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}

RECORD_BYTES: Final = 300
"""What Python needs for a record beside the payload, in bytes, as tracemalloc sees it."""
SHAPES: Final = 1024
"""Chain shapes that are kept once for all records; a guest has some dozens."""
_RECORDS_A_CHUNK: Final = 256
_CHUNKS: Final = 16
"""At least so many chunks make up the ring: that much of it is lost at once."""


class Chunk(NamedTuple):
    """Records that came one after another. `kinds` has the bit of each kind that may be there."""

    first: int
    records: list[Raw]
    weight: int
    kinds: int

    @property
    def end(self) -> int:
        """The seq after its last."""
        return self.first + len(self.records)


class Kept(NamedTuple):
    """What `read` found, oldest first."""

    records: tuple[Record, ...]
    first: int
    """Seq of the oldest record that is kept, 0 for none."""
    last: int
    """Seq of the newest there ever was, 0 for none."""
    lost: int
    """How many were asked for and are not kept any more."""


def lengths(parts: tuple[tuple[int, int], ...]) -> Lengths:
    """The lengths of a chain's writable parts."""
    count = len(parts)
    if count == 2:
        return parts[0][1], parts[1][1]
    if count == 1:
        return (parts[0][1],)
    return tuple([length for _, length in parts])


def record(seq: int, raw: Raw) -> Record:
    """A record as everybody else sees it."""
    if len(raw) == 5:
        kind, moment, text, session, rule = raw
        return Record(seq, KINDS[kind], moment, moment, note=text, session=session, rule=rule)
    kind, head, request, readable, writable, answer, used, started, ended = raw
    written = answer[: sum(writable)]
    return Record(
        seq, KINDS[kind], started, ended, head, readable, writable, used, request, written
    )


class TraceRing:
    """
    The newest records, at most `max_records` and about `max_bytes` of them in memory.

    It satisfies the transport's Recorder. All of it runs on one thread.
    """

    __slots__ = (
        "_budget",
        "_chunks",
        "_fresh",
        "_fresh_kinds",
        "_intern",
        "_left",
        "_most_fresh",
        "_next",
        "_now",
        "_passed",
        "_sealed",
        "_sealed_bytes",
        "_shapes",
        "_sinks",
        "enabled",
        "max_bytes",
        "max_records",
    )

    def __init__(
        self,
        max_records: int = 100_000,
        max_bytes: int = 64 << 20,
        *,
        now: Callable[[], int] = monotonic_ns,
    ) -> None:
        """Raises ValueError where a bound is not positive."""
        if max_records < 1 or max_bytes < 1:
            raise ValueError("a trace keeps at least one record and one byte")
        self.max_records = max_records
        self.max_bytes = max_bytes
        self.enabled = True
        """Whether anything is recorded."""
        a_chunk = min(_RECORDS_A_CHUNK, max(1, max_records // _CHUNKS))
        # One figure says when a chunk is full, by records and by bytes: each record weighs some.
        self._budget = min(a_chunk * RECORD_BYTES, max(1, max_bytes // _CHUNKS))
        self._most_fresh = (self._budget - 1) // RECORD_BYTES
        self._now = now
        self._shapes: dict[Lengths, Lengths] = {}
        self._intern = self._shapes.setdefault
        self._sinks: list[Sink] = []
        self._chunks: list[Chunk] = []
        self._sealed = self._sealed_bytes = self._passed = 0
        self._next = 1
        self._begin()

    def command(
        self, chain: Chain, answer: bytes, used: int, started_ns: int, ended_ns: int
    ) -> None:
        """A command was popped at `started_ns` and given back at `ended_ns`."""
        if not self.enabled:
            return
        head, request, _, parts, readable = chain
        if len(parts) == 2:
            (_, first), (_, second) = parts
            writable: Lengths = (first, second)
        else:
            writable = lengths(parts)
        intern = self._intern
        readable, writable = intern(readable, readable), intern(writable, writable)
        self._fresh.append(
            (COMMAND, head, request, readable, writable, answer, used, started_ns, ended_ns)
        )
        self._left -= RECORD_BYTES + len(request) + len(answer)
        if self._left <= 0:
            self._seal()

    def event(self, chain: Chain, event: bytes, used: int, started_ns: int) -> None:
        """An event was put into one of the driver's buffers."""
        if not self.enabled:
            return
        self._fresh_kinds |= 1 << EVENT
        head, request, _, parts, readable = chain
        self._fresh.append(
            (EVENT, head, request, readable, lengths(parts), event, used, started_ns, started_ns)
        )
        self._left -= RECORD_BYTES + len(event)
        if self._left <= 0:
            self._seal()

    def fault(self, text: str, session: int = 0, rule: int = 0) -> None:
        """A fault rule fired; `text` is the line that says what it did."""
        self._remark(FAULT, text, session, rule)

    def note(self, text: str) -> None:
        """Something happened to the transport; one line."""
        self._remark(NOTE, text, 0, 0)

    @property
    def first(self) -> int:
        """Seq of the oldest record that is kept, 0 for none."""
        if self._chunks:
            return self._chunks[0].first
        return self._next if self._fresh else 0

    @property
    def last(self) -> int:
        """Seq of the newest record there ever was, 0 for none."""
        return self._next + len(self._fresh) - 1

    @property
    def kept(self) -> int:
        """How many records are kept."""
        return self._sealed + len(self._fresh)

    @property
    def kept_bytes(self) -> int:
        """About how many bytes of memory they take."""
        return self._sealed_bytes + self._budget - self._left

    def read(self, after: int = 0, limit: int = 1000, kinds: Collection[str] = ()) -> Kept:
        """
        Records with a higher seq than `after`, oldest first; negative: the newest that many.

        At most `limit`, and only those of `kinds` where some are given. Raises ValueError for a
        kind that there is not.
        """
        wanted = [_NUMBERS[Kind(kind)] for kind in kinds]
        mask = sum({1 << number for number in wanted}) if wanted else (1 << len(KINDS)) - 1
        if after >= 0:
            found = list(islice(self._forwards(after, mask), limit))
            oldest = self.first or self._next
            lost = max(0, min(oldest, self.last + 1) - after - 1)
        else:
            found = list(islice(self._backwards(mask), min(-after, limit)))[::-1]
            lost = 0
        records = tuple([record(seq, raw) for seq, raw in found])
        return Kept(records, self.first, self.last, lost)

    def start_of_newest(self, count: int, kinds: Collection[str] = ()) -> int:
        """The `after` with which `read` begins at the `count`-th newest record of `kinds`."""
        mask = sum({1 << _NUMBERS[Kind(kind)] for kind in kinds}) or (1 << len(KINDS)) - 1
        oldest = self._next + len(self._fresh)
        for oldest, _raw in islice(self._backwards(mask), count):  # noqa: B007
            pass
        return oldest - 1

    def count(self, after: int, until: int, kinds: Collection[str]) -> int:
        """How many records of `kinds` are kept with a seq above `after`, `until` at most."""
        mask = sum({1 << _NUMBERS[Kind(kind)] for kind in kinds})
        return sum(1 for _ in takewhile(lambda each: each[0] <= until, self._forwards(after, mask)))

    def clear(self) -> None:
        """Forget what is kept; the count goes on."""
        self.flush()
        self._next += len(self._fresh)
        self._chunks.clear()
        self._sealed = self._sealed_bytes = 0
        self._begin()

    def add_sink(self, sink: Sink, *, kept: bool = False) -> None:
        """Give `sink` all records from now on, in order; with `kept` those before as well.

        They come a chunk at a time when it is full, or when somebody calls `flush`. A sink must
        not raise, nor change the lists.
        """
        self.flush()
        if kept:
            for chunk in self._chunks:
                sink(chunk.first, chunk.records)
            if self._fresh:
                sink(self._next, self._fresh[:])
        self._sinks.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Give it what is here, and no more from then on."""
        self.flush()
        self._sinks.remove(sink)

    def flush(self) -> None:
        """Give the sinks what they do not have yet."""
        passed = self._passed
        if self._sinks and passed < len(self._fresh):
            # The list itself once it is full, and until then a copy: it still grows.
            part = self._fresh[passed:] if passed or self._left > 0 else self._fresh
            for sink in self._sinks:
                sink(self._next + passed, part)
        self._passed = len(self._fresh)

    def _remark(self, kind: int, text: str, session: int, rule: int) -> None:
        if not self.enabled:
            return
        self._fresh_kinds |= 1 << kind
        self._fresh.append((kind, self._now(), text, session, rule))
        self._left -= RECORD_BYTES + len(text)
        if self._left <= 0:
            self._seal()

    def _begin(self) -> None:
        """An empty chunk to fill."""
        self._fresh: list[Raw] = []
        self._fresh_kinds = 1 << COMMAND
        self._left = self._budget
        self._passed = 0

    def _seal(self) -> None:
        """The chunk is full: pass it on, and make room for the next one."""
        self.flush()
        weight = self._budget - self._left
        self._chunks.append(Chunk(self._next, self._fresh, weight, self._fresh_kinds))
        self._next += len(self._fresh)
        self._sealed += len(self._fresh)
        self._sealed_bytes += weight
        self._begin()
        if len(self._shapes) > SHAPES:
            self._shapes.clear()
        while self._chunks and (
            self._sealed + self._most_fresh > self.max_records
            or self._sealed_bytes + self._budget > self.max_bytes
        ):
            oldest = self._chunks.pop(0)
            self._sealed -= len(oldest.records)
            self._sealed_bytes -= oldest.weight

    def _open_chunk(self) -> Chunk:
        return Chunk(self._next, self._fresh, self._budget - self._left, self._fresh_kinds)

    def _forwards(self, after: int, mask: int) -> Iterator[tuple[int, Raw]]:
        place = bisect_right(self._chunks, after, key=lambda chunk: chunk.end - 1)
        for chunk in (*self._chunks[place:], self._open_chunk()):
            if chunk.kinds & mask:
                start = max(after + 1, chunk.first)
                for seq, raw in enumerate(chunk.records[start - chunk.first :], start):
                    if mask >> raw[0] & 1:
                        yield seq, raw

    def _backwards(self, mask: int) -> Iterator[tuple[int, Raw]]:
        for chunk in (self._open_chunk(), *reversed(self._chunks)):
            if chunk.kinds & mask:
                for seq, raw in zip(
                    range(chunk.end - 1, chunk.first - 1, -1), reversed(chunk.records), strict=True
                ):
                    if mask >> raw[0] & 1:
                        yield seq, raw
