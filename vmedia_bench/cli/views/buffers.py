"""Queues and their buffers."""

from typing import Any

from vmedia_bench.cli.table import indented, table
from vmedia_bench.cli.views.amounts import dash, rate, yes_no

HEAD = (
    "buffer",
    "state",
    "offset",
    "length",
    "bytesused",
    "sequence",
    "timestamp",
    "mapped",
    "flags",
)


def queues_text(result: dict[str, Any]) -> str:
    """A head line a queue, its buffers below."""
    queues = [queue_text(queue) for queue in result["queues"]]
    return "\n\n".join(queues) if queues else "no queue has buffers"


def queue_text(queue: dict[str, Any]) -> str:
    """One queue."""
    owner = "nobody's" if queue["session"] is None else f"session {queue['session']}"
    state = "streaming" if queue["streaming"] else "not streaming"
    shape = f"{queue['format']} {queue['width']}x{queue['height']}"
    speed = f"{rate(queue['fps'])} frames/s" if queue["fps"] else "unpaced"
    head = "  ".join((owner, queue["type"], dash(queue["memory"]), state, shape, speed))
    if not queue["buffers"]:
        return f"{head}\n  no buffers"
    rows = [row for buffer in queue["buffers"] for row in _rows(buffer)]
    return f"{head}\n{indented(table(HEAD, rows))}"


def _rows(buffer: dict[str, Any]) -> list[tuple[str, ...]]:
    """A line a memory plane; what belongs to the buffer is on its first."""
    rows: list[tuple[str, ...]] = []
    for number, plane in enumerate(buffer["planes"]):
        place = (f"{plane['offset']:#010x}", str(plane["length"]), str(plane["bytesused"]))
        if number:
            rows.append(("", f"plane {number}", *place, "", "", "", ""))
            continue
        stamp = f"{buffer['timestamp_ns'] / 1e9:.6f}" if buffer["timestamp_ns"] else "-"
        rows.append(
            (
                *(str(buffer["index"]), buffer["state"], *place, str(buffer["sequence"]), stamp),
                *(yes_no(buffer["mapped"]), " ".join(buffer["flags"]) or "-"),
            )
        )
    return rows
