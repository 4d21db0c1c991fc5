"""Sessions and subscriptions."""

from typing import Any

from vmedia_bench.cli.table import pairs, table
from vmedia_bench.cli.views.amounts import dash, duration, rate

HEAD = (
    "session",
    "state",
    "queue",
    "format",
    "size",
    "fps",
    "buffers",
    "queued",
    "frames",
    "dropped",
    "commands",
    "last errno",
    "age",
)


def sessions_text(result: dict[str, Any]) -> str:
    """One line a session."""
    rows = [_row(session) for session in result["sessions"]]
    return table(HEAD, rows) if rows else "no session is open"


def session_text(result: dict[str, Any]) -> str:
    """One session in full."""
    session = result["session"]
    interval = result["interval_s"]
    shape = f"{session['format']} {session['width']}x{session['height']}"
    failed = session["failed_with"]
    rows = [
        ("session", str(session["id"])),
        ("state", session["phase"]),
        ("failed with", failed),
        ("age", duration(session["age_s"])),
        ("queue", " ".join(filter(None, (session["queue"], result["memory"])))),
        ("format", f"{shape}, field {result['field']}, colorspace {result['colorspace']}"),
        ("bytesperline", " ".join(map(str, result["bytesperline"]))),
        ("sizeimage", " ".join(map(str, result["sizeimage"]))),
        ("interval", f"{interval:.6f} s ({rate(1 / interval)} frames/s)" if interval else ""),
        ("last second", f"{rate(session['fps'])} frames/s" if session["fps"] else "no frames"),
        ("buffers", _buffers(session)),
        ("frames", f"{session['frames']}, {session['dropped']} dropped"),
        ("commands", str(session["commands"])),
        ("last errno", session["last_errno"]),
        ("subscriptions", ", ".join(_subscription(row) for row in result["subscriptions"])),
    ]
    return pairs(row for row in rows if row[0] != "failed with" or failed)


def subscriptions_text(result: dict[str, Any]) -> str:
    """One line a subscription."""
    rows = [
        (str(row["session"]), row["type"], f"{row['id']:#x}", dash(row["name"]))
        for row in result["subscriptions"]
    ]
    return table(("session", "type", "id", "name"), rows) if rows else "nobody subscribed"


def _row(session: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(session["id"]),
        session["phase"],
        dash(session["queue"]),
        session["format"],
        f"{session['width']}x{session['height']}",
        rate(session["fps"]),
        str(session["buffers"]),
        str(session["queued"]),
        str(session["frames"]),
        str(session["dropped"]),
        str(session["commands"]),
        dash(session["last_errno"]),
        duration(session["age_s"]),
    )


def _buffers(session: dict[str, Any]) -> str:
    counts = f"{session['buffers']}, {session['queued']} queued"
    return f"{counts}, {session['done']} done" if session["done"] else counts


def _subscription(row: dict[str, Any]) -> str:
    return f"{row['type']} {row['name'] or row['id']}" if row["id"] else str(row["type"])
