"""What a source in a process of its own costs, against the same source in the bench."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import Row, cpu_seconds, pinned_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType

CAPTURE = int(BufType.VIDEO_CAPTURE)
ROUNDS = 5
FRAMES = 600
PACED_SECONDS = 10
SETTINGS = ("--set", "size=1920x1080", "--set", "format=NV12")

# The pattern camera twice: once as plugins run by default, once in the bench's own process.
CODE = """
from vmedia_bench.backends.pattern.options import PatternOptions
from vmedia_bench.backends.pattern.source import PatternSource
from vmedia_bench.plugin import Description, Plugin


class Inside(Plugin):
    api_version = 1
    isolated = False

    def describe(self):
        return Description("The pattern.", options=PatternOptions, isolated=self.isolated)

    def open(self, options):
        return PatternSource(options)


class Outside(Inside):
    isolated = True
"""
ENTRIES = "[vmedia_bench.backends]\ninside = both_ways:Inside\noutside = both_ways:Outside\n"


def run() -> Iterator[Row]:
    """Rows for frames a second, and for what the bench's own process does for each."""
    with _plugins():
        inside, outside = _rate("inside"), _rate("outside")
        ratio = outside / inside
        yield Row(
            "1920x1080 NV12 unpaced, source in a process of its own",
            f"{outside:,.0f} frames/s, {ratio:.2f} x of {inside:,.0f} in the bench",
            ">= 0.25 x",
            ratio >= 0.25,
        )
        inside, outside = _cost("inside"), _cost("outside")
        yield Row(
            "1920x1080 NV12 at 60/s, the bench's time a frame, source in a process of its own",
            f"{outside:,.0f} us, {outside / inside:.2f} x of {inside:,.0f} us in the bench",
            "<= 1.5 x",
            outside <= 1.5 * inside,
        )


@contextmanager
def _plugins() -> Iterator[None]:
    """Both plugins, installed where benches of this process find them."""
    before = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "both_ways.py").write_text(CODE)
        info = folder / "both_ways-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: both-ways\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(ENTRIES)
        os.environ["PYTHONPATH"] = os.pathsep.join((name, str(Path.cwd()), before or ""))
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before


def _rate(backend: str) -> float:
    """Frames a second as fast as they come, the median of some rounds."""
    rates = []
    with _streaming(backend, "0") as (_, stream):
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for _ in stream.frames(FRAMES):
                pass
            rates.append(FRAMES / (time.perf_counter() - started))
    return median(rates)


def _cost(backend: str) -> float:
    """Microseconds of processor time that the bench's process needs for a frame at 60 a second."""
    count = 60 * PACED_SECONDS
    with _streaming(backend, "60") as (pid, stream):
        for _ in stream.frames(60):
            pass
        before = cpu_seconds(pid)
        for _ in stream.frames(count):
            pass
        return (cpu_seconds(pid) - before) / count * 1e6


@contextmanager
def _streaming(backend: str, fps: str) -> Iterator[tuple[int, Stream]]:
    """The bench's process ID, and a stream that runs."""
    options = ("--backend", backend, *SETTINGS, "--set", f"fps={fps}")
    with (
        pinned_bench(*options) as bench,
        Vmm.connect(bench.socket) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE, count=8) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        yield bench.pid, stream
        assert not stream.violations, stream.violations
