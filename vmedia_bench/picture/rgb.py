"""A raw frame as an RGB array, whatever its layout."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from vmedia_bench.picture.colour import to_bytes, yuv_to_rgb
from vmedia_bench.picture.format import Buffer, PictureError, PictureFormat
from vmedia_bench.wire.v4l2 import Quantization, fourcc_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vmedia_bench.picture.colour import Bytes

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


def picture_formats() -> tuple[str, ...]:
    """The fourcc names `to_rgb` understands."""
    return (*_PACKED_RGB, *_PACKED_YUV, *_SEMI_PLANAR, *_PLANAR, "GREY", *_COMPRESSED)


def to_rgb(fmt: PictureFormat, planes: Sequence[Buffer]) -> Bytes:
    """
    A frame as an array of shape (height, width, 3), red first, full range.

    `planes` are the frame's memory planes, each cut to its bytesused. Raises PictureError for a
    pixel format it does not know and for planes too short for the format.
    """
    kind, channels = components(fmt, planes)
    return components_to_rgb(fmt, kind, channels)


def components(
    fmt: PictureFormat, planes: Sequence[Buffer]
) -> tuple[str, tuple[Bytes, Bytes, Bytes]]:
    """
    A frame's samples before any conversion: "RGB" or "YUV", and three (height, width) arrays.

    Subsampled chroma is repeated. Where only some pixels are wanted, take them here, before the
    conversion. Raises PictureError as `to_rgb` does.
    """
    name = fourcc_name(fmt.pixelformat)
    try:
        if name in _COMPRESSED:
            pixels = jpeg_to_rgb(planes[0])
        elif name in _PACKED_RGB:
            pixels = _packed_rgb(fmt, planes, _PACKED_RGB[name])
        else:
            luma, blue, red = _find_reader(name)(fmt, planes)
            return "YUV", (luma, blue, red)
    except (ValueError, IndexError) as error:
        raise PictureError(f"frame is too short for {name} {fmt.width}x{fmt.height}") from error
    return "RGB", (pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2])


def components_to_rgb(fmt: PictureFormat, kind: str, channels: tuple[Bytes, Bytes, Bytes]) -> Bytes:
    """What `components` gave, or any part of it, as RGB of shape (height, width, 3)."""
    import numpy as np

    if kind == "YUV":
        return yuv_to_rgb(fmt, *channels)
    return np.stack(channels, axis=2)


def jpeg_to_rgb(data: Buffer, shrink: float = 1) -> Bytes:
    """
    A JPEG as an array of shape (height, width, 3), red first.

    One that is shown `shrink` times smaller may be decoded at a half, quarter or eighth of its
    size, which costs less. Raises PictureError for what is no JPEG, or too large a one.
    """
    import numpy as np
    from PIL import Image

    try:
        # A guest wrote this: no other decoder of Pillow's may look at it.
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if shrink > 1:
                width, height = (max(int(size / shrink), 1) for size in image.size)
                image.draft("RGB", (width, height))
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"frame is no JPEG picture: {error}") from error


def _find_reader(name: str) -> Callable[[PictureFormat, Sequence[Buffer]], tuple[Bytes, ...]]:
    if name == "GREY":
        return _grey
    if name in _PACKED_YUV:
        return _packed_yuv
    if name in _SEMI_PLANAR:
        return _semi_planar
    if name in _PLANAR:
        return _planar
    raise PictureError(f"cannot show {name}; known are {', '.join(picture_formats())}")


def _rows(data: Buffer, start: int, stride: int, rows: int, width: int) -> Bytes:
    """`rows` lines of `width` bytes, `stride` apart; the last line may end early."""
    import numpy as np

    flat = np.frombuffer(data, np.uint8, (rows - 1) * stride + width, start)
    return np.lib.stride_tricks.as_strided(flat, (rows, width), (stride, 1))


def _stride(fmt: PictureFormat, plane: int, least: int) -> int:
    given = fmt.planes[plane].bytesperline if plane < len(fmt.planes) else 0
    return max(given, least)


def _packed_rgb(
    fmt: PictureFormat, planes: Sequence[Buffer], order: tuple[int, int, int, int]
) -> Bytes:
    *channels, size = order
    width = fmt.width * size
    rows = _rows(planes[0], 0, _stride(fmt, 0, width), fmt.height, width)
    pixels = rows.reshape(fmt.height, fmt.width, size)[:, :, channels]
    if fmt.quantization == Quantization.LIM_RANGE:
        return to_bytes((pixels.astype("f4") - 16) * (255 / 219))
    return pixels.copy()


def _grey(fmt: PictureFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    import numpy as np

    luma = _rows(planes[0], 0, _stride(fmt, 0, fmt.width), fmt.height, fmt.width)
    neutral = np.full_like(luma, 128)
    return luma, neutral, neutral


def _packed_yuv(fmt: PictureFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
    import numpy as np

    at_luma, at_blue, at_red = _PACKED_YUV[fourcc_name(fmt.pixelformat)]
    width = (fmt.width + 1) // 2 * 4
    rows = _rows(planes[0], 0, _stride(fmt, 0, width), fmt.height, width)
    luma = rows[:, at_luma::2][:, : fmt.width]
    blue, red = (np.repeat(rows[:, at::4], 2, axis=1)[:, : fmt.width] for at in (at_blue, at_red))
    return luma, blue, red


def _semi_planar(fmt: PictureFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
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


def _planar(fmt: PictureFormat, planes: Sequence[Buffer]) -> tuple[Bytes, ...]:
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


def _grow(fmt: PictureFormat, chroma: Bytes, down: int) -> Bytes:
    wide = chroma.repeat(2, axis=1)[:, : fmt.width]
    return wide.repeat(down, axis=0)[: fmt.height]
