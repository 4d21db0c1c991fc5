"""What is filtered, into a file that other programs read."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vmedia_bench.control.operations.trace import (
    RecordKind,
    TraceRead,
    TraceReadParams,
    TraceRecord,
)
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.export import FORMATS, format_for, write_records
from vmedia_bench.trace.filter import compile_filter
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.screens.ask import AskScreen

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench

PORTION = 1_000


def export_trace(
    app: "Workbench", text: str, kinds: Sequence[RecordKind], session: int | None
) -> None:
    """Ask for a file, and write there what a filter lets through."""
    suffixes = " ".join(each.suffix for each in FORMATS.values())

    def go(name: str | None) -> None:
        if name:
            work = _export(app, Path(name).expanduser(), text, kinds, session)
            app.run_worker(work, group="deeds")

    app.push_screen(AskScreen(f"Export to ({suffixes})", "trace.jsonl", _check), go)


def _check(name: str) -> str:
    try:
        format_for(Path(name))
    except ValueError as error:
        return str(error)
    return "" if Path(name).expanduser().absolute().parent.is_dir() else "there is no such folder"


async def _export(
    app: "Workbench", path: Path, text: str, kinds: Sequence[RecordKind], session: int | None
) -> None:
    try:
        records = await collect(app, text, kinds, session)
        metadata = {
            "bench": app.bench_name,
            "realtime_ns": time.time_ns(),
            "monotonic_ns": time.monotonic_ns(),
        }
        count = await asyncio.to_thread(_write, path, records, metadata)
    except (BenchLostError, RefusedError, OSError, ValueError) as error:
        app.notify(str(error), title="No export", severity="error")
        return
    app.notify(f"{count} records in {path}", title="Export")
    narrowed = f"session == {session}" if session is not None else ""
    wanted = " and ".join(f"({part})" for part in (text, narrowed) if part)
    filtered = ["--filter", wanted] if wanted else []
    app.note_line(("trace", "export", str(path), *filtered))


async def collect(
    app: "Workbench", text: str, kinds: Sequence[RecordKind], session: int | None
) -> list[Record]:
    """The records in the bench's memory that a filter lets through, oldest first."""
    wanted = compile_filter(text)
    found: list[Record] = []
    after = 0
    while True:
        params = TraceReadParams(after=after, limit=PORTION, kinds=tuple(kinds))
        answer: TraceRead = await app.link.call("trace.read", params)
        for record in answer.records:
            entry = summarize(record)
            if (session is None or entry.session in {0, session}) and wanted(record, entry):
                found.append(_plain(record))
        if len(answer.records) < PORTION and not answer.more:
            return found
        after = answer.records[-1].seq


def _plain(record: TraceRecord) -> Record:
    return Record(
        record.seq,
        Kind(record.kind),
        record.start_ns,
        record.end_ns,
        record.head,
        record.readable,
        record.writable,
        record.used,
        record.request,
        record.response,
        record.note,
        record.session,
        record.rule,
    )


def _write(path: Path, records: list[Record], metadata: dict[str, object]) -> int:
    with path.open("wb") as file:
        return write_records(records, file, format_for(path), metadata)
