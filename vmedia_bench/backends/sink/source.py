"""The sink as a VideoSource: frames stay in their buffers, where onlookers see them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from vmedia_bench.backends.loopback.options import MAX_SIZE, MIN_SIZE
from vmedia_bench.backends.pattern.formats import INTERVALS, format_descs
from vmedia_bench.backends.sink.messages import (
    Begin,
    End,
    Failed,
    Opened,
    Take,
    Taken,
    decode_report,
    encode,
)
from vmedia_bench.backends.worker import SharedFrames, Worker, WorkerError
from vmedia_bench.v4l2.source import (
    Format,
    FormatDesc,
    Frame,
    Plane,
    SizeRange,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire.v4l2 import BufType, fourcc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmedia_bench.backends.sink.options import SinkOptions
    from vmedia_bench.v4l2.ports import Cancel

log = logging.getLogger(__name__)

_PROCESS: Final = "vmedia_bench.backends.sink.process:main"
_SIZES: Final = SizeRange(MIN_SIZE[0], MAX_SIZE[0], MIN_SIZE[1], MAX_SIZE[1], 2, 2)
_SLOTS: Final = 4
_FINISH_NS: Final = 5_000_000_000
_SILENT_NS: Final = 20_000_000_000


@dataclass(slots=True)
class _Run:
    """A recording under way: its slots, which of them are free, and what looks after it."""

    number: int
    frames: SharedFrames
    free: list[int] = field(default_factory=lambda: list(range(_SLOTS)))
    cancel: Cancel | None = None

    def close(self) -> None:
        """Let its slots go."""
        self.frames.close()
        self.heard()

    def heard(self) -> None:
        """Look after it no more: the recorder is alive."""
        if self.cancel is not None:
            self.cancel()
            self.cancel = None


class SinkSource(VideoSource):
    """
    A display: whatever the guest queues is taken, and recorded if that was asked for.

    A recording loses nothing: where encoding is slow, the guest waits. One that fails, or stands
    still for 20 s, is told in the log, and the display goes on without it.
    """

    inputs = ()

    def __init__(self, options: SinkOptions) -> None:
        self.card = options.card
        self.paced = bool(options.fps)
        kind = BufType.VIDEO_OUTPUT_MPLANE if options.mplane else BufType.VIDEO_OUTPUT
        self.buf_types = (int(kind),)
        self._formats = tuple(
            replace(desc, sizes=_SIZES) for desc in format_descs(mplane=options.mplane)
        )
        self._default = (fourcc(options.format), *options.size)
        fps = Fraction(options.fps or 30).limit_denominator(1001)
        self._interval = 1 / fps
        self._path = options.record
        self._host: SourceHost | None = None
        self._worker: Worker | None = None
        self._run: _Run | None = None
        self._number = 0

    def attach(self, host: SourceHost) -> None:
        """Take the way back to the core."""
        self._host = host

    def detach(self) -> None:
        """Let the process finish its file, but not for ever."""
        self._drop_run()
        worker, self._worker = self._worker, None
        if worker is not None and self._host is not None:
            worker.spare()
            self._host.reactor.later(_FINISH_NS, worker.close)

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the formats, YUYV first."""
        del buf_type
        return self._formats

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the options' format."""
        del buf_type
        return self._default

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give every rate, whatever the format and size."""
        del pixelformat, width, height
        return INTERVALS

    def default_interval(self) -> Fraction:
        """Give the options' frame interval."""
        return self._interval

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Begin a recording."""
        if self._path is None:
            return
        self._drop_run()
        size = sum(plane.sizeimage for plane in fmt.planes)
        rate = 1 / interval
        try:
            if self._worker is None:
                self._start_process()
            frames = SharedFrames.create(_SLOTS, size)
        except OSError as error:
            log.warning("nothing is recorded: %s", error)
            return
        self._number += 1
        self._run = _Run(self._number, frames)
        begin = Begin(
            self._number,
            fmt.pixelformat,
            fmt.width,
            fmt.height,
            (rate.numerator, rate.denominator),
            _SLOTS,
            size,
        )
        self._tell(begin, frames.fd)

    def stop(self, buf_type: int) -> None:
        """Finish the recording."""
        del buf_type
        self._drop_run()

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        """Take a frame; False while the recorder has no room for it."""
        del frame
        run = self._run
        if run is None:
            return True
        if not run.free:
            self._look_after(run)
            return False
        slot = run.free.pop()
        view = run.frames.slot(slot)
        at = 0
        for plane, used in zip(planes, bytesused, strict=True):
            size = min(used, run.frames.size - at)
            view[at : at + size] = plane.read(0, size)
            at += size
        self._tell(Take(run.number, slot, at))
        return True

    # The process

    def _start_process(self) -> None:
        self._worker = Worker(_PROCESS, self._path, name="recorder")
        if self._host is not None:
            self._worker.watch(self._host.reactor, self._heard, self._died)

    def _heard(self, data: bytes) -> None:
        try:
            report = decode_report(data)
        except msgspec.MsgspecError as error:
            self._give_up(f"the recorder makes no sense: {error}")
            return
        run = self._run
        if isinstance(report, Opened):
            log.info(*_told(report))
        elif run is None or report.recording != run.number:
            return
        elif isinstance(report, Failed):
            self._give_up(report.why)
        elif isinstance(report, Taken) and 0 <= report.slot < _SLOTS:
            run.free.append(report.slot)
            run.heard()
            self._wake()

    def _look_after(self, run: _Run) -> None:
        """See to it that the guest does not wait for ever."""
        if run.cancel is None and self._host is not None:
            run.cancel = self._host.reactor.later(_SILENT_NS, self._stuck)

    def _stuck(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._died(f"has been silent for {_SILENT_NS / 1e9:g} s and is killed")

    def _died(self, how: str) -> None:
        self._worker = None
        self._give_up(f"the recorder {how}")

    def _give_up(self, why: str) -> None:
        """Go on without a recording until the next STREAMON."""
        log.warning("nothing is recorded from now on: %s", why)
        if self._run is not None:
            self._run.close()
            self._run = None
        self._wake()

    def _drop_run(self) -> None:
        if self._run is not None:
            self._tell(End())
        if self._run is not None:
            self._run.close()
            self._run = None

    def _tell(self, command: Begin | Take | End, *fds: int) -> None:
        if self._worker is None:
            return
        try:
            self._worker.send(encode(command), fds)
        except WorkerError as error:
            self._worker.close()
            self._worker = None
            self._give_up(str(error))

    def _wake(self) -> None:
        if self._host is not None:
            self._host.frame_ready()


def _told(report: Opened) -> tuple[str, *tuple[object, ...]]:
    if report.closed:
        return "recorded %d frames to %s", report.frames, report.path
    return "recording to %s", report.path
