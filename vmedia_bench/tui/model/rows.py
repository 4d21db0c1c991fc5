"""Rows of a table as values: what a pane says, before anything is drawn."""

from dataclasses import dataclass
from typing import TypeAlias

NARROW = 100
"""Cells across: below, columns that can be narrower are."""

Key: TypeAlias = int | str
Cell: TypeAlias = str | tuple[str, str]
"""Text, or text with a tone: dim, good, bad, warn, accent, strong, hot."""


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column. `width` is in cells, 0: as wide as its content; a `flex` one takes the rest.

    `narrow` is its width on a screen of fewer than NARROW cells, where it is another there.
    """

    title: str
    width: int = 0
    right: bool = False
    flex: bool = False
    narrow: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `key` tells it from others, whatever its place; `tone` colours all of it."""

    key: Key
    cells: tuple[Cell, ...]
    tone: str = ""


def cell_text(cell: Cell) -> str:
    """A cell without its tone."""
    return cell if isinstance(cell, str) else cell[0]
