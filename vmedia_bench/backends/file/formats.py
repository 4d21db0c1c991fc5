"""What a file camera can be set to: the pattern camera's formats, and the file's own size too."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.loopback.options import MAX_SIZE
from vmedia_bench.backends.pattern.formats import INTERVALS, MJPG, RAW_FORMATS, SIZES, format_descs
from vmedia_bench.wire.v4l2 import Colorspace, XferFunc, YcbcrEncoding

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import FormatDesc

_LEAST: Final = (32, 32)
_FASTEST: Final = min(INTERVALS)


def own_size(picture: tuple[int, int]) -> tuple[int, int]:
    """Give the frame size that shows a picture as it is, or the nearest even one that may be."""
    shrink = min(1.0, MAX_SIZE[0] / picture[0], MAX_SIZE[1] / picture[1])
    width, height = (
        max(least, round(value * shrink / 2) * 2)
        for value, least in zip(picture, _LEAST, strict=True)
    )
    return width, height


def file_formats(
    extra: tuple[tuple[int, int], ...], *, bt709: bool, mplane: bool
) -> tuple[FormatDesc, ...]:
    """Give the ENUM_FMT entries, YUYV first; `extra` sizes beside the usual ones."""
    sizes = tuple(sorted({*SIZES, *extra}, key=lambda size: (size[0] * size[1], size)))
    return tuple(
        _coloured(replace(desc, sizes=sizes), bt709=bt709) for desc in format_descs(mplane=mplane)
    )


def file_intervals(rate: Fraction) -> tuple[Fraction, ...]:
    """Give the frame intervals, shortest last: the usual ones, and the file's own."""
    own = min(max(1 / rate, _FASTEST), max(INTERVALS))
    return tuple(sorted({*INTERVALS, own}, reverse=True))


def _coloured(desc: FormatDesc, *, bt709: bool) -> FormatDesc:
    """Y'CbCr keeps the file's matrix: nothing is converted that need not be."""
    if not bt709 or desc.pixelformat == MJPG or RAW_FORMATS[desc.pixelformat].is_rgb:
        return desc
    return replace(
        desc,
        colorspace=int(Colorspace.REC709),
        xfer_func=int(XferFunc._709),
        ycbcr_enc=int(YcbcrEncoding._709),
    )
