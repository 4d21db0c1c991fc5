"""
Frames of one pixel format and size to paint pictures on, letterboxed.

A picture is scaled by Pillow or by PyAV; here its samples are laid out in the frame's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vmedia_bench.backends.pattern.formats import MJPG, RAW_FORMATS, Component, RawFormat
from vmedia_bench.wire.v4l2 import fourcc_name

if TYPE_CHECKING:
    from collections.abc import Sequence

Bytes = npt.NDArray[np.uint8]

_NEUTRAL: Final = 128
_BLACK_LIMITED: Final = 16


class Placement(NamedTuple):
    """Where a picture lies in a frame: pixels, all even."""

    left: int
    top: int
    width: int
    height: int


def fit(picture: tuple[int, int], frame: tuple[int, int]) -> Placement:
    """Give the largest centred place in `frame` with the picture's proportions."""
    width, height = frame
    scale = min(width / picture[0], height / picture[1])
    inner_width = min(width, max(2, round(picture[0] * scale / 2) * 2))
    inner_height = min(height, max(2, round(picture[1] * scale / 2) * 2))
    left = (width - inner_width) // 4 * 2
    top = (height - inner_height) // 4 * 2
    return Placement(left, top, inner_width, inner_height)


@dataclass(frozen=True, slots=True)
class Samples:
    """
    A scaled picture: arrays of (rows, columns), Y U V or R G B by name.

    Chroma has half the columns, and half the rows too for a 4:2:0 frame.
    """

    parts: dict[str, Bytes]


class Canvas:
    """
    Frames of `pixelformat`, `size` being (width, height); `length` is bytes at most.

    `raw` is None for MJPG.
    """

    def __init__(self, pixelformat: int, size: tuple[int, int]) -> None:
        self.pixelformat = pixelformat
        self.size = size
        self.raw: RawFormat | None = RAW_FORMATS.get(pixelformat)
        if self.raw is None and pixelformat != MJPG:
            raise ValueError(f"format {fourcc_name(pixelformat)} cannot be painted")
        width, height = size
        self.bases: tuple[int, ...] = ()
        self.length = width * height * 2 + 4096
        if self.raw is not None:
            self.plane_sizes = [plane.sizeimage for plane in self.raw.planes(width, height)]
            self.length = sum(self.plane_sizes)
            starts = [sum(self.plane_sizes[:at]) for at in range(len(self.plane_sizes))]
            bases = self.raw.bases(width, height)
            self.bases = tuple(
                base + starts[part.plane]
                for part, base in zip(self.raw.components, bases, strict=True)
            )

    @property
    def parts(self) -> Sequence[tuple[Component, int]]:
        """The frame's components, each with its first byte in the whole frame."""
        assert self.raw is not None
        return list(zip(self.raw.components, self.bases, strict=True))

    @property
    def shares_rows(self) -> bool:
        """Whether two rows share their chroma (4:2:0)."""
        return any(part.rows_per_line == 2 for part, _ in self.parts)

    def lines(self, out: Bytes, part: Component, base: int) -> Bytes:
        """Give a component's bytes in a frame as (lines, stride)."""
        stride = part.stride(self.size[0])
        count = self.size[1] // part.rows_per_line
        return out[base : base + count * stride].reshape(count, stride)

    def clear(self, out: Bytes) -> None:
        """Make a raw frame black."""
        for part, base in self.parts:
            lines = self.lines(out, part, base)
            groups = lines.reshape(len(lines), -1, len(part.samples))
            for at, name in enumerate(part.samples):
                groups[..., at] = self._black(name)

    def _black(self, name: str) -> int:
        assert self.raw is not None
        if name in "UV":
            return _NEUTRAL
        if name in "Yy":
            return 0 if self.raw.full_range else _BLACK_LIMITED
        return 255 if name == "X" else 0

    def put(self, out: Bytes, samples: Samples, place: Placement) -> None:
        """Lay a scaled picture out in a raw frame; what is around it stays."""
        for part, base in self.parts:
            share = part.rows_per_line
            lines = self.lines(out, part, base)
            bytes_a_pair = len(part.samples)
            first = place.left // 2 * bytes_a_pair
            window = lines[
                place.top // share : (place.top + place.height) // share,
                first : first + place.width // 2 * bytes_a_pair,
            ]
            _interleave(window, part.samples, samples.parts)


def _interleave(window: Bytes, order: str, parts: dict[str, Bytes]) -> None:
    """Put samples into the byte order of one component: groups of two pixels."""
    if order == "Yy":
        window[...] = parts["Y"]
        return
    groups = window.reshape(len(window), -1, len(order))
    seen: dict[str, int] = {}
    for at, name in enumerate(order):
        if name == "X":
            groups[..., at] = 255
        elif name in "UV":
            groups[..., at] = parts[name]
        elif name in "Yy":
            groups[..., at] = parts["Y"][:, "Yy".index(name) :: 2]
        else:
            odd = seen.get(name, 0)
            groups[..., at] = parts[name][:, odd::2]
            seen[name] = 1
