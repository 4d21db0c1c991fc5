"""Cameras that each get one thing wrong."""

from collections.abc import Sequence
from fractions import Fraction

from vmedia_bench.plugin import (
    Cid,
    ControlSpec,
    ControlValue,
    Filled,
    Format,
    FormatDesc,
    Frame,
    Plane,
    PlaneFormat,
    VideoSource,
    fourcc,
)


class GoodCamera(VideoSource):
    """Two sizes of GREY, each frame full of its number."""

    card = "good camera"
    controls = (ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, default=128),)

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        sizes = ((64, 48), (128, 96))
        return (FormatDesc(fourcc("GREY"), lambda w, h: (PlaneFormat(w, w * h),), sizes),)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        return (Fraction(1, 20),)

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        planes[0].write(0, bytes([frame.sequence & 0x3F]) * planes[0].length)
        return Filled((planes[0].length,))


class HalfCamera(GoodCamera):
    """Writes the upper half only."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        planes[0].write(0, bytes(planes[0].length // 2))
        return Filled((planes[0].length,))


class ShortCamera(GoodCamera):
    """Says it has used less than a raw frame has."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        super().fill(frame, planes)
        return Filled((planes[0].length - 1,))


class MeddlingCamera(GoodCamera):
    """Writes into the frame before, too."""

    before: Plane | None = None

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if self.before is not None:
            self.before.write(0, b"\xff" * 64)
        self.before = planes[0]
        return super().fill(frame, planes)


class FailingCamera(GoodCamera):
    """Raises at every second frame."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if frame.sequence % 2:
            raise RuntimeError("out of film")
        return super().fill(frame, planes)


class SilentCamera(GoodCamera):
    """Can be started once."""

    starts = 0

    def start(self, fmt: Format, interval: Fraction) -> None:
        self.starts += 1
        if self.starts > 1:
            raise RuntimeError("that was the last one")


class TouchyCamera(GoodCamera):
    """Stops to work once a control has been set."""

    touched = False

    def control_changed(self, cid: int, value: ControlValue) -> None:
        self.touched = True

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if self.touched:
            raise RuntimeError("do not touch")
        return super().fill(frame, planes)
