"""
The pictures: a few distinct pixel rows, and which of them a frame repeats how often.

A run shows one row over and over, starting at pixel `shift` of it and wrapping round: from a
bank where the row is repeated back to back, such a run is one contiguous slice, moved or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmedia_bench.backends.pattern.colour import Floats, Pixels

LINE: Final = 8
"""Still runs begin and end on multiples of this many rows (an MCU's height, and even)."""

_GRADIENT_STEPS: Final = 64
_NOISE_PIXELS: Final = 1 << 17
_NOISE_MIN_ROWS: Final = 96
_NOISE_MAX_ROWS: Final = 512
_WIDE: Final = 1024
_WIDE_GRAIN: Final = 128
_SEED: Final = 0x5EED
# Odd 32-bit numbers that spread consecutive frames and runs over the noise.
_SPREAD_FRAME: Final = 0x9E3779B1
_SPREAD_RUN: Final = 0x85EBCA6B

_BARS: Final = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
)
_BLACK: Final = (0, 0, 0)
_CASTELLATIONS: Final = (
    _BARS[6],
    _BLACK,
    _BARS[4],
    _BLACK,
    _BARS[2],
    _BLACK,
    _BARS[0],
)
# -I, white, +Q and black, each 5/4 of a bar; then PLUGE in thirds of a bar; then black. R'G'B' has
# nothing below black, so PLUGE rises from it.
_LOWEST: Final = (
    ((0, 33, 76), 15),
    ((255, 255, 255), 15),
    ((50, 0, 106), 15),
    (_BLACK, 15),
    ((0, 0, 0), 4),
    ((10, 10, 10), 4),
    ((20, 20, 20), 4),
    (_BLACK, 12),
)

_BOX_GROUND: Final = (20, 24, 56)
_BOX_FACE: Final = (235, 170, 40)


class Run(NamedTuple):
    """`height` picture rows that all show row `row`, from pixel `shift` of it on (even)."""

    row: int
    height: int
    shift: int


@dataclass(frozen=True, slots=True)
class View:
    """How a scene is looked at: pixels a frame to the right (even), and the flips."""

    motion: int = 0
    hflip: bool = False
    vflip: bool = False


class Scene:
    """
    A still or rolling picture: `rows` is uint8 (rows, width, 3), `heights` (row, height) pairs.

    `stacked` scenes (noise) have rows that follow one another in the bank instead: a run then
    shows `height` successive rows from `row` on.
    """

    stacked: bool = False

    def __init__(self, rows: Pixels, heights: list[tuple[int, int]], view: View) -> None:
        self.rows: Pixels = np.ascontiguousarray(rows[:, ::-1]) if view.hflip else rows
        self.view = view
        self._heights = tuple(heights[::-1] if view.vflip else heights)
        self._still = tuple(Run(row, height, 0) for row, height in self._heights)

    @property
    def width(self) -> int:
        """Pixels a row."""
        return int(self.rows.shape[1])

    def longest(self, row: int) -> int:
        """Give the rows of the longest run of `row`."""
        return max((height for index, height in self._heights if index == row), default=1)

    def runs(self, sequence: int) -> tuple[Run, ...]:
        """Give frame `sequence` from the top; the same object when nothing moves."""
        if not self.view.motion:
            return self._still
        shift = self._start(self.view.motion * sequence)
        return tuple(Run(row, height, shift) for row, height in self._heights)

    def _start(self, travel: int) -> int:
        """Give the first pixel to show once the row has gone `travel` pixels to the right."""
        return (travel if self.view.hflip else -travel) % self.width


class BoxScene(Scene):
    """A box that goes right and round, up and down, on plain ground."""

    def __init__(self, width: int, height: int, view: View) -> None:
        self._box_height = _whole_lines(height / 6)
        self._height = height
        rows = np.empty((2, width, 3), np.uint8)
        rows[:] = _BOX_GROUND
        rows[1, : width // 12 * 2] = _BOX_FACE
        super().__init__(rows, [(0, height), (1, self._box_height)], view)
        self._across = view.motion or 2 * max(1, width // 320)
        self._down = 2 * max(1, height // 480)

    def runs(self, sequence: int) -> tuple[Run, ...]:
        """Give frame `sequence` from the top."""
        room = self._height - self._box_height
        phase = sequence * self._down % (2 * room)
        top = min(phase, 2 * room - phase)
        if self.view.vflip:
            top = room - top
        box = Run(1, self._box_height, self._start(self._across * sequence))
        runs = (Run(0, top, 0), box, Run(0, room - top, 0))
        return tuple(run for run in runs if run.height)


class NoiseScene(Scene):
    """Random pixels, read from other places of the same stack of rows in each frame."""

    stacked = True

    def __init__(self, width: int, height: int, view: View) -> None:
        wanted = min(max(_NOISE_PIXELS // width, _NOISE_MIN_ROWS), _NOISE_MAX_ROWS)
        count = wanted // (2 * LINE) * 2 * LINE
        noise = Random(_SEED).randbytes(count * width * 3)
        rows = np.frombuffer(noise, np.uint8).reshape(count, width, 3)
        super().__init__(rows, [], view)
        self._pieces = _split(height, count // 2)
        self._places = count // 8
        # Whole cache lines in every format where that still leaves places enough: twice as fast.
        self._grain = _WIDE_GRAIN if width >= _WIDE else 2

    def longest(self, row: int) -> int:
        """Give the rows of the longest run."""
        del row
        return self._pieces[0]

    def runs(self, sequence: int) -> tuple[Run, ...]:
        """Give frame `sequence` from the top."""
        columns = self.width // self._grain
        seed = sequence * _SPREAD_FRAME
        runs = []
        for height in self._pieces:
            seed = (seed + _SPREAD_RUN) & 0xFFFFFFFF
            place = (seed ^ seed >> 15) * _SPREAD_RUN & 0xFFFFFFFF
            # Even and odd frames draw from different rows, so no frame is like the one before.
            row = (place >> 16) % self._places * 4 + sequence % 2 * 2
            runs.append(Run(row, height, place % columns * self._grain))
        return tuple(runs)


def build_scene(pattern: str, size: tuple[int, int], colour: int, view: View) -> Scene:
    """
    Render `pattern` (a name out of PATTERNS) for `size` (width, height) in pixels.

    `colour` is 0xRRGGBB and only the solid pattern's. Raises KeyError for an unknown name.
    """
    width, height = size
    if pattern == "box":
        return BoxScene(width, height, view)
    if pattern == "noise":
        return NoiseScene(width, height, view)
    if pattern == "solid":
        channels = (colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF)
        return Scene(_stripes(width, [(channels, 1)]), [(0, height)], view)
    rows, heights = _STILLS[pattern](width, height)
    return Scene(rows, heights, view)


def _smpte(width: int, height: int) -> tuple[Pixels, list[tuple[int, int]]]:
    rows = np.concatenate(
        (
            _stripes(width, [(colour, 1) for colour in _BARS]),
            _stripes(width, [(colour, 1) for colour in _CASTELLATIONS]),
            _stripes(width, list(_LOWEST)),
        )
    )
    upper, middle = _whole_lines(height * 2 / 3), _whole_lines(height / 12)
    return rows, [(0, upper), (1, middle), (2, height - upper - middle)]


def _gradient(width: int, height: int) -> tuple[Pixels, list[tuple[int, int]]]:
    """All hues from left to right, white through full colour to black downwards."""
    sixths = np.linspace(0, 6, width, endpoint=False, dtype=np.float32)
    red = (np.abs(sixths - 3) - 1).clip(0, 1)
    green = (2 - np.abs(sixths - 2)).clip(0, 1)
    blue = (2 - np.abs(sixths - 4)).clip(0, 1)
    hues = np.stack((red, green, blue), axis=-1)[np.newaxis]
    lines = height // LINE
    count = min(_GRADIENT_STEPS, lines)
    depth: Floats = np.linspace(0, 2, count, dtype=np.float32)[:, np.newaxis, np.newaxis]
    mixed = 1 + np.minimum(depth, 1) * (hues - 1)
    rows = np.rint(255 * mixed * (2 - np.maximum(depth, 1))).astype(np.uint8)
    ends = [(i + 1) * lines // count * LINE for i in range(count)]
    return rows, [(i, end - start) for i, (start, end) in enumerate(_steps(ends))]


def _checker(width: int, height: int) -> tuple[Pixels, list[tuple[int, int]]]:
    side = _whole_lines(height / 10)
    lit = (np.arange(width) // side % 2).astype(np.uint8)
    levels = np.stack((lit, 1 - lit)) * np.uint8(219) + np.uint8(18)
    rows = np.repeat(levels[:, :, np.newaxis], 3, axis=2)
    return rows, [(i % 2, part) for i, part in enumerate(_split(height, side))]


def _ramp(width: int, height: int) -> tuple[Pixels, list[tuple[int, int]]]:
    levels = np.rint(np.linspace(0, 255, width)).astype(np.uint8)
    return np.repeat(levels[np.newaxis, :, np.newaxis], 3, axis=2), [(0, height)]


_STILLS: Final[dict[str, Callable[[int, int], tuple[Pixels, list[tuple[int, int]]]]]] = {
    "smpte": _smpte,
    "gradient": _gradient,
    "checker": _checker,
    "ramp": _ramp,
}


def _stripes(width: int, stripes: list[tuple[tuple[int, int, int], int]]) -> Pixels:
    """One row (1, width, 3) of vertical stripes: colours with their shares of the width."""
    total = sum(share for _, share in stripes)
    row = np.empty((1, width, 3), np.uint8)
    left = done = 0
    for colour, share in stripes:
        done += share
        right = round(done * width / total / 2) * 2
        row[0, left:right] = colour
        left = right
    return row


def _whole_lines(height: float) -> int:
    return max(1, round(height / LINE)) * LINE


def _split(total: int, part: int) -> list[int]:
    """Cut `total` into parts, the last one being what is left."""
    return [min(part, total - start) for start in range(0, total, part)]


def _steps(ends: list[int]) -> list[tuple[int, int]]:
    return list(zip([0, *ends[:-1]], ends, strict=True))
