"""The file camera as a VideoSource: frames come out of memory shared with its helper process."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from errno import EIO, ENOMEM
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.backends.file.clock import PlayClock
from vmedia_bench.backends.file.controls import CID_LOOP, CID_POSITION, CID_SPEED, control_specs
from vmedia_bench.backends.file.formats import file_formats, file_intervals, own_size
from vmedia_bench.backends.file.media import NS
from vmedia_bench.backends.file.messages import (
    Command,
    Ended,
    Free,
    Opened,
    Pace,
    Ready,
    Refused,
    Report,
    Seek,
    Start,
    Stop,
    decode_report,
    encode,
)
from vmedia_bench.backends.worker import SharedFrames, Worker, WorkerError
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import (
    Filled,
    Format,
    FormatDesc,
    Frame,
    Plane,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire.v4l2 import BufType, fourcc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmedia_bench.backends.file.options import FileOptions
    from vmedia_bench.v4l2.ports import Cancel
    from vmedia_bench.v4l2.source import ControlValue

log = logging.getLogger(__name__)

_PROCESS: Final = "vmedia_bench.backends.file.process:main"
# One is shown, one is painted, the others wait: what decoding may be late by.
_SLOTS: Final = 5
# How long the process may take to open the file, and for a picture: a seek may decode many.
_LIMIT_S: Final = 20
_MSEC: Final = 1_000_000


@dataclass(slots=True)
class _Run:
    """What exists from start() to stop(); `silent_s` is how long a frame is missing, in seconds."""

    generation: int
    canvas: Canvas
    frames: SharedFrames
    clock: PlayClock
    position: int = 0
    told: bool = False
    silent_s: int = 0
    cancel: Cancel | None = None


class FileSource(VideoSource):
    """
    A camera that plays a file; the file is opened when it is made.

    ValueError, one line, for a file that cannot be played, FileNotFoundError for one that cannot be
    read; WorkerError when no process can be had. Making it waits for the file to be looked at.
    """

    def __init__(self, options: FileOptions) -> None:
        self._options = options
        self._name = f"file {options.path.name}"
        self._worker = Worker(_PROCESS, options, name=self._name)
        info = self._opened()
        self.card = options.card
        self.paced = options.fps != 0
        kind = BufType.VIDEO_CAPTURE_MPLANE if options.mplane else BufType.VIDEO_CAPTURE
        self.buf_types = (int(kind),)
        self.controls = control_specs(options, info.duration_ns)
        self._info = info
        self._duration_ns = info.duration_ns
        rate = Fraction(*info.rate)
        fps = options.fps or rate
        self._intervals = file_intervals(rate)
        self._interval = 1 / Fraction(fps).limit_denominator(1001)
        natural = own_size((info.width, info.height))
        self._size = options.size or natural
        self._formats = file_formats((natural, self._size), bt709=info.bt709, mplane=options.mplane)
        first = self._formats[0].pixelformat
        self._pixelformat = fourcc(options.format) if options.format else first
        self._start_ns = int(options.start * NS)
        self._percent = options.speed
        self._loop = options.loop
        self._host: SourceHost | None = None
        self._run: _Run | None = None
        self._generation = 0

    def _opened(self) -> Opened:
        try:
            report = decode_report(self._worker.receive(_LIMIT_S))
        except WorkerError:
            self._worker.close()
            raise
        if isinstance(report, Opened):
            return report
        self._worker.close()
        if isinstance(report, Refused) and report.absent:
            raise FileNotFoundError(report.why)
        raise ValueError(report.why if isinstance(report, Refused) else f"{self._name}: {report}")

    # What the core asks

    def attach(self, host: SourceHost) -> None:
        """Listen to the process from now on."""
        self._host = host
        self._worker.watch(host.reactor, self._heard, self._died)

    def detach(self) -> None:
        """End the process."""
        self._drop_run()
        self._worker.close()

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the formats, YUYV first."""
        del buf_type
        return self._formats

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the options' format; the file's own size without one."""
        del buf_type
        return (self._pixelformat, *self._size)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give every rate, whatever the format and size."""
        del pixelformat, width, height
        return self._intervals

    def default_interval(self) -> Fraction:
        """Give the options' interval; the file's own without one."""
        return self._interval

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Let the process paint frames of this format; the first is there a little later."""
        self._drop_run()
        if self._worker.closed:
            self._restart_process()
        canvas = Canvas(fmt.pixelformat, (fmt.width, fmt.height))
        try:
            frames = SharedFrames.create(_SLOTS, canvas.length)
        except OSError as error:
            raise V4l2Error(ENOMEM, f"no memory for frames: {error}") from error
        self._generation += 1
        clock = PlayClock(interval, self._percent, self._release)
        self._run = _Run(self._generation, canvas, frames, clock)
        start = Start(
            self._generation,
            fmt.pixelformat,
            fmt.width,
            fmt.height,
            _SLOTS,
            self._start_ns,
            self._step_ns(clock),
            self._loop,
        )
        self._tell(start, frames.fd)
        self._watch_over(self._run)

    def stop(self, buf_type: int) -> None:
        """Let the process rest; the next start goes on from here."""
        del buf_type
        run = self._run
        if run is not None:
            self._start_ns = self._place(run)
            self._tell(Stop())
            self._drop_run()

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Copy the frame that is due; None while there is none."""
        run = self._run
        if run is None:
            return None
        clock = run.clock
        ready = clock.at(frame.sequence) if self.paced else clock.next_unpaced()
        if clock.over and not run.told:
            run.told = True
            self._say_end()
        if ready is None:
            return None
        return _copy(run, ready, planes)

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Seek, change speed, or let it end."""
        number = int(value)
        run = self._run
        if cid == CID_POSITION:
            self._start_ns = number * _MSEC
            if run is not None:
                run.position += 1
                run.told = False
                run.clock.restart()
                self._tell(Seek(run.position, self._start_ns))
                self._wake()
            return
        if cid == CID_SPEED:
            self._percent = number
            if run is not None:
                run.clock.set_speed(number)
        elif cid == CID_LOOP:
            self._loop = bool(number)
        if run is not None:
            if self._loop:
                run.clock.ended = run.clock.over = run.told = False
            self._tell(Pace(self._step_ns(run.clock), self._loop))

    def read_control(self, cid: int) -> ControlValue:
        """Give the position in ms."""
        if cid != CID_POSITION:
            return super().read_control(cid)
        place = self._start_ns if self._run is None else self._place(self._run)
        return min(place // _MSEC, max(1, self._duration_ns // _MSEC))

    # What the process says

    def _heard(self, data: bytes) -> None:
        try:
            report = decode_report(data)
        except msgspec.MsgspecError as error:
            self._fail(f"{self._name}: its process makes no sense: {error}")
            return
        self._take(report)

    def _take(self, report: Report) -> None:
        run = self._run
        if run is not None:
            run.silent_s = 0
        if isinstance(report, Refused):
            self._fail(report.why)
        elif run is None or isinstance(report, Opened) or report.generation != run.generation:
            return
        elif isinstance(report, Ready):
            if not (0 <= report.slot < _SLOTS and 0 <= report.used <= run.canvas.length):
                self._fail(f"{self._name}: its process has painted outside its slots")
            elif report.position != run.position:
                self._release(report)
            else:
                run.clock.add(report)
                self._wake()
        elif isinstance(report, Ended) and report.position == run.position:
            run.clock.ended = True
            self._wake()

    def _died(self, how: str) -> None:
        self._fail(f"{self._name}: its process {how}")

    def _watch_over(self, run: _Run) -> None:
        """Look each second: a process that says nothing while frames are missing is killed."""
        if self._host is None or self._worker.closed:
            return
        if run.silent_s >= _LIMIT_S:
            self._fail(f"{self._name}: its process has been silent for {_LIMIT_S} s and is killed")
            return
        run.silent_s = run.silent_s + 1 if run.clock.starved else 0
        run.cancel = self._host.reactor.later(NS, partial(self._watch_over, run))

    def _fail(self, why: str) -> None:
        """End the session that streams; the next STREAMON starts a new process."""
        log.warning("%s", why)
        self._worker.close()
        host, run = self._host, self._run
        if host is not None and run is not None:
            # Not at once: this may be in the middle of an ioctl.
            host.reactor.later(0, lambda: self._give_up(host, run))

    def _give_up(self, host: SourceHost, run: _Run) -> None:
        if self._run is run:
            host.fail(EIO)

    # Inside

    def _restart_process(self) -> None:
        self._worker = Worker(_PROCESS, self._options, name=self._name)
        if self._host is not None:
            self._worker.watch(self._host.reactor, self._heard, self._died)

    def _tell(self, command: Command, *fds: int) -> None:
        if self._worker.closed:
            return
        try:
            self._worker.send(encode(command), fds)
        except WorkerError as error:
            self._fail(str(error))

    def _release(self, ready: Ready) -> None:
        self._tell(Free(ready.generation, ready.slot))

    def _wake(self) -> None:
        if self._host is not None:
            self._host.frame_ready()

    def _say_end(self) -> None:
        """The file is over, until a seek."""
        if self._host is not None:
            self._host.end_of_stream()

    def _step_ns(self, clock: PlayClock) -> int:
        return int(clock.step * NS) if self.paced else 0

    def _place(self, run: _Run) -> int:
        return run.clock.position_ns % max(1, self._duration_ns)

    def _drop_run(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.frames.close()
            if run.cancel is not None:
                run.cancel()


def _copy(run: _Run, ready: Ready, planes: Sequence[Plane]) -> Filled:
    """Copy a painted frame into the planes of a buffer."""
    view = run.frames.slot(ready.slot)
    if run.canvas.raw is None:
        planes[0].write(0, view[: ready.used])
        return Filled((ready.used,))
    sizes = run.canvas.plane_sizes
    at = 0
    for plane, size in zip(planes, sizes, strict=True):
        plane.write(0, view[at : at + size])
        at += size
    return Filled(tuple(sizes))
