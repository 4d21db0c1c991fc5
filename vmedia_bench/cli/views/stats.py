"""Figures about a trace."""

from typing import Any

from vmedia_bench.cli.table import table
from vmedia_bench.cli.views.amounts import counted, duration, rate, size

HEAD = ("command", "count", "errors", "p50 us", "p99 us", "max us", "errors by name")
QUEUE_HEAD = ("session", "queue", "frames", "frames/s", "gaps", "missing", "flagged ERROR", "data")


def stats_text(stats: dict[str, Any]) -> str:
    """Commands, queues, and what else was seen."""
    parts = [_head(stats)]
    if stats["commands"]:
        parts.append(table(HEAD, [_command(row) for row in stats["commands"]]))
    if stats["queues"]:
        parts.append(table(QUEUE_HEAD, [_queue(row) for row in stats["queues"]]))
    return "\n\n".join(parts)


def _head(stats: dict[str, Any]) -> str:
    events = ", ".join(f"{name} {count}" for name, count in stats["events"].items())
    parts = [f"{counted(stats['records'], 'record')} in {duration(stats['seconds'])}"]
    if stats["lost"]:
        parts.append(f"{stats['lost']} missing")
    if events:
        parts.append(f"events: {events}")
    if stats["faults"]:
        parts.append(f"faults fired: {stats['faults']}")
    return "; ".join(parts)


def _command(row: dict[str, Any]) -> tuple[str, ...]:
    errors = ", ".join(f"{name} {count}" for name, count in row["by_errno"].items())
    times = (f"{row[key] / 1000:.1f}" for key in ("p50_ns", "p99_ns", "max_ns"))
    return (row["name"], str(row["count"]), str(row["errors"]), *times, errors or "-")


def _queue(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["session"]),
        row["queue"],
        str(row["frames"]),
        rate(row["frames_per_second"]),
        str(row["gaps"]),
        str(row["missing"]),
        str(row["error_frames"]),
        size(row["bytes"]),
    )
