"""The bench's log as rows."""

from datetime import datetime, timezone

from vmedia_bench.control.operations.live import LogLine
from vmedia_bench.tui.model.rows import Column, Row
from vmedia_bench.tui.model.states import LOG

COLUMNS = (
    Column("time", 12),
    Column("level", 9),
    Column("room", 8),
    Column("text", flex=True),
)


def log_rows(lines: list[LogLine], words: str, zone: timezone | None = None) -> list[Row]:
    """Lines in which all the words occur somewhere, whatever their case."""
    wanted = words.lower().split()
    return [_row(line, zone) for line in lines if _has(line, wanted)]


def _has(line: LogLine, wanted: list[str]) -> bool:
    text = f"{line.level} {line.room} {line.text}".lower()
    return all(word in text for word in wanted)


def _row(line: LogLine, zone: timezone | None) -> Row:
    mark, tone = LOG.get(line.level, ("○", ""))
    when = datetime.fromtimestamp(line.time, zone)
    return Row(
        line.seq,
        (
            (f"{when:%H:%M:%S}.{when.microsecond // 1000:03}", "dim"),
            (f"{mark} {line.level.lower()}", tone),
            (line.room, "dim"),
            (line.text, tone if tone != "dim" else ""),
        ),
    )
