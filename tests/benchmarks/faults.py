"""What fault rules cost a command that none of them is about, against a bench without an engine."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.commands import per_call, prepared_command
from tests.benchmarks.measure import DEVICE_CPU, GUEST_CPU, Row
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.vmm import Vmm

ROUNDS = 41
KINDS = ("none", "disarmed", "elsewhere")


def run() -> Iterator[Row]:
    """Rows for the round trip; the three benches take turns within one run."""
    os.sched_setaffinity(0, {GUEST_CPU})
    times: dict[str, list[float]] = {how: [] for how in KINDS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        commands = {how: stack.enter_context(_command(Path(folder), how)) for how in KINDS}
        for turn in range(ROUNDS):
            first = turn % len(KINDS)
            for how in KINDS[first:] + KINDS[:first]:
                times[how].append(per_call(commands[how].run))
    yield _row("round trip with no rule armed", times["disarmed"], times["none"], 0.03)
    yield _row("round trip with 20 rules on other ioctls", times["elsewhere"], times["none"], None)


@contextmanager
def _command(folder: Path, how: str) -> Iterator[PreparedCommand]:
    """A prepared G_FMT of a guest whose bench runs on the device's processor."""
    socket = folder / f"{how}.sock"
    command = [sys.executable, "-m", "tests.benchmarks.faulty_bench", str(socket), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    os.sched_setaffinity(process.pid, {DEVICE_CPU})
    try:
        with Vmm.connect(socket) as vmm, Driver(vmm).open() as session:
            vmm.commandq.blocking = True
            prepared = prepared_command(session.driver, session)
            yield prepared
            prepared.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()


def _row(what: str, with_rules: list[float], without: list[float], most: float | None) -> Row:
    pairs = zip(without, with_rules, strict=True)
    cost = statistics.median(b / a for a, b in pairs) - 1
    measured = (
        f"{100 * cost:+.1f} % ({statistics.median(with_rules):.1f} us, "
        f"without an engine {statistics.median(without):.1f} us)"
    )
    goal = "-" if most is None else f"<= +{100 * most:.0f} %"
    return Row(what, measured, goal, most is None or cost <= most)
