"""A picture in half blocks: two pixels a cell, on any terminal with colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset, Size
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]


class HalfBlocks(Widget):
    """Draws an array of shape (rows, columns, 3), centred. Runs of one colour are one segment."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's own word
        super().__init__(id=id)
        self.scale = (1, 2)
        """Pixels a cell, across and down."""
        self._pixels: Bytes | None = None
        self._lines: dict[int, list[Segment]] = {}
        self.cross: tuple[int, int] | None = None
        """The pixel that is marked, with the other one of its cell."""

    def room(self, area: Size) -> tuple[int, int]:
        """Pixels that can be drawn on so many cells, across and down."""
        return area.width * self.scale[0], area.height * self.scale[1]

    @property
    def origin(self) -> tuple[int, int]:
        """The cell at which the picture begins."""
        if self._pixels is None:
            return 0, 0
        rows, columns, _ = self._pixels.shape
        return (self.size.width - columns) // 2, (self.size.height - (rows + 1) // 2) // 2

    def show(self, pixels: Bytes | None) -> None:
        """Draw other pixels, or none."""
        self._pixels = pixels
        self._lines.clear()
        self.refresh()

    def pixel_at(self, place: Offset) -> tuple[int, int] | None:
        """The upper one of the two pixels drawn in a cell of this widget."""
        if self._pixels is None:
            return None
        rows, columns, _ = self._pixels.shape
        left, top = self.origin
        x, y = place.x - left, (place.y - top) * 2
        return (x, y) if 0 <= x < columns and 0 <= y < rows else None

    def render_line(self, y: int) -> Strip:
        """One line of cells."""
        width, base = self.size.width, self.rich_style
        if self._pixels is None:
            return Strip.blank(width, base)
        left, top = self.origin
        row = y - top
        if not 0 <= row < (self._pixels.shape[0] + 1) // 2:
            return Strip.blank(width, base)
        segments = self._lines.get(row)
        if segments is None:
            segments = self._lines[row] = self._cells(self._pixels, row)
        strip = Strip([Segment(" " * max(left, 0), base), *segments])
        return strip.extend_cell_length(width, base).crop(0, width)

    def _cells(self, pixels: Bytes, row: int) -> list[Segment]:
        upper = pixels[2 * row].tolist()
        lower = pixels[min(2 * row + 1, pixels.shape[0] - 1)].tolist()
        cross = (self.cross[0], self.cross[1] // 2) if self.cross else None
        segments: list[Segment] = []
        run, last = 0, (upper[0], lower[0])
        for column, pair in enumerate(zip(upper, lower, strict=True)):
            marked = cross == (column, row)
            if (pair != last or marked) and run:
                segments.append(_segment(last, run))
                run = 0
            if marked:
                segments.append(Segment("┼", _cross_style(pair)))
            else:
                last = pair
                run += 1
        if run:
            segments.append(_segment(last, run))
        return segments


def _segment(pair: tuple[list[int], list[int]], run: int) -> Segment:
    upper, lower = pair
    back = Color.from_rgb(*lower)
    if upper == lower:
        return Segment(" " * run, Style.from_color(None, back))
    return Segment("▀" * run, Style.from_color(Color.from_rgb(*upper), back))


def _cross_style(pair: tuple[list[int], list[int]]) -> Style:
    bright = sum(pair[0]) + sum(pair[1]) > 765
    shade = Color.from_rgb(0, 0, 0) if bright else Color.from_rgb(255, 255, 255)
    return Style.from_color(shade, Color.from_rgb(*pair[0]))
