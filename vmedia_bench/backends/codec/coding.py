"""What a codec reads and writes: coded formats, raw formats, and their buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from vmedia_bench.backends.pattern.formats import RAW_FORMATS
from vmedia_bench.v4l2.source import Format, FormatDesc, PlaneFormat, SizeRange
from vmedia_bench.wire.v4l2 import Colorspace, FmtFlag, Quantization, YcbcrEncoding, fourcc

MIN_SIDE: Final = 16
MAX_SIZE: Final = (4096, 2304)
DEFAULT_SIZE: Final = (640, 480)
SIZES: Final = SizeRange(MIN_SIDE, MAX_SIZE[0], MIN_SIDE, MAX_SIZE[1], 1, 1)
EVEN_SIZES: Final = SizeRange(MIN_SIDE, MAX_SIZE[0], MIN_SIDE, MAX_SIZE[1], 2, 2)
ALIGNMENT: Final = 16
"""Decoded frames are so much a multiple wide and high, as macroblocks ask of hardware."""

_LEAST_CODED: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Coding:
    """One coded format: its fourcc, and what FFmpeg calls who reads and writes it."""

    code: str
    decoder: str
    encoders: tuple[str, ...]

    @property
    def pixelformat(self) -> int:
        """Its fourcc."""
        return fourcc(self.code)


CODINGS: Final = {
    coding.pixelformat: coding
    for coding in (
        Coding("H264", "h264", ("libx264", "libopenh264")),
        Coding("HEVC", "hevc", ("libx265",)),
        Coding("VP80", "vp8", ("libvpx",)),
        Coding("VP90", "vp9", ("libvpx-vp9",)),
        Coding("AV01", "libdav1d", ("libsvtav1", "libaom-av1")),
        Coding("MPG2", "mpeg2video", ("mpeg2video",)),
    )
}
"""Fourcc to coded format, the default one first."""


@dataclass(frozen=True, slots=True)
class FollowingDesc(FormatDesc):
    """A format whose size is not the guest's to choose: the other queue or the stream says it."""

    size: tuple[int, int] = DEFAULT_SIZE

    def nearest_size(self, width: int, height: int) -> tuple[int, int]:
        """Give the size it has now."""
        del width, height
        return self.size


def raw_codes(*, mplane: bool) -> tuple[str, ...]:
    """Give the raw formats, the default one first."""
    return ("NV12", "YU12", "NM12", "YM12") if mplane else ("NV12", "YU12")


def coded_layout(width: int, height: int) -> tuple[PlaneFormat, ...]:
    """Give room for any one coded frame; a guest may ask for more."""
    return (PlaneFormat(0, max(_LEAST_CODED, width * height * 3 // 4)),)


def coded_desc(pixelformat: int, flags: FmtFlag) -> FormatDesc:
    """Declare a coded format in every size."""
    return FormatDesc(
        pixelformat,
        coded_layout,
        SIZES,
        flags=int(FmtFlag.COMPRESSED | flags),
        colorspace=int(Colorspace.REC709),
        ycbcr_enc=int(YcbcrEncoding._709),
        quantization=int(Quantization.LIM_RANGE),
    )


def raw_desc(code: str) -> FormatDesc:
    """Declare a raw format in every even size."""
    raw = RAW_FORMATS[fourcc(code)]
    return FormatDesc(
        fourcc(code),
        raw.planes,
        EVEN_SIZES,
        colorspace=int(Colorspace.REC709),
        ycbcr_enc=int(YcbcrEncoding._709),
        quantization=int(Quantization.LIM_RANGE),
    )


def following(desc: FormatDesc, size: tuple[int, int], other: Format | None) -> FollowingDesc:
    """Give a format the size and the colorimetry that the other queue has."""
    layout: Callable[[int, int], tuple[PlaneFormat, ...]] = desc.layout
    found = FollowingDesc(desc.pixelformat, layout, desc.sizes, flags=desc.flags, size=size)
    if other is None:
        return replace(
            found,
            colorspace=desc.colorspace,
            ycbcr_enc=desc.ycbcr_enc,
            quantization=desc.quantization,
        )
    return replace(
        found,
        colorspace=other.colorspace,
        ycbcr_enc=other.ycbcr_enc,
        quantization=other.quantization,
        xfer_func=other.xfer_func,
    )


def aligned(size: tuple[int, int]) -> tuple[int, int]:
    """Give the frame size that decoded pictures of this size are in."""
    width, height = size
    return -(-width // ALIGNMENT) * ALIGNMENT, -(-height // ALIGNMENT) * ALIGNMENT
