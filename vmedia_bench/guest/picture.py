"""
A captured frame as an RGB picture: for people to look at, not for speed.

Colours follow the V4L2 UAPI pages on colorspaces: what a format leaves at DEFAULT is derived
from its colorspace (V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from vmedia_bench.guest.errors import GuestError
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding, fourcc_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from vmedia_bench.guest.formats import VideoFormat

    Bytes = npt.NDArray[np.uint8]
    Buffer = bytes | bytearray | memoryview

# Byte positions of red, green and blue in one packed pixel, and the pixel's size.
_PACKED_RGB = {
    "RGB3": (0, 1, 2, 3),
    "BGR3": (2, 1, 0, 3),
    "RGB4": (1, 2, 3, 4),
    "BGR4": (2, 1, 0, 4),
    "XR24": (2, 1, 0, 4),
    "AR24": (2, 1, 0, 4),
    "BX24": (1, 2, 3, 4),
    "BA24": (1, 2, 3, 4),
    "XB24": (0, 1, 2, 4),
    "AB24": (0, 1, 2, 4),
    "RX24": (3, 2, 1, 4),
    "RA24": (3, 2, 1, 4),
}

# Byte positions of Y, Cb and Cr in a four-byte pair of pixels.
_PACKED_YUV = {"YUYV": (0, 1, 3), "YVYU": (0, 3, 1), "UYVY": (1, 0, 2), "VYUY": (1, 2, 0)}

# Rows per chroma row, position of Cb in an interleaved pair.
_SEMI_PLANAR = {"NV12": (2, 0), "NV21": (2, 1), "NV16": (1, 0), "NV61": (1, 1)}
_SEMI_PLANAR |= {"NM12": (2, 0), "NM21": (2, 1), "NM16": (1, 0), "NM61": (1, 1)}

# Rows per chroma row, whether Cb comes first.
_PLANAR = {"YU12": (2, True), "YV12": (2, False), "422P": (1, True)}
_PLANAR |= {"YM12": (2, True), "YM21": (2, False), "YM16": (1, True)}

_COMPRESSED = ("MJPG", "JPEG")

# Weights of red and blue in luma.
_WEIGHTS: dict[int, tuple[float, float]] = {
    YcbcrEncoding.BT2020: (0.2627, 0.0593),
    YcbcrEncoding.SMPTE240M: (0.212, 0.087),
}
_WEIGHTS_709 = (0.2126, 0.0722)
_WEIGHTS_601 = (0.299, 0.114)


def picture_formats() -> tuple[str, ...]:
    """The fourcc names `to_rgb` understands."""
    return (*_PACKED_RGB, *_PACKED_YUV, *_SEMI_PLANAR, *_PLANAR, "GREY", *_COMPRESSED)


def to_rgb(fmt: VideoFormat, planes: Sequence[Buffer]) -> Bytes:
    """
    A frame as an array of shape (height, width, 3), red first, full range.

    `planes` are the frame's memory planes, each cut to its bytesused. Raises GuestError for a
    pixel format it does not know and for planes too short for the format.
    """
    name = fourcc_name(fmt.pixelformat)
    if name in _COMPRESSED:
        return _decode(planes[0])
    try:
        if name in _PACKED_RGB:
            return _packed_rgb(fmt, planes, _PACKED_RGB[name])
        luma, chroma_blue, chroma_red = _find_reader(name)(fmt, planes)
    except (ValueError, IndexError) as error:
        raise GuestError(f"frame is too short for {name} {fmt.width}x{fmt.height}") from error
    return _yuv_to_rgb(fmt, luma, chroma_blue, chroma_red)


def save_png(path: str | Path, fmt: VideoFormat, planes: Sequence[Buffer]) -> None:
    """Write a frame as a PNG file. Raises GuestError as `to_rgb` does, and OSError."""
    from PIL import Image

    Image.fromarray(to_rgb(fmt, planes), "RGB").save(path, "PNG")


def _decode(data: Buffer) -> Bytes:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise GuestError(f"frame is no JPEG picture: {error}") from error


def _find_reader(name: str) -> Callable[[VideoFormat, Sequence[Buffer]], tuple[Bytes, ...]]:
    if name == "GREY":
        return _grey
    if name in _PACKED_YUV:
        return _packed_yuv
    if name in _SEMI_PLANAR:
        return _semi_planar
    if name in _PLANAR:
        return _planar
    raise GuestError(f"cannot show {name}; known are {', '.join(picture_formats())}")


def _rows(data: Buffer, start: int, stride: int, rows: int, width: int) -> Bytes:
    """`rows` lines of `width` bytes, `stride` apart; the last line may end early."""
    import numpy as np

    flat = np.frombuffer(data, np.uint8, (rows - 1) * stride + width, start)
    return np.lib.stride_tricks.as_strided(flat, (rows, width), (stride, 1))


def _stride(fmt: VideoFormat, plane: int, least: int) -> int:
    given = fmt.planes[plane].bytesperline if plane < len(fmt.planes) else 0
    return max(given, least)


def _packed_rgb(
    fmt: VideoFormat, planes: Sequence[Buffer], order: tuple[int, int, int, int]
) -> Bytes:
    *channels, size = order
    width = fmt.width * size
    rows = _rows(planes[0], 0, _stride(fmt, 0, width), fmt.height, width)
    pixels = rows.reshape(fmt.height, fmt.width, size)[:, :, channels]
    if fmt.quantization == Quantization.LIM_RANGE:
        return _to_bytes((pixels.astype("f4") - 16) * (255 / 219))
    return pixels.copy()


def _grey(fmt: VideoFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    import numpy as np

    luma = _rows(planes[0], 0, _stride(fmt, 0, fmt.width), fmt.height, fmt.width)
    neutral = np.full_like(luma, 128)
    return luma, neutral, neutral


def _packed_yuv(fmt: VideoFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    import numpy as np

    at_luma, at_blue, at_red = _PACKED_YUV[fourcc_name(fmt.pixelformat)]
    width = (fmt.width + 1) // 2 * 4
    rows = _rows(planes[0], 0, _stride(fmt, 0, width), fmt.height, width)
    luma = rows[:, at_luma::2][:, : fmt.width]
    blue, red = (np.repeat(rows[:, at::4], 2, axis=1)[:, : fmt.width] for at in (at_blue, at_red))
    return luma, blue, red


def _semi_planar(fmt: VideoFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    name = fourcc_name(fmt.pixelformat)
    down, at_blue = _SEMI_PLANAR[name]
    separate = name[1] == "M"
    stride = _stride(fmt, 0, fmt.width)
    width = (fmt.width + 1) // 2 * 2
    rows = (fmt.height + down - 1) // down
    luma = _rows(planes[0], 0, stride, fmt.height, fmt.width)
    if separate:
        pairs = _rows(planes[1], 0, _stride(fmt, 1, width), rows, width)
    else:
        pairs = _rows(planes[0], stride * fmt.height, stride, rows, width)
    return (
        luma,
        _grow(fmt, pairs[:, at_blue::2], down),
        _grow(fmt, pairs[:, 1 - at_blue :: 2], down),
    )


def _planar(fmt: VideoFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    name = fourcc_name(fmt.pixelformat)
    down, blue_first = _PLANAR[name]
    stride = _stride(fmt, 0, fmt.width)
    width, rows = (fmt.width + 1) // 2, (fmt.height + down - 1) // down
    luma = _rows(planes[0], 0, stride, fmt.height, fmt.width)
    if name[1] == "M":
        chroma = [_rows(planes[i], 0, _stride(fmt, i, width), rows, width) for i in (1, 2)]
    else:
        half = max(stride // 2, width)
        start = stride * fmt.height
        chroma = [_rows(planes[0], start + i * half * rows, half, rows, width) for i in (0, 1)]
    first, second = (_grow(fmt, plane, down) for plane in chroma)
    return (luma, first, second) if blue_first else (luma, second, first)


def _grow(fmt: VideoFormat, chroma: Bytes, down: int) -> Bytes:
    wide = chroma.repeat(2, axis=1)[:, : fmt.width]
    return wide.repeat(down, axis=0)[: fmt.height]


def _yuv_to_rgb(fmt: VideoFormat, luma: Bytes, blue: Bytes, red: Bytes) -> Bytes:
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
    return _to_bytes(np.stack((r, g, b), axis=2))


def _to_bytes(values: npt.NDArray[np.floating[Any]]) -> Bytes:
    import numpy as np

    clipped: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


def _luma_weights(fmt: VideoFormat) -> tuple[float, float]:
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


def _full_range(fmt: VideoFormat) -> bool:
    if fmt.quantization:
        return fmt.quantization == Quantization.FULL_RANGE
    # A grey camera's default is that of any YCbCr format: limited, unless JPEG.
    return fmt.colorspace == Colorspace.JPEG
