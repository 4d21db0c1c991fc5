"""The beat of the screen: the bench tells what there is ten times a second, and all follows."""

from typing import Final

from vmedia_bench.tui.link import BEAT_MS
from vmedia_bench.tui.model.rates import STEP_NS

BEATS: Final = STEP_NS // (BEAT_MS * 1_000_000)
"""In a half second: rates and ages change on the first of them."""


def beat_of(at_ns: int) -> int:
    """Give which of the half second's BEATS a snapshot of that time (CLOCK_MONOTONIC) is."""
    return at_ns * BEATS // STEP_NS % BEATS
