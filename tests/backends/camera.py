"""A pattern camera on its own, planes that note what is written, and a slow reference decoder."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image

from vmedia_bench.backends import BACKENDS
from vmedia_bench.backends.pattern.font import (
    CELL_HEIGHT,
    CELL_WIDTH,
    GLYPH_HEIGHT,
    GLYPH_LEFT,
    GLYPH_TOP,
    GLYPH_WIDTH,
    GLYPHS,
)
from vmedia_bench.v4l2.source import Filled, Format, Frame, VideoSource
from vmedia_bench.wire.v4l2 import fourcc, fourcc_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Rgb = tuple[int, int, int]

RAW_CODES = (
    "YUYV UYVY NV12 YU12 RGB3 BGR3 RGB4 BGR4 XR24 BX24 XB24 GREY".split()  # noqa: SIM905
)
MPLANE_CODES = ("NM12", "YM12", "NV12", "YUYV")

# Bytes of a pixel in memory, from the UAPI page "RGB Formats"; X is padding.
RGB_ORDER = {
    "RGB3": "RGB",
    "BGR3": "BGR",
    "RGB4": "XRGB",
    "BGR4": "BGRX",
    "XR24": "BGRX",
    "BX24": "XRGB",
    "XB24": "RGBX",
}


class NotingPlane:
    """A memory plane that keeps the bytes and a list of (offset, length) of the writes."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.data = bytearray(length)
        self.writes: list[tuple[int, int]] = []

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        size = memoryview(data).nbytes
        assert 0 <= offset <= offset + size <= self.length
        self.data[offset : offset + size] = data
        self.writes.append((offset, size))

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])


class Camera:
    """A started pattern camera. `spare` are bytes that the buffers have beyond sizeimage."""

    def __init__(
        self,
        code: str = "YUYV",
        size: tuple[int, int] = (320, 240),
        controls: Mapping[int, int] | None = None,
        *,
        spare: int = 0,
        ycbcr_enc: int | None = None,
        quantization: int | None = None,
        **options: object,
    ) -> None:
        source = BACKENDS["pattern"].build(size=size, **options)
        assert isinstance(source, VideoSource)
        self.source = source
        kind = self.source.buf_types[0]
        desc = next(d for d in self.source.formats(kind) if d.pixelformat == fourcc(code))
        self.format = Format(
            kind,
            desc.pixelformat,
            *size,
            desc.field,
            desc.colorspace,
            desc.ycbcr_enc if ycbcr_enc is None else ycbcr_enc,
            desc.quantization if quantization is None else quantization,
            desc.xfer_func,
            0,
            desc.layout(*size),
        )
        self.spare = spare
        self.source.start(self.format, Fraction(1, 30))
        for cid, value in (controls or {}).items():
            self.source.control_changed(cid, value)

    def shoot(self, sequence: int = 0, timestamp_ns: int = 0) -> Shot:
        planes = [NotingPlane(plane.sizeimage + self.spare) for plane in self.format.planes]
        frame = Frame(sequence, timestamp_ns, Fraction(1, 30))
        filled = self.source.fill(frame, planes)
        assert filled is not None
        return Shot(self.format, planes, filled)


class Shot:
    """One filled frame."""

    def __init__(self, fmt: Format, planes: list[NotingPlane], filled: Filled) -> None:
        self.format = fmt
        self.planes = planes
        self.filled = filled
        self.code = fourcc_name(fmt.pixelformat)
        self._image = self.jpeg() if self.code == "MJPG" else None

    @property
    def width(self) -> int:
        return self.format.width

    @property
    def height(self) -> int:
        return self.format.height

    def bytes(self) -> list[bytes]:
        return [
            bytes(plane.data[:used])
            for plane, used in zip(self.planes, self.filled.bytesused, strict=True)
        ]

    def jpeg(self) -> Image.Image:
        image = Image.open(io.BytesIO(self.bytes()[0]))
        image.load()
        return image.convert("RGB")

    def pixel(self, x: int, y: int) -> Rgb:
        """One pixel as full-range R'G'B'."""
        if self._image is not None:
            got = self._image.getpixel((x, y))
            assert isinstance(got, tuple)
            return int(got[0]), int(got[1]), int(got[2])
        if self.code in RGB_ORDER:
            order = RGB_ORDER[self.code]
            at = (y * self.width + x) * len(order)
            raw = self.planes[0].data[at : at + len(order)]
            return raw[order.index("R")], raw[order.index("G")], raw[order.index("B")]
        return self._to_rgb(*self._ycbcr(x, y))

    def grid(self, columns: int = 24, rows: int = 16) -> list[Rgb]:
        """Pixels spread evenly over the part below the caption."""
        top = self.height // 8
        return [
            self.pixel(
                (2 * i + 1) * self.width // (2 * columns),
                top + (2 * j + 1) * (self.height - top) // (2 * rows),
            )
            for j in range(rows)
            for i in range(columns)
        ]

    def caption(self) -> str:
        """The caption read back, by looking for the glyph that each cell is."""
        scale = max(1, min(6, self.width // 256, self.height // 240))
        known = {lines: character for character, lines in GLYPHS.items()}
        return "".join(
            known.get(self._cell(column * CELL_WIDTH * scale, scale), "?") for column in range(21)
        )

    def _cell(self, left: int, scale: int) -> tuple[str, ...]:
        middle = scale // 2
        bright = {
            (i, j): sum(self.pixel(left + i * scale + middle, j * scale + middle)) > 384
            for i in range(CELL_WIDTH)
            for j in range(CELL_HEIGHT)
        }
        return tuple(
            "".join(" #"[bright[i, j]] for i in range(GLYPH_LEFT, GLYPH_LEFT + GLYPH_WIDTH))
            for j in range(GLYPH_TOP, GLYPH_TOP + GLYPH_HEIGHT)
        )

    def _ycbcr(self, x: int, y: int) -> tuple[int, int, int]:
        data, width, height = self.planes[0].data, self.width, self.height
        if self.code == "GREY":
            return data[y * width + x], 128, 128
        if self.code in {"YUYV", "UYVY"}:
            at = y * width * 2 + x // 2 * 4
            luma, blue, red = (x % 2 * 2, 1, 3) if self.code == "YUYV" else (1 + x % 2 * 2, 0, 2)
            return data[at + luma], data[at + blue], data[at + red]
        chroma_at = y // 2 * (width // 2) + x // 2
        area = width * height
        luma = data[y * width + x]
        if self.code in {"NV12", "NM12"}:
            pairs = data[area:] if self.code == "NV12" else self.planes[1].data
            return luma, pairs[chroma_at * 2], pairs[chroma_at * 2 + 1]
        if self.code == "YU12":
            return luma, data[area + chroma_at], data[area + area // 4 + chroma_at]
        assert self.code == "YM12"
        return luma, self.planes[1].data[chroma_at], self.planes[2].data[chroma_at]

    def _to_rgb(self, luma: int, cb: int, cr: int) -> Rgb:
        """By the formulas of "Detailed Colorspace Descriptions", as the format says."""
        of_red, of_blue = {1: (0.299, 0.114), 2: (0.2126, 0.0722)}[self.format.ycbcr_enc]
        low, luma_range, chroma_range = {1: (0, 255, 255), 2: (16, 219, 224)}[
            self.format.quantization
        ]
        y = (luma - low) / luma_range
        pb, pr = (cb - 128) / chroma_range, (cr - 128) / chroma_range
        red = y + 2 * (1 - of_red) * pr
        blue = y + 2 * (1 - of_blue) * pb
        green = (y - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
        clipped = [min(max(round(255 * value), 0), 255) for value in (red, green, blue)]
        return clipped[0], clipped[1], clipped[2]


def luma(pixel: Rgb) -> float:
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)
