"""Trace records of a running bench: read, filtered, followed, shown."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.output import narrate
from vmedia_bench.trace.entry import Entry
from vmedia_bench.trace.export.jsonl import line
from vmedia_bench.trace.filter import Filter, FilterError, compile_filter
from vmedia_bench.trace.record import Record, from_json

if TYPE_CHECKING:
    from vmedia_bench.control.client import Client

PAGE = 5_000


def wanted(expression: str) -> Filter:
    """The filter; CommandFailedError(USAGE) says where the expression is wrong."""
    try:
        return compile_filter(expression)
    except FilterError as error:
        raise CommandFailedError(f"--filter: {error}", ExitCode.USAGE) from error


def read_records(
    client: "Client", *, after: int = 0, kinds: Sequence[str] = ()
) -> Iterator[Record]:
    """The records that are kept now, after a sequence number (negative: the newest that many).

    Oldest first; stderr says how many fell out of the trace before they were read.
    """
    last = 0
    while True:
        page = client.call("trace.read", after=after, limit=PAGE, kinds=list(kinds))
        if page["lost"] and after > 0:
            narrate(f"{page['lost']} records fell out of the trace before they were read")
        last = last or page["last"]
        records = [record for record in page["records"] if record["seq"] <= last]
        yield from map(from_json, records)
        if not records or records[-1]["seq"] >= last:
            return
        after = records[-1]["seq"]


def newest_records(
    client: "Client", count: int, kinds: Sequence[str], accept: Filter
) -> list[Record]:
    """The newest `count` records that the filter accepts, oldest first; 0: all that are kept."""
    # One page holds the newest; more of them are found by reading on from the oldest.
    after = -count if count <= PAGE and not accept.text else 0
    return newest(accept.select(read_records(client, after=after, kinds=kinds)), count)


def newest(records: Iterable[Record], count: int) -> list[Record]:
    """The last `count` of them, 0 for all."""
    return list(deque(records, maxlen=min(count, sys.maxsize) or None))


ENTRY_HEAD = (
    f"{'record':>8}  {'seconds':<14}  {'sess':>4}  {'what':<20}  {'status':<10}  {'latency':>10}"
)


def entry_line(entry: Entry) -> str:
    """One line: number, time, session, what, status, latency, text."""
    from vmedia_bench.cli.table import printable

    session = f"s{entry.session}" if entry.session else "-"
    latency = f"{entry.latency_ns / 1000:.1f} us" if entry.latency_ns else ""
    columns = (
        f"{entry.seq:>8}  {entry.time_ns / 1e9:<14.6f}  {session:>4}  {entry.name:<20}  "
        f"{entry.status_name:<10}  {latency:>10}  {printable(entry.text)}"
    )
    return columns.rstrip()


def entry_data(record: Record, *, fields: bool = False) -> dict[str, Any]:
    """A record as plain data, which `trace show` reads again; with `fields`, decoded as well."""
    shown = line(record)
    if fields:
        from vmedia_bench.trace.decoded import tree

        shown["fields"] = tree(record)
    return shown
