"""
Uncompressed frames: banks of repeated lines in the format's own samples, and the caption band.

A bank holds one row of the scene many times over, converted, so that a run of it is a handful of
plane writes of contiguous bytes whatever its shift. A still picture's list of writes is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from vmedia_bench.backends.pattern.caption import (
    CHARACTERS,
    COLUMNS,
    caption_scale,
    caption_size,
    glyph_indices,
    glyph_pixels,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vmedia_bench.backends.pattern.colour import Adjustment, Conversion, Pixels
    from vmedia_bench.backends.pattern.formats import Component, RawFormat
    from vmedia_bench.backends.pattern.scene import Run, Scene
    from vmedia_bench.v4l2.source import Plane

# Measured: above 1 MiB memcpy no longer minds how source and target are aligned to each other.
_BANK_BYTES: Final = 2 << 20
# Below that, a source that is not on a cache line costs up to half of the speed.
_CACHE_LINE: Final = 64


class RasterPainter:
    """Paints the frames of one uncompressed format and size, `size` being (width, height)."""

    def __init__(self, raw: RawFormat, conversion: Conversion, size: tuple[int, int]) -> None:
        width, height = size
        self._height = height
        self._conversion = conversion
        bases = raw.bases(width, height)
        self._parts = [
            _Part(part, base, width) for part, base in zip(raw.components, bases, strict=True)
        ]
        self._caption_rows = caption_size(width, height)[1]
        glyphs = conversion.lines(glyph_pixels(caption_scale(width, height)))
        for part, lines in zip(self._parts, glyphs, strict=True):
            part.band = _Band(lines[:: part.rows_per_line], part.stride)
        self._bytesused = tuple(plane.sizeimage for plane in raw.planes(width, height))
        self._runs: tuple[Run, ...] | None = None
        self._captioned = False
        self._writes: list[tuple[int, int, memoryview]] = []

    def load(self, scene: Scene, adjustment: Adjustment) -> None:
        """Take another picture, or the same one with other controls."""
        lines = self._conversion.lines(adjustment.apply(scene.rows))
        for part, rows in zip(self._parts, lines, strict=True):
            part.load(rows, scene)
        self._runs = None

    def paint(
        self, runs: tuple[Run, ...], caption: str | None, planes: Sequence[Plane]
    ) -> tuple[int, ...]:
        """Write a frame, every byte of it once; gives the bytes used a memory plane."""
        if runs is not self._runs or self._captioned != (caption is not None):
            self._plan(runs, captioned=caption is not None)
        for index, offset, data in self._writes:
            planes[index].write(offset, data)
        if caption is not None:
            indices = glyph_indices(caption)
            for part in self._parts:
                planes[part.plane].write(part.base, part.band.draw(indices))
        return self._bytesused

    def _plan(self, runs: tuple[Run, ...], *, captioned: bool) -> None:
        """List the writes of a frame; the rows beside the caption go to its band instead."""
        top = self._caption_rows if captioned else 0
        writes = []
        for part in self._parts:
            index, base = part.plane, part.base
            writes += [(index, base + at, data) for at, data in part.spans(runs, top, self._height)]
            if captioned:
                part.band.fill(part.spans(runs, 0, top))
        self._writes = writes
        self._runs = runs
        self._captioned = captioned


class _Part:
    """One component's banks. A line is one row of its samples; `stride` is its bytes."""

    band: _Band

    def __init__(self, part: Component, base: int, width: int) -> None:
        self.plane = part.plane
        self.base = base
        self.stride = part.stride(width)
        self.rows_per_line = part.rows_per_line
        self._pair_bytes = len(part.samples)
        self._stacked = False
        self._store: Pixels = np.empty(0, np.uint8)
        self._banks: list[tuple[memoryview, int]] = []

    def load(self, rows: Pixels, scene: Scene) -> None:
        """Fill the banks: each row as often as a run or _BANK_BYTES want it, and once more."""
        self._stacked = scene.stacked
        if scene.stacked:
            stack = rows[:: self.rows_per_line]
            self._reserve(len(stack))[...] = stack
            self._banks = [(self._store.data, len(stack))]
            return
        most = max(1, _BANK_BYTES // self.stride)
        depths = [
            min(most, max(1, scene.longest(row) // self.rows_per_line)) for row in range(len(rows))
        ]
        total = sum(depths) + len(depths)
        lines = self._reserve(total)
        whole = self._store.data
        self._banks = []
        start = 0
        for row, depth in zip(rows, depths, strict=True):
            end = start + depth + 1
            lines[start:end] = row
            self._banks.append((whole[start * self.stride : end * self.stride], depth))
            start = end

    def _reserve(self, count: int) -> Pixels:
        """Give room for `count` lines, the same as before where it fits: it is touched already."""
        size = count * self.stride
        if self._store.size != size:
            self._store = _aligned(size)
        return self._store.reshape(count, self.stride)

    def spans(
        self, runs: tuple[Run, ...], top: int, bottom: int
    ) -> Iterator[tuple[int, memoryview]]:
        """Give (offset in the component, bytes) for picture rows `top` to `bottom`."""
        stride, shared = self.stride, self.rows_per_line
        first = 0
        for row, height, shift in runs:
            line, end = max(first, top) // shared, min(first + height, bottom) // shared
            start = shift // 2 * self._pair_bytes
            if self._stacked:
                bank, depth = self._banks[0]
                start += (row // shared + line - first // shared) * stride
            else:
                bank, depth = self._banks[row]
            while line < end:
                size = min(depth, end - line) * stride
                yield line * stride, bank[start : start + size]
                line += depth
            first += height


class _Band:
    """The component's lines beside the caption: what the scene shows there, and the glyphs."""

    def __init__(self, glyphs: Pixels, stride: int) -> None:
        count = len(glyphs)
        cell = glyphs.shape[1] // len(CHARACTERS)
        self._glyphs = np.ascontiguousarray(glyphs).reshape(count, len(CHARACTERS), cell)
        store = _aligned(count * stride)
        self._cells = store.reshape(count, stride)[:, : COLUMNS * cell].reshape(
            count, COLUMNS, cell
        )
        self._bytes = store.data
        # A caption is grey, so its chroma is the same whatever it reads.
        self._plain = bool((self._glyphs == self._glyphs[:1, :1]).all())
        self._drawn = bytes(COLUMNS)
        self._whole = False

    def fill(self, spans: Iterator[tuple[int, memoryview]]) -> None:
        """Take over what the scene shows."""
        for offset, data in spans:
            self._bytes[offset : offset + len(data)] = data
        self._whole = False

    def draw(self, indices: bytes) -> memoryview:
        """Put those glyphs in that are not there yet; gives all bytes of the band."""
        cells, glyphs = self._cells, self._glyphs
        if not self._whole:
            for column, index in enumerate(indices):
                cells[:, column] = glyphs[:, index]
            self._whole = True
        elif not self._plain:
            for column, (index, old) in enumerate(zip(indices, self._drawn, strict=True)):
                if index != old:
                    cells[:, column] = glyphs[:, index]
        self._drawn = indices
        return self._bytes


def _aligned(size: int) -> Pixels:
    """Give `size` bytes that begin on a cache line."""
    room = np.empty(size + _CACHE_LINE, np.uint8)
    start = -room.ctypes.data % _CACHE_LINE
    return room[start : start + size]
