"""The header's line, for any width: what matters most stays."""

from dataclasses import dataclass

from vmedia_bench.tui.model.states import VM
from vmedia_bench.tui.model.text import age_text, bars, clip, rate_text
from vmedia_bench.tui.model.view import View

SPARK = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the line. Pieces with the highest `rank` go first when it is too narrow."""

    text: str
    tone: str = ""
    rank: int = 0


def header_parts(view: View, width: int) -> tuple[list[Part], list[Part]]:
    """What stands left and what stands right in `width` cells."""
    left, right = _left(view), _right(view)
    for rank in range(9, 0, -1):
        if _length(left) + _length(right) + 1 <= width:
            break
        left = [part for part in left if part.rank < rank]
        right = [part for part in right if part.rank < rank]
    return left, right


def _left(view: View) -> list[Part]:
    status = view.snapshot.status
    mark, word, tone = VM[status.vm]
    parts = [
        Part(" vmedia-bench ·", "dim", 7),
        Part(f" {clip(status.name, 16)}  ", "strong"),
        Part(f"{mark} {word}" if view.live else "✖ bench lost", tone if view.live else "bad"),
    ]
    if status.peer and not view.waiting:
        parts.append(Part(f" · {clip(status.peer, 24)}", "dim", 8))
    parts.append(Part(f" · {age_text(max(status.uptime_s - view.since_step_s, 0))}", "dim", 6))
    parts.append(Part(f"   {clip(status.backend, 14)}", "accent", 2))
    if status.card and status.card != status.backend:
        parts.append(Part(f" · {clip(status.card, 24)}", "dim", 9))
    return parts


def _right(view: View) -> list[Part]:
    rates = view.rates
    parts = [
        Part(f"{rate_text(rates.frames.now):>5} fps ", "strong" if rates.frames.now else "dim", 1),
        Part(bars(list(rates.frames.past), SPARK) + "  ", "accent", 4),
        Part(f"{rate_text(rates.megabytes.now):>5} MB/s ", "" if rates.megabytes.now else "dim", 3),
        Part(bars(list(rates.megabytes.past), SPARK) + "  ", "accent", 6),
        Part(f"{rate_text(rates.commands.now):>5} cmd/s ", "" if rates.commands.now else "dim", 1),
        Part(bars(list(rates.commands.past), SPARK) + " ", "accent", 4),
    ]
    armed = view.snapshot.status.faults_armed
    if armed:
        parts.append(Part(f" ⚑ {armed} FAULT{'S' * (armed > 1)} ARMED ", "hot"))
    return parts


def _length(parts: list[Part]) -> int:
    return sum(len(part.text) for part in parts)
