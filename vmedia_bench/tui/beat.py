"""The beat of the screen: the bench tells what there is ten times a second, and all follows."""

from typing import Final

from vmedia_bench.tui.link import BEAT_MS
from vmedia_bench.tui.model.rates import STEP_NS

_BEAT_NS: Final = BEAT_MS * 1_000_000
BEATS: Final = STEP_NS // _BEAT_NS
"""In a half second: rates and ages change on the first of them."""
RUSH_BEAT: Final = 2
"""
The beat for rows that are new each time. Not that of the rates, which stand at the other end of the
screen: what changes at once is drawn with all that lies between.
"""
_TOLD_NS: Final = 5_000_000
"""A snapshot has come by then, on a machine that is busy, too."""


def beat_of(at_ns: int) -> int:
    """Give which of the half second's BEATS a snapshot of that time (CLOCK_MONOTONIC) is."""
    return at_ns * BEATS // STEP_NS % BEATS


def rush_told_ns(at_ns: int) -> int:
    """Give when the next snapshot has come whose rates or rows are drawn while commands rush by."""
    beat = RUSH_BEAT if beat_of(at_ns) < RUSH_BEAT else BEATS
    return at_ns // STEP_NS * STEP_NS + beat * _BEAT_NS + _TOLD_NS
