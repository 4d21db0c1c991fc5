"""Trace records as rows: outcome by mark, word and tone."""

from vmedia_bench.control.operations.trace import RecordKind
from vmedia_bench.trace.entry import Entry
from vmedia_bench.tui.model.rows import Cell, Column, Row
from vmedia_bench.tui.model.text import span_text

NS = 1_000_000_000
SLOW_NS = 2_000_000
COLUMNS = (
    Column("", 1),
    Column("time", 11, right=True, narrow=9),
    Column("ses", 4, right=True),
    Column("what", 6),
    Column("name", 19, narrow=13),
    Column("result", 8),
    Column("text", flex=True),
    Column("took", 7, right=True),
)


def trace_row(entry: Entry, began_ns: int, marked: bool) -> Row:
    """One record; `began_ns` is the moment from which the time column counts."""
    kind = entry.kind
    tone = {RecordKind.NOTE: "dim", RecordKind.FAULT: "warn"}.get(RecordKind(kind), "")
    name = "" if entry.verb in {"FAULT", "NOTE"} or entry.name == entry.verb else entry.name
    return Row(
        entry.seq,
        (
            ("◆", "warn") if marked else "",
            (f"{(entry.time_ns - began_ns) / NS:.4f}", "dim"),
            str(entry.session) if entry.session else "",
            _verb(entry),
            (name, "bad" if entry.failed else ""),
            _result(entry),
            entry.text,
            _took(entry),
        ),
        tone,
    )


def _verb(entry: Entry) -> Cell:
    if entry.kind == RecordKind.FAULT:
        return ("⚑FAULT", "hot")
    if entry.kind == RecordKind.EVENT:
        return ("▸EVENT", "accent") if not entry.failed else ("▸EVENT", "bad")
    return (entry.verb, "dim" if entry.kind == RecordKind.NOTE else "")


def _result(entry: Entry) -> Cell:
    if entry.failed:
        return (f"✖ {entry.status_name}", "bad")
    if entry.status == 0:
        return ("✓", "good")
    return ""


def _took(entry: Entry) -> Cell:
    if not entry.latency_ns:
        return ""
    return (span_text(entry.latency_ns), "warn" if entry.latency_ns > SLOW_NS else "dim")
