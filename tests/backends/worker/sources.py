"""Sources for a process of their own; each misbehaves in one way, as its argument says."""

import os
import sys
import time
from collections.abc import Sequence
from errno import EBUSY
from fractions import Fraction
from pathlib import Path
from struct import Struct

from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import (
    ControlValue,
    Filled,
    Format,
    FormatDesc,
    Frame,
    Input,
    Plane,
    PlaneFormat,
    SizeRange,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, fourcc

STAMP = Struct("<QQI")
"""What a NumberedSource writes at the start of a frame: sequence, time, brightness."""

SIZE = (64, 48)
RATE = Fraction(1, 25)
SLOW = Fraction(1, 5)
AT_FRAME = 3
FOR_EVER = 3600


def grey(width: int, height: int) -> tuple[PlaneFormat, ...]:
    return (PlaneFormat(width, width * height),)


class NumberedSource(VideoSource):
    """GREY frames that say which they are; the rest of each is full of its number."""

    card = "numbered"
    inputs = (Input("front"), Input("back"))
    controls = (
        ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, default=128),
        ControlSpec.integer(Cid.EXPOSURE, 0, 1 << 30, default=0, volatile=True),
    )

    def __init__(self, argument: object) -> None:
        self.argument = argument
        self.brightness = 128
        self.filled = 0
        self.host: SourceHost | None = None

    def attach(self, host: SourceHost) -> None:
        self.host = host

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return (
            FormatDesc(fourcc("GREY"), grey, (SIZE, (32, 32))),
            FormatDesc(fourcc("YUYV"), lambda w, h: (PlaneFormat(2 * w, 2 * w * h),), (SIZE,)),
        )

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        return (RATE, SLOW)

    def default_interval(self) -> Fraction:
        return RATE

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        self.filled += 1
        size = planes[0].length
        planes[0].write(0, bytes([frame.sequence & 0xFF]) * size)
        planes[0].write(0, STAMP.pack(frame.sequence, frame.timestamp_ns, self.brightness))
        return Filled((size,))

    def control_changed(self, cid: int, value: ControlValue) -> None:
        self.brightness = int(value)

    def read_control(self, cid: int) -> ControlValue:
        return self.filled


class UnpacedSource(NumberedSource):
    """As fast as buffers come."""

    paced = False


class BadSource(NumberedSource):
    """Does what its argument says, at the place its argument says."""

    def __init__(self, argument: object) -> None:
        super().__init__(argument)
        self._misbehave("init")

    def start(self, fmt: Format, interval: Fraction) -> None:
        self._misbehave("start")

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if frame.sequence >= AT_FRAME:
            self._misbehave("fill")
        return super().fill(frame, planes)

    def control_changed(self, cid: int, value: ControlValue) -> None:
        self._misbehave("control")

    def _misbehave(self, place: str) -> None:
        if not isinstance(self.argument, str):
            return
        where, _, what = self.argument.partition(" ")
        if where != place:
            return
        if what == "block":
            time.sleep(FOR_EVER)
        elif what == "exit":
            os._exit(9)
        elif what == "refuse":
            raise V4l2Error(EBUSY, "somebody else has it")
        elif what == "value":
            raise ValueError("colour 'x': not a colour")
        elif what == "missing":
            raise ModuleNotFoundError("No module named 'cv2'", name="cv2")
        elif what == "garbage":
            os.write(int(sys.argv[2]), b"\xff\xff")
        elif what == "raise":
            raise RuntimeError("the lens cap is on")


class ChangingSource(NumberedSource):
    """What it is stands in the file that its argument names."""

    def __init__(self, argument: object) -> None:
        super().__init__(argument)
        self.kind = Path(str(argument)).read_text()
        if self.kind == "gone":
            raise FileNotFoundError("the camera is gone")
        if self.kind == "stuck":
            time.sleep(FOR_EVER)

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return super().formats(buf_type)[: 1 if self.kind == "another" else 2]


class LyingSource(NumberedSource):
    """Says that it has written more than there is room for."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        return Filled((1 << 40,))


class StumblingSource(NumberedSource):
    """Every third frame fails."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if frame.sequence % 3 == 2:
            raise RuntimeError("the lens cap is on")
        return super().fill(frame, planes)


class SlowStarter(NumberedSource):
    """Takes a while to have its first frame, and says when it has one."""

    def start(self, fmt: Format, interval: Fraction) -> None:
        self.ready = False
        assert self.host is not None
        self.host.reactor.later(50_000_000, self._warm)

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        return super().fill(frame, planes) if self.ready else None

    def _warm(self) -> None:
        self.ready = True
        assert self.host is not None
        self.host.frame_ready()


class DrippingSource(UnpacedSource):
    """Has a frame every 2 ms and none in between, as a camera that is waited for."""

    def start(self, fmt: Format, interval: Fraction) -> None:
        self.drops = 0
        self._drip()

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if not self.drops:
            return None
        self.drops -= 1
        return super().fill(frame, planes)

    def _drip(self) -> None:
        assert self.host is not None
        self.drops = 1
        self.host.frame_ready()
        self.host.reactor.later(2_000_000, self._drip)


class TalkativeSource(NumberedSource):
    """Tells of a control, an end and a change of its own at each frame."""

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        assert self.host is not None
        self.host.control_changed(Cid.BRIGHTNESS, frame.sequence & 0xFF)
        self.host.end_of_stream()
        return super().fill(frame, planes)


class RangedSource(NumberedSource):
    """Any even size; with the argument "bent", rows that are no even step."""

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        def bent(width: int, height: int) -> tuple[PlaneFormat, ...]:
            stride = (width + 63) // 64 * 64
            return (PlaneFormat(stride, stride * height * 3 // 2),)

        def even(width: int, height: int) -> tuple[PlaneFormat, ...]:
            return (PlaneFormat(width, width * height * 3 // 2),)

        layout = bent if self.argument == "bent" else even
        return (FormatDesc(fourcc("NV12"), layout, SizeRange(16, 1919, 16, 1080, 2, 2)),)


class SinkSource(VideoSource):
    """A display that takes every frame; with "slow", only some 2 ms later; with "bad", none."""

    card = "sink"
    buf_types = (int(BufType.VIDEO_OUTPUT),)
    paced = False
    controls = (ControlSpec.integer(Cid.BRIGHTNESS, 0, 1 << 30, default=0, volatile=True),)

    def __init__(self, argument: object) -> None:
        self.argument = argument
        self.host: SourceHost | None = None
        self.sum = 0
        self.open = argument != "slow"

    def attach(self, host: SourceHost) -> None:
        self.host = host

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return (FormatDesc(fourcc("GREY"), grey, (SIZE,)),)

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        if self.argument == "bad":
            raise RuntimeError("no paper")
        if not self.open:
            assert self.host is not None
            self.host.reactor.later(2_000_000, self._take)
            return False
        self.open = self.argument != "slow"
        self.sum += planes[0].read(0, bytesused[0])[-1]
        return True

    def read_control(self, cid: int) -> ControlValue:
        return self.sum

    def _take(self) -> None:
        self.open = True
        assert self.host is not None
        self.host.frame_ready()


class PerSession(NumberedSource):
    """What cannot leave the bench."""

    per_session = True


def no_source(argument: object) -> object:
    """Makes something else."""
    return argument
