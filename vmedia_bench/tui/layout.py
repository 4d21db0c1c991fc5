"""Which panes are seen, for a size of the terminal and what the operator asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

LEAST = (80, 24)
WIDE = (130, 34)
ALWAYS = ("sessions", "buffers", "preview")
"""The panes that have places of their own where there is room."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is on screen: the panes, those that the strip names, and the one it marks."""

    too_small: bool
    single: bool
    panes: tuple[str, ...]
    tabs: tuple[str, ...]
    active: str


def plan(
    width: int, height: int, names: Sequence[str], active: str, deck: str, zoomed: bool
) -> Plan:
    """Lay out panes called `names`: `active` has the keys, `deck` was last seen in the deck."""
    if width < LEAST[0] or height < LEAST[1]:
        return Plan(True, True, (), (), active)
    if zoomed:
        return Plan(False, True, (active,), tuple(names), active)
    if width >= WIDE[0] and height >= WIDE[1]:
        shown = active if active not in ALWAYS else deck
        rest = tuple(name for name in names if name not in ALWAYS)
        return Plan(False, False, (*ALWAYS, shown), rest, shown)
    if active == "sessions":
        return Plan(False, True, ("sessions",), tuple(names), active)
    return Plan(False, True, ("sessions", active), tuple(names), active)
