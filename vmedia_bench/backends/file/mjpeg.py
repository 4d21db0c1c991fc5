"""MJPEG files: JPEGs one after another."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from PIL import Image

from vmedia_bench.backends.file.media import NS, MediaError, MediaInfo, Shot, check_pixels
from vmedia_bench.backends.file.pictures import JpegPicture

SUFFIXES: Final = frozenset((".mjpeg", ".mjpg"))

_SOI: Final = b"\xff\xd8"
_EOI: Final = 0xD9
# In entropy-coded data a marker is any byte after FF but 0, a restart marker or more fill.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_CHUNK: Final = 1 << 20
_LONGEST: Final = 64 << 20


class MjpegReader:
    """JPEGs one after another, shown at `rate` a second; a last one without end is left out."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path = path
        self._rate = rate
        self._spans = list(_frame_spans(path))
        if not self._spans:
            raise MediaError(f"{path}: no JPEG picture in it")
        try:
            size = Image.open(io.BytesIO(self._read(0)), formats=("JPEG",)).size
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise MediaError(f"{path}: its first picture is no JPEG: {error}") from error
        check_pixels(path, size)
        self.info = MediaInfo("MJPEG video", size, rate, int(len(self._spans) * NS / rate))

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the frames from the one at `start_ns` on."""
        first = min(int(start_ns * self._rate / NS), len(self._spans) - 1)
        for index in range(first, len(self._spans)):
            time_ns = int(index * NS / self._rate)
            end_ns = int((index + 1) * NS / self._rate)
            yield Shot(time_ns, end_ns - time_ns, JpegPicture(self._read(index)))

    def _read(self, index: int) -> bytes:
        start, end = self._spans[index]
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


def _frame_spans(path: Path) -> Iterator[tuple[int, int]]:
    """Find the pictures: (first byte, byte behind the last)."""
    with path.open("rb") as file:
        data, base = b"", 0
        while True:
            more = file.read(_CHUNK)
            data += more
            at = 0
            while (start := data.find(_SOI, at)) >= 0:
                end = frame_end(data, start)
                if end is None:
                    at = start
                    break
                yield base + start, base + end
                at = end
            else:
                at = max(at, len(data) - 1)
            data, base = data[at:], base + at
            if not more or len(data) > _LONGEST:
                return


def frame_end(data: bytes, start: int) -> int | None:
    """Give the byte behind the JPEG that begins at `start`; None when it has no end yet."""
    at = start + len(_SOI)
    while True:
        found = _MARKER.search(data, at)
        if found is None or found.end() > len(data):
            return None
        marker = data[found.end() - 1]
        at = found.end()
        if marker == _EOI:
            return at
        if marker == _SOI[1]:
            return found.start()
        if marker == 0x01:
            continue
        if at + 2 > len(data):
            return None
        at += int.from_bytes(data[at : at + 2])
        if at > len(data):
            return None
