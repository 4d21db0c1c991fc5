"""A picture in real pixels, on terminals with Kitty's or Sixel graphics: the extra `graphics`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.geometry import Offset, Region, Size
from textual.strip import Strip

from vmedia_bench.tui.widgets.graphics import (
    LARGEST_SIXEL,
    Graphics,
    cell_size,
    kitty,
    kitty_gone,
    sixel,
)
from vmedia_bench.tui.widgets.half_blocks import HalfBlocks

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

OVER_IT = "Toast, SelectOverlay"
"""What may lie over the picture on the same screen."""
CROSS = 8
"""Pixels from the middle of the mark to its ends."""
_PLAIN = Style()
_HIDDEN = ((ControlType.CURSOR_FORWARD, 0),)
"""Marks a segment as one without width."""


class RealPixels(HalfBlocks):
    """Draws an array of shape (rows, columns, 3), centred, in the terminal's own pixels.

    In half blocks while something lies over it: a terminal's picture would not stay below.
    """

    def __init__(self, kind: Graphics, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id)
        self.scale = cell_size()
        self._kind = kind
        self._number = random.randrange(1, 1 << 24)
        self._real: Bytes | None = None
        self._written = ""
        self._on_screen = False
        self._drawn = self._edge = (0, 0)
        """Pixels of the picture, and how many of the edge come before it; across and down."""

    def room(self, area: Size) -> tuple[int, int]:
        """Pixels that can be drawn on so many cells, across and down."""
        if self._kind is Graphics.SIXEL:
            across, down = (LARGEST_SIXEL // each for each in self.scale)
            area = Size(min(area.width, across), min(area.height, down))
        return super().room(area)

    def show(self, pixels: Bytes | None) -> None:
        """Draw other pixels, or none."""
        self._written = ""
        if pixels is None:
            self._real = None
            self._take_away()
            super().show(None)
            return
        import numpy as np

        if self.cross is not None:
            pixels = _marked(pixels, *self.cross)
        self._real = self._whole_cells(pixels)
        across, down = self.scale
        # The middle of each half cell.
        places = np.arange(self._real.shape[0] // down * 2) * down // 2 + down // 4
        super().show(self._real[places, across // 2 :: across])

    def pixel_at(self, place: Offset) -> tuple[int, int] | None:
        """The pixel drawn in the middle of a cell of this widget."""
        found = super().pixel_at(place)
        if found is None:
            return None
        x = found[0] * self.scale[0] + self.scale[0] // 2
        y = found[1] // 2 * self.scale[1] + self.scale[1] // 2
        columns, rows = self._drawn
        return (
            max(0, min(x - self._edge[0], columns - 1)),
            max(0, min(y - self._edge[1], rows - 1)),
        )

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of cells; the last one of the picture carries its pixels."""
        if self._real is None or not self._free or crop != Region(0, 0, *self.size):
            self._take_away()
            return super().render_lines(crop)
        self._on_screen = True
        left, top = self.origin
        columns, rows = self._real.shape[1] // self.scale[0], self._real.shape[0] // self.scale[1]
        base = self.rich_style
        before = Segment(" " * left, base)
        after = Segment(" " * (self.size.width - left - columns), base)
        # What is written over Sixel's picture takes it away: it would flicker.
        blank = Segment(" " * columns, base)
        ahead = Segment(f"\x1b[{columns}C", _PLAIN, _HIDDEN)
        inside = blank if self._kind is Graphics.KITTY else ahead
        line = Strip([before, inside, after], self.size.width)
        lines = [Strip.blank(self.size.width, base)] * self.size.height
        lines[top : top + rows] = [line] * rows
        lines[top + rows - 1] = Strip([*line, *self._drawing(columns, rows)], self.size.width)
        return lines

    def on_hide(self) -> None:
        """Take the picture away with the pane."""
        self._take_away()

    def _take_away(self) -> None:
        # What is written over Kitty's picture does not take it away.
        if self._on_screen and self._kind is Graphics.KITTY and self.app._driver is not None:
            self.app._driver.write(kitty_gone(self._number))
        self._on_screen = False

    @property
    def _free(self) -> bool:
        """Whether all of it is seen, with nothing over it."""
        return (
            self.screen.is_active
            and self.screen.find_widget(self).visible_region == self.region
            and not any(each.region.overlaps(self.region) for each in self.screen.query(OVER_IT))
        )

    def _drawing(self, columns: int, rows: int) -> list[Segment]:
        assert self._real is not None
        left, top = self.origin
        if not self._written:
            self._written = (
                kitty(self._real, self._number, columns, rows)
                if self._kind is Graphics.KITTY
                else sixel(self._real)
            )
        there = Control.move_to(self.region.x + left, self.region.y + top)
        back = Control.move_to(self.region.right, self.region.y + top + rows - 1)
        words = (there.segment.text, self._written, back.segment.text)
        return [Segment(text, _PLAIN, _HIDDEN) for text in words]

    def _whole_cells(self, pixels: Bytes) -> Bytes:
        """With an edge in the background's colour, up to whole cells."""
        import numpy as np

        rows, columns, _ = pixels.shape
        across, down = -columns % self.scale[0], -rows % self.scale[1]
        _, colour = self.background_colors
        framed = np.empty((rows + down, columns + across, 3), np.uint8)
        framed[:] = colour.rgb
        self._drawn, self._edge = (columns, rows), (across // 2, down // 2)
        x, y = self._edge
        framed[y : y + rows, x : x + columns] = pixels
        return framed


def _marked(pixels: Bytes, x: int, y: int) -> Bytes:
    """With a cross at a pixel."""
    pixels = pixels.copy()
    pixels[max(y - CROSS, 0) : y + CROSS + 1, x : x + 1] ^= 0xFF
    pixels[y : y + 1, max(x - CROSS, 0) : x + CROSS + 1] ^= 0xFF
    return pixels
