"""
Motion JPEG frames, spliced from strips: a frame is seldom encoded as a whole.

Restart markers make every strip of MCUs decodable on its own (ITU-T T.81, F.1.1.5.2 and E.1.4), so
a frame is a header, strips encoded before and numbered anew, and, freshly encoded for each frame,
the few restart intervals that hold the caption. Pillow encodes and is imported with this module
only.

The frames are 4:2:2, an MCU is 16 by 8 pixels; a restart interval is a whole fraction of an MCU
row and wide enough for the caption.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from vmedia_bench.backends.pattern.caption import (
    CHARACTERS,
    COLUMNS,
    caption_scale,
    caption_size,
    glyph_indices,
    glyph_pixels,
)
from vmedia_bench.backends.pattern.scene import LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmedia_bench.backends.pattern.colour import Adjustment, Pixels
    from vmedia_bench.backends.pattern.scene import Run, Scene
    from vmedia_bench.v4l2.source import Plane

QUALITY: Final = 90
_SUBSAMPLING_422: Final = 1
_MCU_WIDTH: Final = 16
_CACHE_BYTES: Final = 8 << 20
# How far apart successive strips of noise are taken; coprime to every power of two and to 3.
_STRIDE: Final = 5

_END_OF_IMAGE: Final = b"\xff\xd9"
_START_OF_FRAME: Final = 0xC0
_START_OF_SCAN: Final = 0xDA
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_MARKERS: Final = tuple(bytes((0xFF, 0xD0 + number)) for number in range(8))

StripKey = tuple[tuple[int, int], ...]
"""What the rows of a strip show, as (row of the scene, shift): one entry when all are alike."""


class _Strip:
    """An encoded MCU row, cut at its restart markers; `lead` is the first restart interval."""

    def __init__(self, intervals: Sequence[bytes]) -> None:
        self.lead, *self._others = intervals
        self._tails: dict[int, bytes] = {}

    def tail(self, number: int) -> bytes:
        """Give what follows the lead, interval `number` (modulo 8): the others, all markers."""
        tail = self._tails.get(number)
        if tail is None:
            marked = [_MARKERS[number]]
            for i, interval in enumerate(self._others, number + 1):
                marked += (interval, _MARKERS[i % 8])
            tail = self._tails[number] = b"".join(marked)
        return tail


class JpegPainter:
    """Paints MJPG frames of one size, (width, height) in pixels."""

    def __init__(self, size: tuple[int, int]) -> None:
        # Pillow finds its JPEG plugin at the first use: here, not in the first frame.
        Image.preinit()
        self._width, self._height = size
        caption_width, caption_height = caption_size(*size)
        self._caption_strips = -(-caption_height // LINE)
        mcus, wanted = self._width // _MCU_WIDTH, -(-caption_width // _MCU_WIDTH)
        self._interval = min(n for n in range(wanted, mcus + 1) if mcus % n == 0)
        self._per_row = mcus // self._interval
        self._canvas = np.empty(
            (self._caption_strips * LINE, self._interval * _MCU_WIDTH, 3), np.uint8
        )
        glyphs = glyph_pixels(caption_scale(*size))
        self._glyphs = glyphs.reshape(caption_height, len(CHARACTERS), -1, 3)
        cell = self._glyphs.shape[2]
        self._cells = self._canvas[:caption_height, :caption_width].reshape(
            caption_height, COLUMNS, cell, 3
        )
        self._strips: dict[StripKey, _Strip] = {}
        self._cached_bytes = 0
        self._header = b""
        self._runs: tuple[Run, ...] | None = None
        self._top: list[_Strip] = []
        self._below = b""

    def load(self, scene: Scene, adjustment: Adjustment) -> None:
        """Take another picture, or the same one with other controls."""
        self._rows = adjustment.apply(scene.rows)
        self._stacked = scene.stacked
        self._forget()
        self._runs = None

    def paint(
        self, runs: tuple[Run, ...], caption: str | None, planes: Sequence[Plane]
    ) -> tuple[int, ...]:
        """Write a frame; gives the bytes used."""
        if runs is not self._runs:
            self._plan(runs)
        head = self._head(caption)
        planes[0].write(0, head)
        planes[0].write(len(head), self._below)
        return (len(head) + len(self._below),)

    def _plan(self, runs: tuple[Run, ...]) -> None:
        """Look up or encode the strips of a frame, and join those below the caption."""
        keys = self._stack_keys(runs) if self._stacked else _row_keys(runs)
        self._encode_missing(keys)
        strips = [self._strips[key] for key in keys]
        first = self._caption_strips
        parts: list[bytes] = []
        for row, strip in enumerate(strips[first:], first):
            parts += (strip.lead, strip.tail(row * self._per_row % 8))
        self._below = b"".join(parts)[:-2] + _END_OF_IMAGE
        self._top = strips[:first]
        for row, key in enumerate(keys[:first]):
            top = row * LINE
            self._canvas[top : top + LINE] = self._pixels(key)[:, : self._canvas.shape[1]]
        self._runs = runs

    def _head(self, caption: str | None) -> bytes:
        """Give the frame down to the last strip of the caption."""
        leads = [strip.lead for strip in self._top]
        if caption is not None:
            for column, index in enumerate(glyph_indices(caption)):
                self._cells[:, column] = self._glyphs[:, index]
            leads = self._encode(self._canvas)[1]
        parts = [self._header]
        for row, (strip, lead) in enumerate(zip(self._top, leads, strict=True)):
            parts += (lead, strip.tail(row * self._per_row % 8))
        return b"".join(parts)

    def _stack_keys(self, runs: tuple[Run, ...]) -> list[StripKey]:
        """Draw strips for a noise scene: whole ones, so that they can be encoded once."""
        count = len(self._rows) // LINE
        return [
            tuple((row, 0) for row in range(start, start + LINE))
            for run in runs
            for i in range(run.height // LINE)
            for start in ((run.row // 2 + i * _STRIDE) % count * LINE,)
        ]

    def _pixels(self, key: StripKey) -> Pixels:
        """Render a strip: (LINE, width, 3)."""
        lines = [np.roll(self._rows[row], -shift, axis=0) for row, shift in key]
        return np.stack(lines * (LINE // len(lines)))

    def _encode_missing(self, keys: list[StripKey]) -> None:
        """Encode what this frame needs and the cache lacks, in one go."""
        if self._cached_bytes > _CACHE_BYTES:
            self._forget()
        missing = [key for key in dict.fromkeys(keys) if key not in self._strips]
        if not missing:
            return
        header, intervals = self._encode(np.concatenate([self._pixels(key) for key in missing]))
        self._header = _with_height(header, self._height)
        for i, key in enumerate(missing):
            self._strips[key] = _Strip(intervals[i * self._per_row : (i + 1) * self._per_row])
        self._cached_bytes += sum(map(len, intervals))

    def _forget(self) -> None:
        self._strips.clear()
        self._cached_bytes = 0

    def _encode(self, rgb: Pixels) -> tuple[bytes, list[bytes]]:
        """Encode pixels (rows, width, 3): the header down to SOS, and the restart intervals."""
        height, width, _ = rgb.shape
        stream = io.BytesIO()
        Image.frombuffer("RGB", (width, height), rgb, "raw", "RGB", 0, 1).save(
            stream,
            "JPEG",
            quality=QUALITY,
            subsampling=_SUBSAMPLING_422,
            restart_marker_blocks=self._interval,
        )
        jpeg = stream.getvalue()
        start = _find_segment(jpeg, _START_OF_SCAN)
        start += 2 + int.from_bytes(jpeg[start + 2 : start + 4])
        return jpeg[:start], _RESTART.split(jpeg[start:-2])


def _row_keys(runs: tuple[Run, ...]) -> list[StripKey]:
    """Cut runs into strips of LINE rows."""
    keys: list[StripKey] = []
    mixed: list[tuple[int, int]] = []
    for row, height, shift in runs:
        line = (row, shift)
        lead = min(-len(mixed) % LINE, height)
        mixed += [line] * lead
        if len(mixed) == LINE:
            keys.append(tuple(mixed))
            mixed = []
        whole, rest = divmod(height - lead, LINE)
        keys += [(line,)] * whole
        mixed += [line] * rest
    return keys


def _find_segment(jpeg: bytes, code: int) -> int:
    """Give where the first marker segment `code` begins; ValueError when there is none."""
    at = 2
    while jpeg[at] == 0xFF:
        if jpeg[at + 1] == code:
            return at
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    raise ValueError(f"no JPEG marker ff{code:02x}")


def _with_height(header: bytes, height: int) -> bytes:
    """Put another number of lines into the frame header (T.81, B.2.2)."""
    at = _find_segment(header, _START_OF_FRAME) + 5
    return header[:at] + height.to_bytes(2) + header[at + 2 :]
