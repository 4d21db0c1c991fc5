"""Streaming for the commands: what was asked for, progress, and what came of it."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from vmedia_bench.cli.arguments import frame_size
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.views.amounts import counted
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.probe import buffer_types
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import Cap, Memory, fourcc, fourcc_name, is_capture

PROGRESS_EVERY_S = 0.2
SLOWEST, FASTEST = 0.001, 1e6
"""Frames a second that a device can be asked for."""
MEMORIES = {"mmap": int(Memory.MMAP), "userptr": int(Memory.USERPTR)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What to stream; empty fields leave the device as it is."""

    frames: int
    size: str = ""
    pixel_format: str = ""
    fps: float = 0
    buffers: int = 4
    memory: str = "mmap"
    save: Path | None = None


@dataclass(slots=True)
class StreamResult:
    """What a stream was, and what the back-end did wrong."""

    frames: int
    pixel_format: str
    width: int
    height: int
    buffers: int
    seconds: float
    fps: float
    megabytes_per_second: float
    first_sequence: int
    last_sequence: int
    missed: int = 0
    saved: str = ""
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The result for people."""
        head = (
            f"{counted(self.frames, 'frame')}  {self.pixel_format} {self.width}x{self.height}  "
            f"{counted(self.buffers, 'buffer')}  {self.fps:.1f} frames/s  "
            f"{self.megabytes_per_second:.1f} MB/s  "
            f"sequence {self.first_sequence} to {self.last_sequence}"
            + (f"  {self.missed} missed" if self.missed else "")
        )
        lines = [head]
        if self.saved:
            lines.append(f"saved {self.saved}")
        lines += [f"wrong: {violation}" for violation in self.violations]
        return "\n".join(lines)


class Progress:
    """One line on a terminal's stderr, drawn over; nothing where stderr is not a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + 1.0

    def step(self, done: int) -> None:
        """`done` of the total are there."""
        if self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_EVERY_S
            print(f"\r{done} of {self._total} frames ", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the line away."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


Look = Callable[[Session, Stream, VideoFormat], None]


def stream_frames(driver: Driver, wish: Wish, look: Look | None = None) -> StreamResult:
    """Stream as wished in a session of its own; `look` sees it while it still streams.

    Errors of the guest room pass through.
    """
    with driver.open() as session:
        fmt = negotiate(session, capture_type(driver), wish)
        with open_stream(session, fmt, wish) as stream:
            stream.queue_all()
            stream.stream_on()
            result, picture = _take_frames(stream, fmt, wish)
            if look is not None:
                look(session, stream, fmt)
            stream.stream_off()
            result.violations = list(stream.violations)
    if wish.save:
        save_frame(wish.save, fmt, picture)
    return result


def check_wish(wish: Wish) -> None:
    """CommandFailedError(USAGE) for what no device can be asked for."""
    if wish.size:
        frame_size(wish.size)
    if wish.pixel_format:
        try:
            fourcc(wish.pixel_format)
        except ValueError as error:
            raise CommandFailedError(f"--pixel-format: {error}", ExitCode.USAGE) from error
    if wish.fps and not SLOWEST <= wish.fps <= FASTEST:
        raise CommandFailedError(
            f"--fps {wish.fps:g}: not {SLOWEST:g} to {FASTEST:g}", ExitCode.USAGE
        )


def capture_type(driver: Driver) -> int:
    """The capture queue that the device's capabilities promise; of a camera, not of a codec."""
    caps = media.CONFIG.unpack(driver.vmm.config)[0] if driver.vmm.config else 0
    if caps & (Cap.VIDEO_M2M | Cap.VIDEO_M2M_MPLANE):
        raise CommandFailedError(
            "this device gives back what is put into it, and nothing is: stream from a camera"
        )
    for buf_type in buffer_types(caps):
        if is_capture(buf_type):
            return int(buf_type)
    raise CommandFailedError(f"this device captures nothing: its device_caps are {caps:#x}")


def negotiate(session: Session, buf_type: int, wish: Wish) -> VideoFormat:
    """Set format and rate. CommandFailedError where the device does not go along."""
    fmt = session.get_format(buf_type)
    wanted = fmt
    if wish.pixel_format:
        wanted = replace(wanted, pixelformat=fourcc(wish.pixel_format))
    if wish.size:
        width, height = frame_size(wish.size)
        wanted = replace(wanted, width=width, height=height)
    if wanted != fmt:
        cleared = tuple(replace(plane, bytesperline=0, sizeimage=0) for plane in wanted.planes)
        fmt = session.set_format(replace(wanted, planes=cleared, colorspace=0))
        for what in ("pixelformat", "width", "height"):
            asked, got = getattr(wanted, what), getattr(fmt, what)
            if asked != got:
                shown = [fourcc_name(v) if what == "pixelformat" else str(v) for v in (asked, got)]
                raise CommandFailedError(
                    f"asked for {what} {shown[0]}, the device gives {shown[1]}"
                )
    if wish.fps:
        session.set_interval(buf_type, 1 / Fraction(wish.fps).limit_denominator(1001))
    return fmt


def open_stream(session: Session, fmt: VideoFormat, wish: Wish) -> Stream:
    """Buffers for a format."""
    try:
        return Stream(session, fmt.type, memory=MEMORIES[wish.memory], count=wish.buffers)
    except GuestIoctlError as error:
        if wish.memory == "userptr":
            raise CommandFailedError(f"{error}: the device takes no USERPTR buffers?") from error
        raise


def save_frame(path: Path, fmt: VideoFormat, planes: tuple[bytes, ...]) -> None:
    """Write a frame as a picture. CommandFailedError(MISSING) where the file cannot be written."""
    from vmedia_bench.picture.format import PictureError
    from vmedia_bench.picture.image import encode_image

    try:
        path.write_bytes(encode_image(fmt, planes))
    except PictureError as error:
        raise CommandFailedError(str(error)) from error
    except OSError as error:
        raise CommandFailedError(
            f"cannot write {path}: {error.strerror or error}", ExitCode.MISSING
        ) from error


def _take_frames(
    stream: Stream, fmt: VideoFormat, wish: Wish
) -> tuple[StreamResult, tuple[bytes, ...]]:
    """Take the frames of a running stream; the last one's planes too, where it is to be saved."""
    sequences: list[int] = []
    moved = 0
    picture: tuple[bytes, ...] = ()
    started = first = time.monotonic()
    for frame in _with_progress(stream, wish.frames):
        if not sequences:
            first = time.monotonic()
        sequences.append(frame.sequence)
        moved += sum(frame.bytesused)
        if wish.save and len(sequences) == wish.frames:
            picture = stream.copy(frame)
    ended = time.monotonic()
    # The rate is that of the intervals between frames: the first one has none before it.
    intervals = len(sequences) - 1
    seconds = max(ended - first, 1e-9) if intervals else max(ended - started, 1e-9)
    result = StreamResult(
        frames=len(sequences),
        pixel_format=fourcc_name(fmt.pixelformat),
        width=fmt.width,
        height=fmt.height,
        buffers=stream.count,
        seconds=round(ended - started, 3),
        fps=round(max(intervals, 1) / seconds, 2),
        megabytes_per_second=round(moved / max(ended - started, 1e-9) / 1e6, 1),
        first_sequence=sequences[0],
        last_sequence=sequences[-1],
        missed=stream.missed,
        saved=str(wish.save or ""),
    )
    return result, picture


def _with_progress(stream: Stream, count: int) -> Iterator[Frame]:
    progress = Progress(count)
    try:
        for done, frame in enumerate(stream.frames(count), 1):
            progress.step(done)
            yield frame
    finally:
        progress.close()
