"""
The caption burned into a frame: its number and its timestamp, white on black, top left.

It reads ` NNNNNNNN SSSSSS.mmm `: the sequence number and CLOCK_MONOTONIC in seconds, each modulo
its digits; the same numbers that the frame's v4l2_buffer carries. Flips leave it readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vmedia_bench.backends.pattern.font import (
    CELL_HEIGHT,
    CELL_WIDTH,
    GLYPH_HEIGHT,
    GLYPH_LEFT,
    GLYPH_TOP,
    GLYPH_WIDTH,
    GLYPHS,
)

if TYPE_CHECKING:
    from vmedia_bench.backends.pattern.colour import Pixels
    from vmedia_bench.v4l2.source import Frame

CHARACTERS: Final = "".join(GLYPHS)
COLUMNS: Final = 21
_MAX_SCALE: Final = 6
_INDICES: Final = bytes.maketrans(CHARACTERS.encode(), bytes(range(len(CHARACTERS))))


def caption_text(frame: Frame) -> str:
    """Give the caption of a frame, COLUMNS characters out of CHARACTERS."""
    seconds, rest = divmod(frame.timestamp_ns, 1_000_000_000)
    number = f"{frame.sequence % 100_000_000:08d}"
    return f" {number} {seconds % 1_000_000:06d}.{rest // 1_000_000:03d} "


def caption_scale(width: int, height: int) -> int:
    """Give how many pixels wide and high a font pixel is in a frame of this size."""
    return max(1, min(_MAX_SCALE, width // 256, height // 240))


def caption_size(width: int, height: int) -> tuple[int, int]:
    """Give width and height of the caption in pixels; both even."""
    scale = caption_scale(width, height)
    return COLUMNS * CELL_WIDTH * scale, CELL_HEIGHT * scale


def glyph_indices(text: str) -> bytes:
    """Give the index of each character in CHARACTERS."""
    return text.encode().translate(_INDICES)


def glyph_pixels(scale: int) -> Pixels:
    """Draw all cells side by side: (CELL_HEIGHT * scale, characters * CELL_WIDTH * scale, 3)."""
    cells = np.zeros((CELL_HEIGHT, len(CHARACTERS), CELL_WIDTH), np.uint8)
    lit = np.array([[[mark != " " for mark in line] for line in GLYPHS[c]] for c in CHARACTERS])
    bottom, right = GLYPH_TOP + GLYPH_HEIGHT, GLYPH_LEFT + GLYPH_WIDTH
    cells[GLYPH_TOP:bottom, :, GLYPH_LEFT:right] = lit.transpose(1, 0, 2) * np.uint8(255)
    grey = cells.reshape(CELL_HEIGHT, -1).repeat(scale, axis=0).repeat(scale, axis=1)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
