"""What the pattern camera can be set to: pixel formats, sizes, rates, and their memory layouts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vmedia_bench.v4l2.source import FormatDesc, PlaneFormat
from vmedia_bench.wire.v4l2 import (
    Colorspace,
    FmtFlag,
    Quantization,
    XferFunc,
    YcbcrEncoding,
    fourcc,
)

SIZES: Final = (
    (160, 120),
    (176, 144),
    (320, 240),
    (640, 360),
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1920, 1080),
    (2560, 1440),
    (3840, 2160),
)
"""Every width is a multiple of 16 and every height one of 8, as MCUs and 4:2:0 need them."""

RATES: Final = (1, 5, 10, 15, 20, 24, 25, 30, 50, 60, 90, 120)
INTERVALS: Final = tuple(Fraction(1, rate) for rate in RATES)


@dataclass(frozen=True, slots=True)
class Component:
    """
    One array of samples inside a frame: the whole of a packed format, or Y, CbCr, Cb, Cr.

    `plane` is the memory plane, `samples` what one group of two pixels holds there in byte order
    (letters: R G B, X = 255; Y and y for the two lumas; U = Cb; V = Cr), `rows_per_line` how
    many picture rows share a line (2 for 4:2:0 chroma).
    """

    plane: int
    samples: str
    rows_per_line: int = 1

    def stride(self, width: int) -> int:
        """Give the bytes of one line `width` pixels wide (an even number)."""
        return width // 2 * len(self.samples)


@dataclass(frozen=True, slots=True)
class RawFormat:
    """How an uncompressed pixel format lies in memory; `full_range` is its quantization."""

    code: str
    components: tuple[Component, ...]
    full_range: bool

    @property
    def is_rgb(self) -> bool:
        """Whether the samples are R, G and B."""
        return "R" in self.components[0].samples

    def bases(self, width: int, height: int) -> tuple[int, ...]:
        """Give each component's first byte inside its memory plane."""
        ends: dict[int, int] = {}
        bases = []
        for part in self.components:
            bases.append(ends.get(part.plane, 0))
            ends[part.plane] = bases[-1] + part.stride(width) * (height // part.rows_per_line)
        return tuple(bases)

    def planes(self, width: int, height: int) -> tuple[PlaneFormat, ...]:
        """Give the memory planes of a `width` x `height` frame, without padding."""
        strides: dict[int, int] = {}
        sizes: dict[int, int] = {}
        for part in self.components:
            stride = part.stride(width)
            strides.setdefault(part.plane, stride)
            size = stride * (height // part.rows_per_line)
            sizes[part.plane] = sizes.get(part.plane, 0) + size
        return tuple(PlaneFormat(strides[plane], sizes[plane]) for plane in sorted(sizes))


def _packed(code: str, samples: str, *, full_range: bool) -> RawFormat:
    return RawFormat(code, (Component(0, samples),), full_range)


def _planar(code: str, *components: Component) -> RawFormat:
    return RawFormat(code, components, full_range=False)


# Byte orders as in the UAPI pages "RGB Formats", "Packed YUV formats" and "Planar YUV formats".
_RAW = (
    _packed("YUYV", "YUyV", full_range=False),
    _packed("UYVY", "UYVy", full_range=False),
    _planar("NV12", Component(0, "Yy"), Component(0, "UV", 2)),
    _planar("YU12", Component(0, "Yy"), Component(0, "U", 2), Component(0, "V", 2)),
    _packed("RGB3", "RGBRGB", full_range=True),
    _packed("BGR3", "BGRBGR", full_range=True),
    _packed("RGB4", "XRGBXRGB", full_range=True),
    _packed("BGR4", "BGRXBGRX", full_range=True),
    _packed("XR24", "BGRXBGRX", full_range=True),
    _packed("BX24", "XRGBXRGB", full_range=True),
    _packed("XB24", "RGBXRGBX", full_range=True),
    _packed("GREY", "Yy", full_range=True),
)
_RAW_MPLANE = (
    _planar("NM12", Component(0, "Yy"), Component(1, "UV", 2)),
    _planar("YM12", Component(0, "Yy"), Component(1, "U", 2), Component(2, "V", 2)),
)

RAW_FORMATS: Final = {fourcc(raw.code): raw for raw in (*_RAW, *_RAW_MPLANE)}
"""Fourcc to layout, for every format but MJPG."""

MJPG: Final = fourcc("MJPG")


def format_descs(*, mplane: bool) -> tuple[FormatDesc, ...]:
    """Give the ENUM_FMT entries, the default one first; NM12 and YM12 need `mplane`."""
    raws = (*_RAW, *_RAW_MPLANE) if mplane else _RAW
    return (*(_raw_desc(raw) for raw in raws), _mjpeg_desc())


def format_codes(*, mplane: bool) -> tuple[str, ...]:
    """Give the four-character codes in the same order."""
    raws = (*_RAW, *_RAW_MPLANE) if mplane else _RAW
    return (*(raw.code for raw in raws), "MJPG")


def _raw_desc(raw: RawFormat) -> FormatDesc:
    return FormatDesc(
        fourcc(raw.code),
        raw.planes,
        SIZES,
        colorspace=int(Colorspace.SRGB),
        ycbcr_enc=int(YcbcrEncoding.DEFAULT if raw.is_rgb else YcbcrEncoding._601),
        quantization=int(Quantization.FULL_RANGE if raw.full_range else Quantization.LIM_RANGE),
        xfer_func=int(XferFunc.SRGB),
    )


def _mjpeg_desc() -> FormatDesc:
    return FormatDesc(
        MJPG,
        _mjpeg_planes,
        SIZES,
        flags=int(FmtFlag.COMPRESSED),
        colorspace=int(Colorspace.JPEG),
        ycbcr_enc=int(YcbcrEncoding._601),
        quantization=int(Quantization.FULL_RANGE),
        xfer_func=int(XferFunc.SRGB),
    )


def _mjpeg_planes(width: int, height: int) -> tuple[PlaneFormat, ...]:
    # Two bytes a pixel is what noise needs at the quality used; the rest is for the headers.
    return (PlaneFormat(0, width * height * 2 + 4096),)
