"""What the trace costs: a command's round trip with and without it, and recording to disk."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.commands import BATCH, BATCHES, per_call, prepared_command, two_in_flight
from tests.benchmarks.measure import DEVICE_CPU, GUEST_CPU, Row
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.trace.record import Kind
from vmedia_bench.trace.source import open_trace

ROUNDS = 300
TRIPS = 200
FULL = 110_000
"""Commands after which the ring is full: from then on memory is used again, as on any long day."""
RECORDED = 300_000


class RecordedBench:
    """A bench process on the device's processor, and a guest of it."""

    def __init__(self, socket: Path, how: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.recorded_bench", str(socket), how]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"
        os.sched_setaffinity(self.process.pid, {DEVICE_CPU})
        self.vmm = Vmm.connect(socket)
        self.driver = Driver(self.vmm)
        self.session: Session = self.driver.open()

    def close(self) -> str:
        """End both; what the bench said last."""
        self.session.close()
        self.vmm.close()
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=30)
        return said.strip()


@contextmanager
def _bench(folder: str, how: str) -> Iterator[RecordedBench]:
    bench = RecordedBench(Path(folder) / f"{how}.sock", how)
    try:
        yield bench
    finally:
        bench.close()


def run() -> Iterator[Row]:
    """Rows for the round trip, and for a recording of many commands."""
    os.sched_setaffinity(0, {GUEST_CPU})
    with tempfile.TemporaryDirectory() as folder:
        yield _round_trip(folder)
        yield _to_disk(folder)


def _round_trip(folder: str) -> Row:
    """Two benches take short turns, as the machine's speed changes; only one of them records."""
    with ExitStack() as stack:
        benches = [stack.enter_context(_bench(folder, how)) for how in ("off", "ring")]
        commands: list[PreparedCommand] = []
        for bench in benches:
            _many(bench, FULL)
            bench.vmm.commandq.blocking = True
            commands.append(prepared_command(bench.driver, bench.session))
        times: list[list[float]] = [[], []]
        for turn in range(ROUNDS):
            for place in (0, 1) if turn % 2 else (1, 0):
                times[place].append(per_call(commands[place].run, TRIPS))
        for command in commands:
            command.close()
    off, on = times
    cost = statistics.median(b / a for a, b in zip(off, on, strict=True)) - 1
    measured = (
        f"{100 * cost:+.1f} % ({statistics.median(on):.1f} us, "
        f"without {statistics.median(off):.1f} us)"
    )
    return Row("round trip with the recorder on", measured, "<= +10 %", cost <= 0.1)


def _many(bench: RecordedBench, least: int) -> int:
    """Send so many commands in batches, or a few more; how many."""
    first, second = (
        [prepared_command(bench.driver, bench.session) for _ in range(BATCH)] for _ in range(2)
    )
    sent = 0
    while sent < least:
        two_in_flight(bench.driver, first, second)
        sent += (2 * BATCHES + 1) * BATCH
    for command in (*first, *second):
        command.close()
    return sent


def _to_disk(folder: str) -> Row:
    """Batches while all is written to a file, which must then hold every command."""
    path = Path(folder) / "all.vmtrace"
    bench = RecordedBench(Path(folder) / "disk.sock", str(path))
    started = time.perf_counter()
    sent = _many(bench, RECORDED)
    rate = sent / (time.perf_counter() - started)
    said = bench.close()
    with open_trace(path) as reader:
        seqs = [record.seq for record in reader if record.kind == Kind.COMMAND]
    # OPEN and CLOSE are commands, too.
    lost = sent + 2 - len(seqs)
    measured = f"{rate:,.0f}/s, {lost} of {sent:,} lost ({path.stat().st_size >> 20} MB, {said})"
    return Row(
        "commands recorded to disk",
        measured,
        ">= 50,000/s and none lost",
        rate >= 50_000 and not lost,
    )
