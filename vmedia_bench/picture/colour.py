"""
From YCbCr to RGB as the format's colorspace says.

What a format leaves at DEFAULT is derived from its colorspace (V4L2 UAPI, "Colorspaces":
V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vmedia_bench.picture.format import PictureFormat
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

# Weights of red and blue in luma.
_WEIGHTS: dict[int, tuple[float, float]] = {
    YcbcrEncoding.BT2020: (0.2627, 0.0593),
    YcbcrEncoding.SMPTE240M: (0.212, 0.087),
}
_WEIGHTS_709 = (0.2126, 0.0722)
_WEIGHTS_601 = (0.299, 0.114)


def yuv_to_rgb(fmt: PictureFormat, luma: Bytes, blue: Bytes, red: Bytes) -> Bytes:
    """Full-range RGB, (height, width, 3), from samples as large as the picture each."""
    import numpy as np

    weight_red, weight_blue = _luma_weights(fmt)
    y = luma.astype("f4")
    cb = blue.astype("f4") - 128
    cr = red.astype("f4") - 128
    if not _full_range(fmt):
        y = (y - 16) * (255 / 219)
        cb *= 255 / 224
        cr *= 255 / 224
    r = y + 2 * (1 - weight_red) * cr
    b = y + 2 * (1 - weight_blue) * cb
    g = (y - weight_red * r - weight_blue * b) / (1 - weight_red - weight_blue)
    return to_bytes(np.stack((r, g, b), axis=2))


def to_bytes(values: npt.NDArray[np.floating[Any]]) -> Bytes:
    """Rounded and clipped to 0..255."""
    import numpy as np

    clipped: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


def _luma_weights(fmt: PictureFormat) -> tuple[float, float]:
    encoding = fmt.ycbcr_enc or _default_encoding(fmt.colorspace)
    if encoding in {YcbcrEncoding._709, YcbcrEncoding.XV709}:
        return _WEIGHTS_709
    return _WEIGHTS.get(encoding, _WEIGHTS_601)


def _default_encoding(colorspace: int) -> int:
    if colorspace in {Colorspace.REC709, Colorspace.DCI_P3}:
        return YcbcrEncoding._709
    if colorspace == Colorspace.BT2020:
        return YcbcrEncoding.BT2020
    if colorspace == Colorspace.SMPTE240M:
        return YcbcrEncoding.SMPTE240M
    return YcbcrEncoding._601


def _full_range(fmt: PictureFormat) -> bool:
    if fmt.quantization:
        return fmt.quantization == Quantization.FULL_RANGE
    # A grey camera's default is that of any YCbCr format: limited, unless JPEG.
    return fmt.colorspace == Colorspace.JPEG
