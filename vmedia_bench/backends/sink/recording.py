"""Writers of recordings: Y4M by hand, everything else by PyAV. They run in the helper process."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from vmedia_bench.backends.file.canvas import Bytes, Canvas
from vmedia_bench.backends.file.pictures import JpegPicture, Picture, RawPicture
from vmedia_bench.backends.pattern.formats import MJPG, RAW_FORMATS
from vmedia_bench.backends.sink.options import Y4M
from vmedia_bench.wire.v4l2 import fourcc

if TYPE_CHECKING:
    import av

_YU12: Final = fourcc("YU12")
_FIRST_COPY: Final = 2
_BITS_A_PIXEL: Final = 0.15


class Writer(Protocol):
    """A file that is being recorded to. OSError or ValueError: it cannot be written."""

    def write(self, frame: Bytes) -> None:
        """Add a frame of YU12 in limited range."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class Y4mWriter:
    """YUV4MPEG2, 4:2:0."""

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        self._file = path.open("xb")
        header = f"YUV4MPEG2 W{size[0]} H{size[1]} F{rate.numerator}:{rate.denominator}"
        self._file.write(f"{header} Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n".encode())

    def write(self, frame: Bytes) -> None:
        """Add a frame."""
        self._file.write(b"FRAME\n")
        self._file.write(frame.data)
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ContainerWriter:
    """H.264 where FFmpeg can encode it, else MPEG-4; in fragments, so that little can be lost."""

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction) -> None:
        import av

        self._av = av
        options = {"movflags": "frag_keyframe+empty_moov"} if path.suffix != ".mkv" else {}
        self._container = av.open(str(path), "w", options=options)
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream: Any = self._container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = max(1, round(rate))
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "crf": "20"}
        else:
            stream.bit_rate = int(size[0] * size[1] * rate * _BITS_A_PIXEL)
        self._stream = stream
        self._size = size
        self._count = 0

    def write(self, frame: Bytes) -> None:
        """Add a frame."""
        width, height = self._size
        picture = self._av.VideoFrame.from_ndarray(
            frame.reshape(height * 3 // 2, width), format="yuv420p"
        )
        picture.pts = self._count
        self._count += 1
        self._mux(picture)

    def close(self) -> None:
        """Finish the file."""
        self._mux(None)
        self._container.close()

    def _mux(self, picture: av.VideoFrame | None) -> None:
        self._container.mux(self._stream.encode(picture))


class Recording:
    """One file: `path` is the free name nearest to the one asked for."""

    def __init__(
        self, wanted: Path, pixelformat: int, size: tuple[int, int], rate: Fraction
    ) -> None:
        self.path = free_name(wanted)
        self.frames = 0
        self._raw = RAW_FORMATS.get(pixelformat)
        self._source = Canvas(pixelformat, size) if self._raw is not None else None
        if self._raw is None and pixelformat != MJPG:
            raise ValueError(f"frames of format {pixelformat:#x} cannot be recorded")
        self._target = Canvas(_YU12, size)
        self._frame: Bytes = np.empty(self._target.length, np.uint8)
        self._target.clear(self._frame)
        writer = Y4mWriter if wanted.suffix.lower() == Y4M else ContainerWriter
        self._writer: Writer = writer(self.path, size, rate)

    def add(self, data: bytes) -> None:
        """Record a frame; one that is not whole or no picture is left out."""
        try:
            self._picture(data).paint(self._target, self._frame)
        except (OSError, ValueError, SyntaxError):
            return
        self._writer.write(self._frame)
        self.frames += 1

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def _picture(self, data: bytes) -> Picture:
        if self._raw is None or self._source is None:
            return JpegPicture(data)
        if len(data) < self._source.length:
            raise ValueError("a frame that is not whole")
        return RawPicture(data, self._raw, self._source.size, self._source)


def free_name(path: Path) -> Path:
    """Give the path, or else the first of name-2, name-3 ... that does not exist."""
    candidate, number = path, _FIRST_COPY
    while candidate.exists():
        candidate = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return candidate
