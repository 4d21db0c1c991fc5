"""
The part of the trace that is held here: what is looked at, or what a filter lets through.

The bench keeps 100,000 records; at 20,000 a second nobody can read or move them all. Without a
filter only the rows on screen are fetched. With one, records are read in portions, the newest
first where there are many; what the bench forgets before its turn comes is counted as left out.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vmedia_bench.control.operations.trace import (
    RecordKind,
    TraceRead,
    TraceReadParams,
    TraceRecord,
)
from vmedia_bench.trace.entry import Entry, summarize

HELD = 4_000
MATCHES = 20_000
PORTION = 400
BEHIND = 20_000
"""More records than this to look at, while following: the oldest of them have to wait."""
NEWEST = 2_000

Read = Callable[[str, TraceReadParams], Awaitable[Any]]
"""`Link.call`."""
Matcher = Callable[[TraceRecord, Entry], bool]


@dataclass(frozen=True, slots=True)
class Item:
    """A record and the line about it."""

    record: TraceRecord
    entry: Entry


class TraceView(Protocol):
    """Rows by number, some of them perhaps not there yet."""

    last: int
    """Number of the newest record, as was last heard."""
    changes: int
    """How often a fetch has found that a row, or how many there are, is another."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        ...

    def item(self, index: int) -> Item | None:
        """The row, None while it is not there."""
        ...

    def seq(self, index: int) -> int:
        """The record number of a row."""
        ...

    def index(self, seq: int) -> int:
        """The row that a record is in, or the nearest."""
        ...

    async def fetch(self, read: Read, start: int, stop: int, follow: bool, /) -> int:
        """Get rows start..stop, or the newest of them; gives by how many rows all moved up."""
        ...


class WholeTrace:
    """All records, in the order of their numbers."""

    def __init__(self) -> None:
        self.first = 0
        self.last = 0
        self.changes = 0
        self._held: OrderedDict[int, Item] = OrderedDict()
        self._rushing = True

    @property
    def count(self) -> int:
        """Records that the bench keeps, as was last heard."""
        return self.last - self.first + 1 if self.first else 0

    def item(self, index: int) -> Item | None:
        """The record in a row."""
        return self._held.get(self.first + index)

    def seq(self, index: int) -> int:
        """Its number."""
        return self.first + index

    def index(self, seq: int) -> int:
        """Its row."""
        return max(0, min(seq - self.first, self.count - 1))

    async def fetch(self, read: Read, start: int, stop: int, follow: bool) -> int:
        """Ask for what is missing, or else what is new; the answer says what there is by now."""
        height, missing, last = max(stop - start, 1), self._missing(start, stop), self.last
        if follow and (missing or self._rushing):
            moved = await self._get(read, -height, height)
        elif missing:
            moved = await self._get(read, missing[0] - 1, missing[-1] - missing[0] + 1)
        else:
            moved = await self._get(read, last, height if follow else 1)
            if follow and self.last - last > height:
                moved += await self._get(read, -height, height)
        self._rushing = self.last - last > height
        return moved

    def _missing(self, start: int, stop: int) -> list[int]:
        """The numbers of records in these rows that are not here."""
        rows = range(self.first + start, min(self.first + stop, self.last + 1))
        return [seq for seq in rows if seq not in self._held] if self.first else []

    async def _get(self, read: Read, after: int, limit: int) -> int:
        answer: TraceRead = await read("trace.read", TraceReadParams(after=after, limit=limit))
        fresh = [record for record in answer.records if record.seq not in self._held]
        if fresh or (answer.first, answer.last) != (self.first, self.last):
            self.changes += 1
        if answer.last < self.last:
            # The trace was cleared, or the bench began anew.
            self._held.clear()
            self.first = 0
        moved = answer.first - self.first if self.first else 0
        self.first, self.last = answer.first, answer.last
        for record in answer.records:
            self._held[record.seq] = Item(record, summarize(record))
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return max(moved, 0)


class MatchedTrace:
    """Only the records that a matcher lets through, of some kinds or of all."""

    def __init__(self, kinds: Sequence[RecordKind] = (), matcher: Matcher | None = None) -> None:
        self.looked_at = 0
        self.first = 0
        self.last = 0
        self.changes = 0
        self.left_out = 0
        self._kinds = tuple(kinds)
        self._matcher = matcher
        self._items: list[Item] = []
        self._seen = 0
        self._gaps: list[tuple[int, int]] = []
        """What waits to be looked at, oldest first: each after one record, up to another."""
        self._at_end = False

    @property
    def count(self) -> int:
        """Records let through so far and kept here."""
        return len(self._items)

    @property
    def searched(self) -> float:
        """How much of the trace has been looked at, 0 to 1."""
        to_do = self.last - self._seen + sum(last - after for after, last in self._gaps)
        return max(0.0, 1 - to_do / (self.last - self.first + 1)) if self.last else 1.0

    def item(self, index: int) -> Item | None:
        """The record in a row."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def seq(self, index: int) -> int:
        """Its number."""
        item = self.item(index)
        return item.record.seq if item else 0

    def index(self, seq: int) -> int:
        """Its row, or the one after."""
        return max(0, min(self._place(seq), len(self._items) - 1))

    def _place(self, seq: int) -> int:
        low, high = 0, len(self._items)
        while low < high:
            middle = (low + high) // 2
            if self._items[middle].record.seq < seq:
                low = middle + 1
            else:
                high = middle
        return low

    async def fetch(self, read: Read, start: int, _stop: int, follow: bool) -> int:
        """Look at the next portion of the trace: the newest, and in turn with it what waits."""
        if follow and self.last - self._seen > BEHIND:
            self._gaps.append((self._seen, self.last - NEWEST))
            self._seen = self.last - NEWEST
        back = bool(self._at_end and self._gaps)
        after, until = self._gaps[-1] if back else (self._seen, 0)
        answer: TraceRead = await read(
            "trace.read", TraceReadParams(after=after, limit=PORTION, kinds=self._kinds)
        )
        begun_anew = answer.last < self.last
        if begun_anew or not 0 < answer.first <= self.last:
            # Another bench, or a trace that was cleared.
            self._forget()
        self.first, self.last = answer.first, answer.last
        if begun_anew:
            self._seen = 0
            return 0
        self._count_forgotten()
        until = until or answer.last
        full = answer.more or len(answer.records) >= PORTION
        reached = min(answer.records[-1].seq, until) if full else until
        if not back:
            self._seen = max(reached, self._seen)
        elif self._gaps and self._gaps[-1][1] == until:
            self._gaps[-1:] = [(reached, until)] if reached < until else []
        self._at_end = not (back or full)
        return self._take([each for each in answer.records if each.seq <= until], start)

    def _take(self, records: Sequence[TraceRecord], start: int) -> int:
        """Keep what is let through; by how many rows those from `start` on have moved up."""
        found = []
        for record in records:
            self.looked_at += 1
            entry = summarize(record)
            if self._matcher is None or self._matcher(record, entry):
                found.append(Item(record, entry))
        place = self._place(found[0].record.seq) if found else 0
        down = len(found) if place <= start and place < len(self._items) else 0
        self._items[place:place] = found
        over = max(len(self._items) - MATCHES, 0)
        del self._items[:over]
        self.changes += bool(found)
        return over - down

    def _count_forgotten(self) -> None:
        """Wait no longer for what the bench has forgotten."""
        gaps = self._gaps
        self._gaps = []
        for after, last in gaps:
            begin = min(max(after, self.first - 1), last)
            self.left_out += begin - after
            if begin < last:
                self._gaps.append((begin, last))

    def _forget(self) -> None:
        self._items.clear()
        self._gaps.clear()
        self.left_out = 0
        self.changes += 1

    @property
    def behind(self) -> bool:
        """Whether there is more to look at already."""
        return self._seen < self.last or bool(self._gaps)
