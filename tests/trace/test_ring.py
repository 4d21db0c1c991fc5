"""The ring: what is kept, what is lost, and what a client and a sink get to see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.trace.ring import RECORD_BYTES, Chain, Raw, TraceRing


def chain(head: int = 0, request: bytes = b"req", room: tuple[int, ...] = (8, 104)) -> Chain:
    writable = tuple((0x1000 * place, length) for place, length in enumerate(room))
    return head, request, sum(room), writable, (len(request),)


def fill(ring: TraceRing, count: int) -> None:
    """Records whose start time is their seq."""
    for seq in range(ring.last + 1, ring.last + count + 1):
        ring.command(chain(), b"answer", 6, seq, seq + 5)


def seqs(records: tuple[Record, ...]) -> list[int]:
    return [record.seq for record in records]


def test_a_command_is_kept_with_its_chain_bytes_and_times() -> None:
    ring = TraceRing()
    ring.command(chain(7, b"QBUF", (8, 88, 64)), b"status+buffer", 13, 1000, 1500)
    assert ring.read().records == (
        Record(1, Kind.COMMAND, 1000, 1500, 7, (4,), (8, 88, 64), 13, b"QBUF", b"status+buffer"),
    )
    assert ring.read().records[0].ring == 0


def test_an_event_has_one_time_and_the_event_ring() -> None:
    ring = TraceRing()
    ring.event((3, b"", 608, ((0x9000, 608),), ()), b"event", 5, 77)
    (record,) = ring.read().records
    assert record == Record(1, Kind.EVENT, 77, 77, 3, (), (608,), 5, b"", b"event")
    assert record.ring == 1


def test_what_the_transport_cut_off_was_not_written() -> None:
    ring = TraceRing()
    ring.command(chain(room=(4,)), b"answer", 4, 0, 0)
    ring.command(chain(room=()), b"answer", 0, 0, 0)
    assert [record.response for record in ring.read().records] == [b"answ", b""]


def test_faults_and_notes_stand_between_the_commands() -> None:
    ring = TraceRing(now=lambda: 42)
    fill(ring, 1)
    ring.fault("answered EIO", session=3, rule=2)
    fill(ring, 1)
    ring.note("connected")
    assert ring.read().records[1::2] == (
        Record(2, Kind.FAULT, 42, 42, note="answered EIO", session=3, rule=2),
        Record(4, Kind.NOTE, 42, 42, note="connected"),
    )
    assert ring.read().records[1].ring == -1


def test_nothing_is_kept_of_what_came_while_it_was_off() -> None:
    ring = TraceRing()
    ring.enabled = False
    fill(ring, 1)
    ring.event(chain(), b"", 0, 0)
    ring.note("no")
    assert (ring.first, ring.last, ring.kept, ring.kept_bytes) == (0, 0, 0, 0)


@pytest.mark.parametrize("max_records", [1, 2, 10, 100, 5000])
def test_it_never_keeps_more_records_than_it_may(max_records: int) -> None:
    ring = TraceRing(max_records)
    for _ in range(3 * max_records):
        fill(ring, 1)
        assert ring.kept <= max_records
        assert ring.kept == ring.last - ring.first + 1
    assert ring.kept > max_records * 0.9 - 1
    assert seqs(ring.read(0, 10_000).records) == list(range(ring.first, ring.last + 1))


def test_it_never_keeps_more_bytes_than_it_may() -> None:
    ring = TraceRing(max_bytes=100_000)
    for size in (10, 1000, 5, 30_000, 0, 99_000, 200_000, 7) * 20:
        ring.command(chain(request=bytes(size)), b"", 0, 0, 0)
        assert ring.kept_bytes <= 100_000
        records = ring.read(0, 10_000).records
        weights = sum(RECORD_BYTES + len(record.request) for record in records)
        assert ring.kept_bytes == weights


def test_bounds_that_keep_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TraceRing(0)
    with pytest.raises(ValueError, match="at least one"):
        TraceRing(max_bytes=0)


def test_a_client_reads_on_from_where_it_was() -> None:
    ring = TraceRing(1000)
    fill(ring, 700)
    assert seqs(ring.read(0, 300).records) == list(range(1, 301))
    assert seqs(ring.read(300, 1000).records) == list(range(301, 701))
    assert ring.read(700).records == ()
    fill(ring, 1)
    assert seqs(ring.read(700).records) == [701]


def test_a_client_that_was_away_is_told_how_many_it_missed() -> None:
    ring = TraceRing(100)
    fill(ring, 1000)
    kept = ring.read(500)
    assert kept.first == ring.first > 501
    assert kept.lost == kept.first - 501
    assert kept.last == 1000
    assert ring.read(990).lost == 0


def test_a_negative_start_is_the_newest_that_many() -> None:
    ring = TraceRing(1000)
    fill(ring, 700)
    assert seqs(ring.read(-3).records) == [698, 699, 700]
    assert seqs(ring.read(-300, 2).records) == [699, 700]
    assert len(ring.read(-5000, 5000).records) == 700
    assert ring.read(-5000).lost == 0


def test_only_the_kinds_that_were_asked_for() -> None:
    ring = TraceRing(5000)
    fill(ring, 1000)
    ring.fault("one")
    fill(ring, 1000)
    ring.event(chain(), b"e", 1, 0)
    assert seqs(ring.read(kinds=["fault"]).records) == [1001]
    assert seqs(ring.read(kinds=[Kind.FAULT, Kind.EVENT]).records) == [1001, 2002]
    assert seqs(ring.read(-1, kinds=["fault"]).records) == [1001]
    assert seqs(ring.read(-1, kinds=["command"]).records) == [2001]
    with pytest.raises(ValueError, match="frame"):
        ring.read(kinds=["frame"])


def test_clearing_forgets_and_counts_on() -> None:
    ring = TraceRing()
    fill(ring, 300)
    ring.clear()
    assert (ring.first, ring.last, ring.kept, ring.kept_bytes) == (0, 300, 0, 0)
    assert ring.read(100).lost == 200
    fill(ring, 1)
    assert seqs(ring.read().records) == [301]


class Collector:
    """A sink that holds on to what it is given."""

    def __init__(self) -> None:
        self.seqs: list[int] = []

    def __call__(self, first: int, records: list[Raw]) -> None:
        self.seqs += range(first, first + len(records))


def test_a_sink_gets_every_record_once_however_small_the_ring() -> None:
    ring = TraceRing(10)
    fill(ring, 3)
    sink = Collector()
    ring.add_sink(sink)
    fill(ring, 1000)
    ring.remove_sink(sink)
    fill(ring, 10)
    assert sink.seqs == list(range(4, 1004))


def test_a_sink_may_begin_with_what_is_kept() -> None:
    ring = TraceRing(5000)
    fill(ring, 700)
    sink = Collector()
    ring.add_sink(sink, kept=True)
    assert sink.seqs == list(range(1, 701))


def test_a_flush_brings_the_part_of_a_chunk() -> None:
    ring = TraceRing()
    sink = Collector()
    ring.add_sink(sink)
    fill(ring, 5)
    assert sink.seqs == []
    ring.flush()
    ring.flush()
    assert sink.seqs == [1, 2, 3, 4, 5]
    fill(ring, 1000)
    ring.clear()
    fill(ring, 1)
    ring.flush()
    assert sink.seqs == list(range(1, 1007))


steps = st.lists(
    st.one_of(
        st.sampled_from(["flush", "clear", "late", "fault", "event"]),
        st.integers(1, 60),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 200))
def test_sinks_and_readers_agree_whatever_happens(happenings: list[str | int], size: int) -> None:
    ring = TraceRing(size)
    sinks = [(Collector(), 1)]
    ring.add_sink(sinks[0][0])
    for what in happenings:
        if isinstance(what, int):
            fill(ring, what)
        elif what == "late":
            sinks.append((Collector(), ring.first or ring.last + 1))
            ring.add_sink(sinks[-1][0], kept=True)
        elif what == "fault":
            ring.fault("x")
        elif what == "event":
            ring.event(chain(), b"", 0, 0)
        else:
            getattr(ring, what)()
        assert ring.kept <= size
        newest = ring.read(-5, 5).records
        assert newest == ring.read(max(0, ring.last - 5), 5).records[-5:]
    ring.flush()
    for sink, first in sinks:
        assert sink.seqs == list(range(first, ring.last + 1))
