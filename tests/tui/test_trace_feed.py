"""Which records are fetched, and which are kept."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from tests.tui.constructed import note
from vmedia_bench.control.operations.trace import (
    TraceRead,
    TraceReadParams,
)
from vmedia_bench.tui.exporting import collect
from vmedia_bench.tui.trace_feed import BEHIND, NEWEST, PORTION, MatchedTrace, WholeTrace

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench


class Kept:
    """The bench's trace."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.asked: list[TraceReadParams] = []

    async def read(self, _name: str, params: TraceReadParams) -> Any:
        """Records as trace.read gives them."""
        self.asked.append(params)
        after = params.after if params.after >= 0 else max(self.last + params.after, 0)
        start = max(after + 1, self.first)
        stop = min(start + params.limit, self.last + 1)
        records = tuple(note(seq) for seq in range(start, stop))
        return TraceRead(records=records, first=self.first, last=self.last, lost=0)


def test_following_fetches_no_more_than_is_on_screen() -> None:
    kept, trace = Kept(1, 100_000), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 20, True))
    assert kept.asked == [TraceReadParams(after=-20, limit=20)]
    assert trace.count == 100_000
    item = trace.item(99_999)
    assert item is not None
    assert item.record.seq == 100_000
    assert trace.item(0) is None


def test_following_asks_for_what_is_new_and_in_a_rush_for_the_newest() -> None:
    kept, trace = Kept(1, 50), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 20, True))
    asyncio.run(trace.fetch(kept.read, 30, 50, True))
    changes = trace.changes
    asyncio.run(trace.fetch(kept.read, 30, 50, True))
    assert kept.asked[-1] == TraceReadParams(after=50, limit=20)
    assert trace.changes == changes
    kept.last = 53
    asyncio.run(trace.fetch(kept.read, 30, 50, True))
    assert kept.asked[-1] == TraceReadParams(after=50, limit=20)
    assert trace.item(52) is not None
    assert trace.changes == changes + 1
    kept.last = 200
    asyncio.run(trace.fetch(kept.read, 33, 53, True))
    assert kept.asked[-1] == TraceReadParams(after=-20, limit=20)
    assert all(trace.item(row) for row in range(180, 200))
    kept.last = 300
    asyncio.run(trace.fetch(kept.read, 180, 200, True))
    asked = len(kept.asked)
    kept.last = 400
    asyncio.run(trace.fetch(kept.read, 280, 300, True))
    assert kept.asked[asked:] == [TraceReadParams(after=-20, limit=20)]


def test_rows_that_came_into_sight_while_following_are_fetched() -> None:
    kept, trace = Kept(1, 50), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 5, True))
    asyncio.run(trace.fetch(kept.read, 45, 50, True))
    asyncio.run(trace.fetch(kept.read, 30, 50, True))
    assert all(trace.item(row) for row in range(30, 50))


def test_rows_scrolled_to_are_fetched_once() -> None:
    kept, trace = Kept(1, 1000), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    asyncio.run(trace.fetch(kept.read, 500, 510, False))
    assert kept.asked[-1] == TraceReadParams(after=500, limit=10)
    asyncio.run(trace.fetch(kept.read, 500, 510, False))
    assert kept.asked[-1] == TraceReadParams(after=1000, limit=1)


def test_rows_move_up_when_the_bench_forgets_the_oldest() -> None:
    kept, trace = Kept(1, 1000), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    kept.first, kept.last = 201, 1200
    assert asyncio.run(trace.fetch(kept.read, 0, 10, False)) == 200
    assert trace.index(201) == 0


def test_a_cleared_trace_begins_anew() -> None:
    kept, trace = Kept(1, 1000), WholeTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    kept.first, kept.last = 0, 0
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.count == 0


def test_a_matcher_sees_every_record_in_portions() -> None:
    kept = Kept(1, 1000)
    trace = MatchedTrace(matcher=lambda record, _entry: record.seq % 100 == 0)
    rounds = 0
    asyncio.run(trace.fetch(kept.read, 0, 10, False))
    while trace.behind:
        asyncio.run(trace.fetch(kept.read, 0, 10, False))
        rounds += 1
    assert rounds == 1000 // PORTION
    assert trace.count == 10
    assert trace.seq(0) == 100
    assert trace.index(350) == 3


def looked_at_all(kept: Kept, trace: MatchedTrace, *, follow: bool = True) -> int:
    """Fetch until nothing waits; gives by how many rows those from the tenth on moved up."""
    moved = asyncio.run(trace.fetch(kept.read, 10, 20, follow))
    while trace.behind:
        moved += asyncio.run(trace.fetch(kept.read, 10, 20, follow))
    return moved


def test_of_many_records_the_newest_are_looked_at_first_and_then_all() -> None:
    kept = Kept(1, 100_000)
    trace = MatchedTrace(matcher=lambda record, _entry: record.seq % 1000 == 0)
    rounds = 0
    while trace.count == 0 or trace.seq(trace.count - 1) < kept.last:
        asyncio.run(trace.fetch(kept.read, 0, 10, True))
        rounds += 1
    assert rounds <= 2 + NEWEST // PORTION
    assert 0 < trace.searched < 0.1
    looked_at_all(kept, trace)
    assert trace.searched == 1
    assert trace.left_out == 0
    assert trace.looked_at == kept.last
    assert [trace.seq(row) for row in range(trace.count)] == list(range(1000, 100_001, 1000))


def test_new_records_are_looked_at_while_old_ones_wait() -> None:
    kept, trace = (
        Kept(1, 100_000),
        MatchedTrace(matcher=lambda record, _entry: record.seq > 100_000),
    )
    for _ in range(10):
        asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.behind
    kept.last += 1
    for _ in range(2):
        asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.seq(0) == 100_001


def test_rows_on_screen_move_down_as_older_ones_are_found() -> None:
    kept, trace = Kept(1, 40_000), MatchedTrace()
    while not trace.count or trace.seq(trace.count - 1) < kept.last:
        asyncio.run(trace.fetch(kept.read, 0, 10, True))
    # Those of the first portion are the first rows; the ones in sight came after what waits.
    in_sight = PORTION + 10
    seq, moved = trace.seq(in_sight), 0
    for _ in range(4):
        start = in_sight - moved
        moved += asyncio.run(trace.fetch(kept.read, start, start + 10, False))
    assert moved == -2 * PORTION
    assert trace.seq(in_sight - moved) == seq


def test_what_the_bench_forgets_before_its_turn_is_left_out_and_counted() -> None:
    kept = Kept(1, 100)
    trace = MatchedTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    kept.last = 100 + BEHIND + NEWEST + 1
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    kept.first = 10_001
    looked_at_all(kept, trace)
    assert trace.left_out > 0
    assert trace.left_out + trace.looked_at == trace.last


def test_a_cleared_trace_is_looked_at_from_its_beginning() -> None:
    kept, trace = Kept(1, 100_000), MatchedTrace()
    looked_at_all(kept, trace)
    kept.first, kept.last = 1, 3
    looked_at_all(kept, trace)
    assert [trace.seq(row) for row in range(trace.count)] == [1, 2, 3]


def test_rows_that_were_let_through_go_when_the_trace_is_cleared() -> None:
    kept, trace = Kept(1, 100), MatchedTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.count == 100
    kept.first = 0
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.count == 0
    kept.first, kept.last = 101, 103
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert [trace.seq(index) for index in range(trace.count)] == [101, 102, 103]


class Cut(Kept):
    """The same, thirty records an answer."""

    async def read(self, name: str, params: TraceReadParams) -> Any:
        whole = await super().read(name, params)
        return replace(whole, records=whole.records[:30], more=len(whole.records) > 30)


def test_an_answer_that_was_cut_is_asked_on_from_its_last_record() -> None:
    kept, trace = Cut(1, 100), MatchedTrace()
    asyncio.run(trace.fetch(kept.read, 0, 10, True))
    while trace.behind:
        asyncio.run(trace.fetch(kept.read, 0, 10, True))
    assert trace.looked_at == 100


def test_an_export_goes_on_behind_an_answer_that_was_cut() -> None:
    app = SimpleNamespace(link=SimpleNamespace(call=Cut(1, 100).read))
    records = asyncio.run(collect(cast("Workbench", app), "", (), None))
    assert [record.seq for record in records] == list(range(1, 101))
