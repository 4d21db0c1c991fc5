"""What a bench in between costs a frame: `python -m tests.vm.inside.benchmark`, in the machine.

From the timestamp that the driver gives a frame to the program that has it is what is measured,
without a bench and with one, on the same device in the same run; delays are over the median of
reading directly. Processor time is that of the program that reads directly, or of the bench.
"""

import os
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from tests.vm.inside.conftest import device_named
from tests.vm.inside.direct import Direct
from tests.vm.inside.hosted import Hosted
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAMERA = "vivid-000-vid-cap"
WARM_UP, FRAMES = 10, 100
INTERVAL = Fraction(1, 30)
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def processor_ms(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS


def directly(device: Direct) -> tuple[list[float], float]:
    """Milliseconds from timestamp to program, and of its processor time for a frame."""
    delays = []
    device.start(CAPTURE)
    before = 0.0
    for number in range(WARM_UP + FRAMES):
        buffer = device.dequeue(CAPTURE)
        delays.append((time.monotonic_ns() - buffer.timestamp_ns) / 1e6)
        device.queue(buffer.index, CAPTURE)
        if number == WARM_UP:
            before = processor_ms(os.getpid())
    used = processor_ms(os.getpid()) - before
    device.stop(CAPTURE)
    return delays[WARM_UP:], used / FRAMES


def through(bench: Hosted) -> tuple[list[float], float]:
    """Milliseconds from timestamp to guest, and of the bench's processor time for a frame."""
    delays = []
    with (
        Vmm.connect(bench.socket, timeout=20) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE, count=4) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        before = 0.0
        for number, frame in enumerate(stream.frames(WARM_UP + FRAMES, 20)):
            delays.append((time.monotonic_ns() - frame.timestamp_ns) / 1e6)
            if number == WARM_UP:
                before = processor_ms(bench.pid)
        used = processor_ms(bench.pid) - before
    return delays[WARM_UP:], used / FRAMES


def main() -> None:
    """Print a table."""
    path = device_named(CAMERA)
    benches = {
        "zero copy": Hosted(Path(tempfile.mkdtemp()), path, ()),
        "one copy": Hosted(Path(tempfile.mkdtemp()), path, ("zero_copy=no",)),
    }
    print("size       way        median ms  p90 ms  processor ms a frame")
    with Direct(path) as device:
        for width, height in ((640, 360), (1280, 720)):
            device.set_format(VideoFormat(CAPTURE, width, height, fourcc("YUYV")))
            device.set_interval(CAPTURE, INTERVAL)
            rows = [("directly", *directly(device))]
            base = statistics.median(rows[0][1])
            rows += [(name, *through(bench)) for name, bench in benches.items()]
            for name, delays, used in rows:
                late = statistics.quantiles(delays, n=10)[8] - base
                middle = statistics.median(delays) - base
                print(f"{width}x{height:<6} {name:<10} {middle:9.2f} {late:7.2f} {used:10.2f}")
            sys.stdout.flush()
    for bench in benches.values():
        bench.end()


if __name__ == "__main__":
    main()
