"""Files of whole frames of one size: Y4M, and raw frames without any header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image

from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.backends.file.media import NS, MediaError, MediaInfo, Shot, check_pixels
from vmedia_bench.backends.file.pictures import RawPicture, YcbcrImages, YcbcrPicture
from vmedia_bench.backends.pattern.formats import RAW_FORMATS
from vmedia_bench.wire.v4l2 import fourcc

Y4M_MAGIC: Final = b"YUV4MPEG2"
_HEADER_LIMIT: Final = 512
_FRAME_MAGIC: Final = b"FRAME"

# Chroma's share of the luma's (columns, rows) by the C parameter's beginning.
_SUBSAMPLING: Final = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "411": (4, 1), "mono": (0, 0)}


class RawReader:
    """Raw frames one after another; a last one that is not whole is left out."""

    def __init__(self, path: Path, code: str, size: tuple[int, int], rate: Fraction) -> None:
        self._path = path
        self._raw = RAW_FORMATS[fourcc(code)]
        self._canvas = Canvas(fourcc(code), size)
        length = self._canvas.length
        held = path.stat().st_size
        self._count = held // length
        if not self._count:
            raise MediaError(
                f"{path}: {held} bytes, a frame of {code} {size[0]}x{size[1]} has {length}: "
                "set raw_format and raw_size to what it holds"
            )
        self._rate = rate
        duration = int(self._count * NS / rate)
        self.info = MediaInfo(f"raw {code} video", size, rate, duration)

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the frames from the one at `start_ns` on."""
        length, rate = self._canvas.length, self._rate
        with self._path.open("rb") as file:
            first = min(int(start_ns * rate / NS), self._count - 1)
            file.seek(first * length)
            for index in range(first, self._count):
                data = file.read(length)
                if len(data) < length:
                    return
                picture = RawPicture(data, self._raw, self.info.size, self._canvas)
                time_ns = int(index * NS / rate)
                yield Shot(time_ns, int((index + 1) * NS / rate) - time_ns, picture)


@dataclass(frozen=True, slots=True)
class _Y4mHeader:
    """The stream header of a Y4M file; `chroma` is its share of luma's (columns, rows)."""

    size: tuple[int, int]
    rate: Fraction
    chroma: tuple[int, int]
    full_range: bool
    length: int

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Columns and rows of a chroma plane; (0, 0) for a grey one."""
        columns, rows = self.chroma
        if not columns:
            return 0, 0
        return -(-self.size[0] // columns), -(-self.size[1] // rows)

    @property
    def frame_length(self) -> int:
        """Bytes of a frame without its FRAME line."""
        columns, rows = self.chroma_size
        return self.size[0] * self.size[1] + 2 * columns * rows


class Y4mReader:
    """YUV4MPEG2 with 8 bits a sample; a last frame that is not whole is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            self._header = _read_header(path, file)
            check_pixels(path, self._header.size)
            step = self._header.frame_length + len(_FRAME_MAGIC) + 1
            whole, rest = divmod(path.stat().st_size - self._header.length, step)
            if whole < 1:
                raise MediaError(f"{path}: a Y4M file without a whole frame ({rest} bytes of one)")
        rate = self._header.rate
        duration = int(whole * NS / rate)
        self.info = MediaInfo("Y4M video", self._header.size, rate, duration)

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the frames from the one at `start_ns` on."""
        header = self._header
        first = int(start_ns * header.rate / NS)
        with self._path.open("rb") as file:
            file.seek(header.length)
            index = 0
            while _skip_frame_line(self._path, file, index):
                if index < first:
                    file.seek(header.frame_length, 1)
                else:
                    data = file.read(header.frame_length)
                    if len(data) < header.frame_length:
                        return
                    time_ns = int(index * NS / header.rate)
                    end_ns = int((index + 1) * NS / header.rate)
                    yield Shot(time_ns, end_ns - time_ns, self._picture(data))
                index += 1

    def _picture(self, data: bytes) -> YcbcrPicture:
        header = self._header
        columns, rows = header.chroma_size
        luma_bytes, chroma_bytes = header.size[0] * header.size[1], columns * rows
        luma = _plane(data, 0, header.size)
        if not chroma_bytes:
            grey = Image.new("L", (1, 1), 128)
            return YcbcrPicture(YcbcrImages(luma, grey, grey, header.full_range))
        cb = _plane(data, luma_bytes, (columns, rows))
        cr = _plane(data, luma_bytes + chroma_bytes, (columns, rows))
        return YcbcrPicture(YcbcrImages(luma, cb, cr, header.full_range))


def _plane(data: bytes, start: int, size: tuple[int, int]) -> Image.Image:
    width, height = size
    samples = np.frombuffer(data, np.uint8, width * height, start)
    return Image.fromarray(samples.reshape(height, width))


def _read_header(path: Path, file: BinaryIO) -> _Y4mHeader:
    line = file.readline(_HEADER_LIMIT)
    if not line.endswith(b"\n"):
        raise MediaError(f"{path}: its Y4M header has no end")
    words = line.decode("ascii", "replace").split()[1:]
    fields = {word[0]: word[1:] for word in words if word[0] != "X"}
    extras = [word[1:] for word in words if word[0] == "X"]
    try:
        size = int(fields["W"]), int(fields["H"])
        numerator, _, denominator = fields.get("F", "30:1").partition(":")
        rate = Fraction(int(numerator), int(denominator)) if int(numerator) else Fraction(30)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise MediaError(f"{path}: its Y4M header makes no sense: {line[:80]!r}") from error
    colour = fields.get("C", "420")
    chroma = next((share for name, share in _SUBSAMPLING.items() if colour.startswith(name)), None)
    if chroma is None or "p1" in colour or "alpha" in colour or colour.startswith("mono1"):
        raise MediaError(f"{path}: Y4M of colour space {colour}: only 8 bits a sample can be read")
    if rate <= 0 or min(size) < 2:
        raise MediaError(f"{path}: its Y4M header makes no sense: {line[:80]!r}")
    return _Y4mHeader(size, rate, chroma, "COLORRANGE=FULL" in extras, len(line))


def _skip_frame_line(path: Path, file: BinaryIO, index: int) -> bool:
    """Pass the line before a frame; False at the end. MediaError: it is no such line."""
    line = file.readline(_HEADER_LIMIT)
    if not line:
        return False
    if not line.startswith(_FRAME_MAGIC) or not line.endswith(b"\n"):
        if not file.read(1):
            return False
        raise MediaError(f"{path}: there is no frame {index} where one should begin")
    return True
