"""Video files of every kind that PyAV (FFmpeg) reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from PIL import Image

from vmedia_bench.backends.file.canvas import Bytes, Canvas, Placement, fit
from vmedia_bench.backends.file.media import NS, MediaError, MediaInfo, Shot, check_pixels
from vmedia_bench.backends.file.pictures import encode_jpeg

PIXEL_FORMATS: Final = {
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "NV12": "nv12",
    "NM12": "nv12",
    "YU12": "yuv420p",
    "YM12": "yuv420p",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
    "RGB4": "0rgb",
    "BGR4": "bgr0",
    "XR24": "bgr0",
    "BX24": "0rgb",
    "XB24": "rgb0",
    "GREY": "gray",
}
"""Four-character code to FFmpeg's name."""

_US: Final = 1_000_000
# A file with more bad packets than that in a row is given up.
_MAX_BAD_PACKETS: Final = 200
_DEFAULT_RATE: Final = Fraction(30)
_HD_HEIGHT: Final = 720
_BT709: Final = 1
_UNSPECIFIED: Final = 2


@dataclass(frozen=True, slots=True)
class VideoPicture:
    """A decoded frame; `size` is (width, height) with square pixels."""

    frame: av.VideoFrame
    size: tuple[int, int]
    scaler: VideoReformatter

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame: scaled and converted by swscale, then copied line by line."""
        place = fit(self.size, canvas.size)
        if canvas.raw is None:
            data = encode_jpeg(_image(self.frame), canvas.size, len(out))
            out[: len(data)] = np.frombuffer(data, np.uint8)
            return len(data), place
        full = canvas.raw.full_range
        scaled = self.scaler.reformat(
            self.frame,
            place.width,
            place.height,
            PIXEL_FORMATS[canvas.raw.code],
            interpolation=Interpolation.BILINEAR,
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        )
        copy_frame(scaled, canvas, out, place)
        return canvas.length, place


def copy_frame(frame: av.VideoFrame, canvas: Canvas, out: Bytes, place: Placement) -> None:
    """Copy a frame in the canvas's own pixel format to its place, line by line."""
    for (part, base), plane in zip(canvas.parts, frame.planes, strict=True):
        share, pair = part.rows_per_line, len(part.samples)
        rows = -(-place.height // share)
        first, length = place.left // 2 * pair, -(-place.width // 2) * pair
        lines = canvas.lines(out, part, base)[place.top // share :]
        lines[:rows, first : first + length] = lines_of(plane)[:rows, :length]


class ContainerReader:
    """The first video track of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._scaler = VideoReformatter()
        container = self._open()
        with container:
            stream = container.streams.video[0]
            size = _square(stream)
            check_pixels(path, size)
            self._rate = _rate(stream)
            first = next(self._frames(container, stream), None)
            if first is None:
                raise MediaError(f"{path}: no frame of its video can be decoded")
            self._bt709 = _is_bt709(first)
            self.info = MediaInfo(
                f"{stream.codec_context.name} video",
                size,
                self._rate,
                _duration(container, stream, self._rate),
                self._bt709,
            )

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the frames from the one at `start_ns` on; bad ones are left out."""
        container = self._open()
        with container:
            stream = container.streams.video[0]
            size = _square(stream)
            origin = Fraction(stream.start_time or 0) * (stream.time_base or 0)
            if start_ns:
                at = int((origin + Fraction(start_ns, NS)) * _US)
                try:
                    container.seek(at, backward=True)
                except av.error.FFmpegError:
                    # A file that cannot be sought is played up to there.
                    container.seek(0)
            step = int(NS / self._rate)
            expected = 0
            for frame in self._frames(container, stream):
                time_ns = expected
                if frame.pts is not None and frame.time_base is not None:
                    time_ns = int((frame.pts * frame.time_base - origin) * NS)
                expected = time_ns + step
                if expected > start_ns:
                    yield Shot(time_ns, step, VideoPicture(frame, size, self._scaler))

    def _open(self) -> av.container.InputContainer:
        try:
            container = av.open(str(self._path))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise MediaError(
                f"{self._path}: no picture or video that can be read: {why}"
            ) from error
        if container.format.name == "tty":
            container.close()
            raise MediaError(f"{self._path}: text, no picture or video")
        if not container.streams.video:
            container.close()
            raise MediaError(f"{self._path}: has no video track")
        stream = container.streams.video[0]
        if getattr(stream, "codec_context", None) is None:
            container.close()
            raise MediaError(f"{self._path}: its video is of a kind that cannot be decoded")
        stream.thread_type = "AUTO"
        return container

    def _frames(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.VideoFrame]:
        """Decode from where the container stands."""
        bad = 0
        packets = container.demux(stream)
        while bad < _MAX_BAD_PACKETS:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames: list[Any] = packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                bad += 1
                continue
            for frame in frames:
                bad = 0
                yield frame
        raise MediaError(f"{self._path}: {bad} bad packets in a row, the file is damaged")


def _image(frame: Any) -> Image.Image:
    image: Image.Image = frame.to_image()
    return image


def lines_of(plane: Any) -> Bytes:
    """A plane's memory as (lines, bytes), padding included."""
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _square(stream: av.VideoStream) -> tuple[int, int]:
    """The picture's size once its pixels are made square."""
    context = stream.codec_context
    ratio = stream.sample_aspect_ratio or Fraction(1)
    return max(1, round(context.width * ratio)), context.height


def _rate(stream: av.VideoStream) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 0 < rate <= 1000 else _DEFAULT_RATE


def _duration(
    container: av.container.InputContainer, stream: av.VideoStream, rate: Fraction
) -> int:
    if stream.duration and stream.time_base:
        return int(stream.duration * stream.time_base * NS)
    if container.duration:
        return int(container.duration * (NS // _US))
    return int(stream.frames * NS / rate)


def _is_bt709(frame: av.VideoFrame) -> bool:
    """What the file says of its colours; high definition that says nothing is BT.709."""
    if frame.colorspace == _UNSPECIFIED:
        return frame.height >= _HD_HEIGHT
    return bool(frame.colorspace == _BT709)
