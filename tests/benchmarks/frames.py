"""Frames a second without pacing, and frames on time under load."""

import statistics
import time
from collections.abc import Iterator

from tests.benchmarks.measure import Row, pinned_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import BufType

ROUNDS = 7
UNPACED = (
    ("1920x1080", "NV12", 1500, 3000),
    ("3840x2160", "NV12", 400, 800),
    ("640x480", "YUYV", 2500, 4000),
)
LATE_NS = 4_000_000
LATE_SECONDS = 20
OTHERS = 63
CAPTURE = int(BufType.VIDEO_CAPTURE)


def run() -> Iterator[Row]:
    """Rows for the three unpaced streams and for lateness."""
    for size, pixel_format, frames, goal in UNPACED:
        yield _unpaced(size, pixel_format, frames, goal)
    yield _late_frames()


def _unpaced(size: str, pixel_format: str, frames: int, goal: int) -> Row:
    options = ("--fps", "0", "--size", size, "--pixel-format", pixel_format, "--pattern", "smpte")
    rates = []
    with (
        pinned_bench(*options) as bench,
        Vmm.connect(bench.socket) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE, count=8) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for _ in stream.frames(frames):
                pass
            rates.append(frames / (time.perf_counter() - started))
        assert not stream.violations, stream.violations
    rate = statistics.median(rates)
    return Row(
        f"{size} {pixel_format} bars, unpaced",
        f"{rate:,.0f} frames/s",
        f">= {goal:,}",
        rate >= goal,
    )


def _late_frames() -> Row:
    """One session streams 1080p60 while 63 others ask for formats and controls without a pause.

    A frame is late by what its arrival is behind the first frame's, plus its number of intervals.
    """
    options = ("--fps", "60", "--size", "1920x1080", "--pixel-format", "NV12")
    with pinned_bench(*options) as bench, Vmm.connect(bench.socket) as vmm:
        driver = Driver(vmm)
        with driver.open() as streaming:
            others = [driver.open() for _ in range(OTHERS)]
            arrivals, asked = _stream_among(streaming, others)
            for session in others:
                session.close()
    lateness = _lateness(arrivals)
    late = sum(delay > LATE_NS for delay in lateness)
    share = 100 * late / len(lateness)
    worst = max(lateness) / 1e6
    load = f"{asked / LATE_SECONDS:,.0f} queries/s"
    measured = f"{share:.2f} % of {len(lateness)} (worst {worst:.1f} ms; {load})"
    return Row(
        f"1080p60 frames over 4 ms late, {OTHERS} sessions querying", measured, "< 1 %", share < 1
    )


def _stream_among(streaming: Session, others: list[Session]) -> tuple[list[tuple[int, int]], int]:
    """(sequence, arrival in ns) of the frames, and how many queries the others made."""
    arrivals: list[tuple[int, int]] = []
    asked = 0
    fmt = structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)
    control = structs.CONTROL.pack(0x980900, 0)
    with Stream(streaming, CAPTURE, count=4) as stream:
        stream.queue_all()
        stream.stream_on()
        end = time.monotonic() + LATE_SECONDS
        while time.monotonic() < end:
            for session in others:
                session.ioctl(ioctls.VIDIOC_G_FMT, fmt)
                session.ioctl(ioctls.VIDIOC_G_CTRL, control)
                asked += 2
                session.driver.collect()
                while streaming.dqbufs:
                    arrived = time.monotonic_ns()
                    frame = stream.next_frame()
                    arrivals.append((frame.sequence, arrived))
                    stream.requeue(frame)
        stream.stream_off()
    return arrivals, asked


def _lateness(arrivals: list[tuple[int, int]]) -> list[float]:
    """Nanoseconds behind an ideal 60 Hz clock laid through the earliest arrivals."""
    interval = 1e9 / 60
    origin = min(arrived - sequence * interval for sequence, arrived in arrivals)
    return [arrived - sequence * interval - origin for sequence, arrived in arrivals]
