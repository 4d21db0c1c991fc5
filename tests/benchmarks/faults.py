"""What fault rules cost a command that none of them is about, against a bench without an engine."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.commands import per_call, prepared_command
from tests.benchmarks.faulty_bench import add_rules
from tests.benchmarks.measure import DEVICE_CPU, GUEST_CPU, Row
from tests.device.rig import Rig
from tests.faults.rig import HandClock, HandStage
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.faults.engine import Engine
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import ioctls, media, structs

ROUNDS = 41
EXECUTIONS = 2000
ROOM = 216
KINDS = ("none", "disarmed", "elsewhere")


def run() -> Iterator[Row]:
    """Rows for the device's own processor time, and for the round trip."""
    os.sched_setaffinity(0, {GUEST_CPU})
    yield _execution()
    yield from _round_trips()


def _execution() -> Row:
    """Processor time of G_FMT in the device alone: what others do on the machine hardly matters."""
    times: dict[str, list[float]] = {how: [] for how in KINDS}
    devices = {how: _device(how) for how in KINDS}
    for _ in range(ROUNDS):
        for how, (device, request) in devices.items():
            execute = device.execute
            started = time.thread_time_ns()
            for _ in range(EXECUTIONS):
                execute(request, ROOM)
            times[how].append((time.thread_time_ns() - started) / EXECUTIONS / 1000)
    row = _row("execution with no rule armed", times["disarmed"], times["none"], 0.03)
    other = statistics.median(times["elsewhere"])
    return replace(row, measured=f"{row.measured}; with 20 rules on other ioctls {other:.2f} us")


def _device(how: str) -> tuple[MediaDevice, bytes]:
    rig = Rig()
    session = rig.open()
    if how != "none":
        stage = HandStage()
        engine = Engine(time.monotonic_ns, HandClock().later, stage)
        add_rules(engine, armed=how == "elsewhere")
        rig.device.intercept(engine if stage.standing else None)
    head = media.CMD_SESSION.pack(media.CMD_IOCTL, session, ioctls.VIDIOC_G_FMT)
    return rig.device, head + structs.FORMAT_TYPE.pack(1) + bytes(204)


def _round_trips() -> Iterator[Row]:
    """The three benches take turns within one run."""
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
        f"{100 * cost:+.1f} % ({statistics.median(with_rules):.2f} us, "
        f"without an engine {statistics.median(without):.2f} us)"
    )
    goal = "-" if most is None else f"<= +{100 * most:.0f} %"
    return Row(what, measured, goal, most is None or cost <= most)
