"""
The part of the trace that is held here: what is looked at, or what a filter lets through.

The bench keeps 100,000 records; at 20,000 a second nobody can read or move them all. Without a
filter only the rows on screen are fetched. With one, records are read in order and in portions,
and where they come faster than that, the reader says how many it left out.
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
"""More records than this to look at, while following: the oldest of them are left out."""
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
        self._held: OrderedDict[int, Item] = OrderedDict()

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
        """Ask for what is missing; the answer says what the bench has by now."""
        height = max(stop - start, 1)
        if follow:
            asked = TraceReadParams(after=-height, limit=height)
        else:
            missing = [
                seq
                for seq in range(self.first + start, self.first + stop)
                if seq <= self.last and seq not in self._held
            ]
            asked = (
                TraceReadParams(after=missing[0] - 1, limit=missing[-1] - missing[0] + 1)
                if missing
                else TraceReadParams(after=self.last, limit=1)
            )
        answer: TraceRead = await read("trace.read", asked)
        return self._take(answer)

    def _take(self, answer: TraceRead) -> int:
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
        self.last = 0
        self.left_out = 0
        self._kinds = tuple(kinds)
        self._matcher = matcher
        self._items: list[Item] = []
        self._seen = 0

    @property
    def count(self) -> int:
        """Records let through so far and kept here."""
        return len(self._items)

    @property
    def searched(self) -> float:
        """How much of the trace has been looked at, 0 to 1."""
        return self._seen / self.last if self.last else 1.0

    def item(self, index: int) -> Item | None:
        """The record in a row."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def seq(self, index: int) -> int:
        """Its number."""
        item = self.item(index)
        return item.record.seq if item else 0

    def index(self, seq: int) -> int:
        """Its row, or the one after."""
        low, high = 0, len(self._items)
        while low < high:
            middle = (low + high) // 2
            if self._items[middle].record.seq < seq:
                low = middle + 1
            else:
                high = middle
        return max(0, min(low, len(self._items) - 1))

    async def fetch(self, read: Read, _start: int, _stop: int, follow: bool) -> int:
        """Look at the next portion of the trace, whatever rows are on screen."""
        if follow and self.last - self._seen > BEHIND:
            self.left_out += self.last - NEWEST - self._seen
            self._seen = self.last - NEWEST
        answer: TraceRead = await read(
            "trace.read", TraceReadParams(after=self._seen, limit=PORTION, kinds=self._kinds)
        )
        if answer.last < self.last:
            self._seen = 0
        if answer.last < self.last or not 0 < answer.first <= self.last:
            # Another bench, or a trace that was cleared.
            self._items.clear()
        self.last = answer.last
        for record in answer.records:
            self.looked_at += 1
            entry = summarize(record)
            if self._matcher is None or self._matcher(record, entry):
                self._items.append(Item(record, entry))
        full = answer.more or len(answer.records) >= PORTION
        self._seen = answer.records[-1].seq if full else max(answer.last, self._seen)
        over = len(self._items) - MATCHES
        if over > 0:
            del self._items[:over]
        return max(over, 0)

    @property
    def behind(self) -> bool:
        """Whether there is more to look at already."""
        return self._seen < self.last
