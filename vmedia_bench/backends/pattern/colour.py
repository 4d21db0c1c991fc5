"""
Colour arithmetic on pixel rows: the picture controls, and RGB to a format's samples.

Y'CbCr as on the UAPI page "Detailed Colorspace Descriptions". Pictures are made of a few rows,
so float arithmetic is cheap here; nothing of this runs per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from vmedia_bench.wire.v4l2 import YcbcrEncoding

if TYPE_CHECKING:
    from vmedia_bench.backends.pattern.formats import Component, RawFormat

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Weights of red and blue in luma.
_WEIGHTS_601: Final = (0.299, 0.114)
_WEIGHTS_709: Final = (0.2126, 0.0722)
_IS_709: Final = frozenset((int(YcbcrEncoding._709), int(YcbcrEncoding.XV709)))

# R'G'B' to Y'CbCr of BT.601 and back, all in 0..1 and -0.5..0.5.
_TO_YCC: Final = np.array(
    ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
)
_FROM_YCC: Final = np.array(((1, 0, 1.402), (1, -0.344136, -0.714136), (1, 1.772, 0)))


@dataclass(frozen=True, slots=True)
class Adjustment:
    """
    What the picture controls ask for; the default changes nothing.

    `brightness` is added to luma (1.0 is black to white); `contrast` and `gain` multiply, about
    mid grey and about black; `saturation` multiplies chroma; `hue` turns it, in degrees.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    gain: float = 1.0

    def apply(self, rgb: Pixels) -> Pixels:
        """Give R'G'B' pixels (..., 3) with the adjustment applied, clipped to 0..255."""
        if self == Adjustment():
            return rgb
        chroma = self.contrast * self.gain * self.saturation
        turn, slant = cos(radians(self.hue)) * chroma, sin(radians(self.hue)) * chroma
        inner = np.array(
            ((self.contrast * self.gain, 0, 0), (0, turn, -slant), (0, slant, turn)),
        )
        matrix = (_FROM_YCC @ inner @ _TO_YCC).tolist()
        offset = 255 * (self.brightness + 0.5 - 0.5 * self.contrast)
        red, green, blue = (rgb[..., i].astype(np.float32) for i in range(3))
        out = np.empty_like(rgb)
        for i, (of_red, of_green, of_blue) in enumerate(matrix):
            out[..., i] = _bytes(red * of_red + green * of_green + blue * of_blue + offset)
        return out


@dataclass(frozen=True, slots=True)
class Conversion:
    """From R'G'B' to the samples of one raw format, by its encoding and quantization."""

    raw: RawFormat
    ycbcr_enc: int
    full_range: bool

    def lines(self, rgb: Pixels) -> list[Pixels]:
        """
        Give one array (rows, stride) a component for pixel rows of shape (rows, width, 3).

        Chroma is averaged over two pixels of a row; sharing it between rows is the caller's.
        """
        samples = self._rgb_samples(rgb) if self.raw.is_rgb else self._ycbcr_samples(rgb)
        return [_interleave(part, samples) for part in self.raw.components]

    def _rgb_samples(self, rgb: Pixels) -> dict[str, Pixels]:
        opaque = np.full(rgb.shape[:2], 255, np.uint8)
        return {"R": rgb[..., 0], "G": rgb[..., 1], "B": rgb[..., 2], "X": opaque}

    def _ycbcr_samples(self, rgb: Pixels) -> dict[str, Pixels]:
        of_red, of_blue = _WEIGHTS_709 if self.ycbcr_enc in _IS_709 else _WEIGHTS_601
        scale, low = (1.0, 0) if self.full_range else (219 / 255, 16)
        red, green, blue = (rgb[..., i].astype(np.float32) for i in range(3))
        luma = red * of_red + green * (1 - of_red - of_blue) + blue * of_blue
        y = _bytes(luma * scale + low)
        samples = {"Y": y[:, 0::2], "y": y[:, 1::2]}
        if any("U" in part.samples for part in self.raw.components):
            swing = 1.0 if self.full_range else 224 / 255
            samples["U"] = _chroma(blue - luma, swing / (2 - 2 * of_blue))
            samples["V"] = _chroma(red - luma, swing / (2 - 2 * of_red))
        return samples


def _chroma(difference: Floats, scale: float) -> Pixels:
    return _bytes((difference[:, 0::2] + difference[:, 1::2]) * (scale / 2) + 128)


def _bytes(values: Floats) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _interleave(part: Component, samples: dict[str, Pixels]) -> Pixels:
    """Lay samples out in the component's byte order: (rows, pairs * bytes a pair)."""
    order = part.samples
    if "R" in order:
        pixel = order[: len(order) // 2]
        return np.stack([samples[name] for name in pixel], axis=-1).reshape(
            samples["R"].shape[0], -1
        )
    lines = np.stack([samples[name] for name in order], axis=-1)
    return lines.reshape(lines.shape[0], -1)
