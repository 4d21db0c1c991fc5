"""The recorder and the log."""

import time
from typing import Any

from vmedia_bench.cli.colour import paint
from vmedia_bench.cli.table import pairs, printable
from vmedia_bench.cli.views.amounts import counted, size


def recorder_text(status: dict[str, Any]) -> str:
    """What is kept and what is written."""
    kept = max(status["last"] - status["first"] + 1, 0) if status["last"] else 0
    limit = f"of {status['max_records']}, {size(status['kept_bytes'])}"
    rows = [
        ("recorder", "on" if status["enabled"] else "off"),
        ("kept", f"{counted(kept, 'record')} {limit} of {size(status['max_bytes'])}"),
        ("recording", status["recording"]),
    ]
    if status["recording"] or status["recorded"]:
        amount = f"{counted(status['recorded'], 'record')}, {size(status['recorded_bytes'])}"
        rows.append(("recorded", amount))
    if status["record_error"]:
        rows.append(("ended early", status["record_error"]))
    return pairs(rows)


def log_text(result: dict[str, Any]) -> str:
    """The lines, oldest first."""
    return "\n".join(map(log_line, result["lines"]))


def log_line(line: dict[str, Any]) -> str:
    """One line: time of day, level, text."""
    clock = time.strftime("%H:%M:%S", time.localtime(line["time"]))
    level = paint(line["level"], line["level"].ljust(7))
    return f"{clock}.{int(line['time'] % 1 * 1000):03d}  {level}  {printable(line['text'])}"
