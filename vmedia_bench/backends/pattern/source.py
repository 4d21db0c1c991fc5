"""The pattern camera as a VideoSource."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from vmedia_bench.backends.pattern.caption import caption_text
from vmedia_bench.backends.pattern.colour import Conversion
from vmedia_bench.backends.pattern.controls import Settings, control_specs
from vmedia_bench.backends.pattern.formats import INTERVALS, MJPG, RAW_FORMATS, format_descs
from vmedia_bench.backends.pattern.raster import RasterPainter
from vmedia_bench.backends.pattern.scene import Scene, build_scene
from vmedia_bench.v4l2.source import Filled, Format, FormatDesc, Frame, Plane, VideoSource
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, Quantization, fourcc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmedia_bench.backends.pattern.colour import Adjustment
    from vmedia_bench.backends.pattern.options import PatternOptions
    from vmedia_bench.backends.pattern.scene import Run
    from vmedia_bench.v4l2.source import ControlValue

_GAIN = int(Cid.GAIN)


class Painter(Protocol):
    """Puts a scene into frames of one format and size."""

    def load(self, scene: Scene, adjustment: Adjustment) -> None:
        """Take another picture, or the same one with other controls."""
        ...

    def paint(
        self, runs: tuple[Run, ...], caption: str | None, planes: Sequence[Plane]
    ) -> tuple[int, ...]:
        """Write a frame; gives the bytes used a memory plane."""
        ...


@dataclass(slots=True)
class _Stream:
    """What exists only between start() and stop()."""

    size: tuple[int, int]
    painter: Painter
    scene: Scene
    caption: bool
    stale: bool = False


class PatternSource(VideoSource):
    """
    A camera that shows test pictures, with live controls, at every size and rate it declares.

    A control takes effect with the next frame: only the few distinct rows of the picture are
    rendered again. See PatternOptions for what it starts with.
    """

    def __init__(self, options: PatternOptions) -> None:
        self.card = options.card
        self.paced = options.paced
        self.buf_types = (
            int(BufType.VIDEO_CAPTURE_MPLANE if options.mplane else BufType.VIDEO_CAPTURE),
        )
        self.controls = control_specs(options)
        self._formats = format_descs(mplane=options.mplane)
        first = self._formats[0].pixelformat
        self._default = (fourcc(options.format) if options.format else first, *options.size)
        self._interval = 1 / Fraction(options.fps).limit_denominator(1001) if options.fps else None
        self._settings = Settings.of(self.controls)
        self._stream: _Stream | None = None
        self._sequence = 0

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the formats, YUYV first."""
        del buf_type
        return self._formats

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give (fourcc, width, height) of the options."""
        del buf_type
        return self._default

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give every rate, whatever the format and size."""
        del pixelformat, width, height
        return INTERVALS

    def default_interval(self) -> Fraction:
        """Give the options' frame interval; the shortest when unpaced."""
        return INTERVALS[-1] if self._interval is None else self._interval

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Render the picture for the format: a few milliseconds, 60 at most (4K in 32 bits)."""
        del interval
        size = (fmt.width, fmt.height)
        painter = _painter(fmt)
        scene = self._render(size, painter)
        self._stream = _Stream(size, painter, scene, self._settings.text)
        self._sequence = 0

    def stop(self, buf_type: int) -> None:
        """Drop everything that was rendered."""
        del buf_type
        self._stream = None

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Write one frame; None when not started."""
        stream = self._stream
        if stream is None:
            return None
        if stream.stale:
            stream.scene = self._render(stream.size, stream.painter)
            stream.caption = self._settings.text
            stream.stale = False
        self._sequence = frame.sequence
        caption = caption_text(frame) if stream.caption else None
        runs = stream.scene.runs(frame.sequence)
        return Filled(stream.painter.paint(runs, caption, planes))

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Take a new value; the next frame shows it."""
        self._settings.values[cid] = int(value)
        if self._stream is not None:
            self._stream.stale = True

    def read_control(self, cid: int) -> ControlValue:
        """Give GAIN as AUTOGAIN has it."""
        if cid != _GAIN:
            return super().read_control(cid)
        return self._settings.automatic_gain(self._sequence)

    def _render(self, size: tuple[int, int], painter: Painter) -> Scene:
        settings = self._settings
        scene = build_scene(settings.pattern, size, settings.colour, settings.view)
        painter.load(scene, settings.adjustment)
        return scene


def _painter(fmt: Format) -> Painter:
    """Choose by pixel format; colours follow what was negotiated."""
    size = (fmt.width, fmt.height)
    if fmt.pixelformat == MJPG:
        # Pillow costs memory and time, and only this format needs it.
        from vmedia_bench.backends.pattern.mjpeg import JpegPainter

        return JpegPainter(size)
    raw = RAW_FORMATS[fmt.pixelformat]
    full_range = fmt.quantization == Quantization.FULL_RANGE
    return RasterPainter(raw, Conversion(raw, fmt.ycbcr_enc, full_range), size)
