"""The workbench at 20,000 commands a second: its keys, its time, and what it costs the device."""

import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.commands import prepared_command
from tests.benchmarks.measure import Row, cpu_seconds
from vmedia_bench.control.names import control_socket, vm_socket
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.tui.starting import start_bench

NAME = f"bench-{os.getpid()}"
RATE = 20_000
ROUND_S = 3.0
ROUNDS = 21
KEYS = 10
TAKES_EVERY = 200
"""Commands between two times that what the workbench drew is read."""


def run() -> Iterator[Row]:
    """Rows for key answers, processor time, and the device's slowest hundredth."""
    bench = start_bench(NAME, ())
    try:
        with Vmm.connect(vm_socket(NAME)) as vmm:
            driver = Driver(vmm)
            with driver.open() as session:
                command = prepared_command(driver, session)
                vmm.commandq.blocking = True
                yield from _measured(command)
                vmm.commandq.blocking = False
                command.close()
    finally:
        bench.stop()


def _measured(command: PreparedCommand) -> Iterator[Row]:
    alone: list[float] = []
    watched: list[float] = []
    keys: list[float] = []
    shares: list[float] = []
    for _ in range(ROUNDS):
        alone.append(_p99(command))
        with _workbench() as screen:
            screen.wait_for("following")
            before, started = screen.processor_s(), time.monotonic()
            watched.append(_p99(command, screen))
            shares.append((screen.processor_s() - before) / (time.monotonic() - started))
            keys.extend(_key_answers(screen, command))
    ratio = statistics.median(w / a for w, a in zip(watched, alone, strict=True))
    yield Row(
        "p99 of a command with the workbench open, of that without",
        f"{ratio:.2f} x ({statistics.median(watched):.0f} us, {statistics.median(alone):.0f} us)",
        "<= 1.15 x",
        ratio <= 1.15,
    )
    share = statistics.median(shares)
    yield Row(f"workbench at {RATE:,} commands/s", f"{share:.0%} of a core", "< 60 %", share < 0.6)
    slowest = max(keys)
    yield Row(
        f"the same: answer to a key, slowest of {len(keys)}",
        f"{slowest * 1000:.0f} ms (median {statistics.median(keys) * 1000:.0f} ms)",
        "<= 100 ms",
        slowest <= 0.1,
    )


def _p99(command: PreparedCommand, screen: "Screen | None" = None) -> float:
    """Microseconds, over one round of commands at the rate that is asked for."""
    taken: list[float] = []
    pause = 1 / RATE
    end = time.perf_counter() + ROUND_S
    due = time.perf_counter()
    while due < end:
        # A terminal takes what is drawn; a workbench that nobody reads would stand still.
        if screen is not None and len(taken) % TAKES_EVERY == 0:
            screen.take()
        while time.perf_counter() < due:
            pass
        started = time.perf_counter()
        command.run()
        taken.append(time.perf_counter() - started)
        due = max(due + pause, started)
    return statistics.quantiles(taken, n=100)[98] * 1e6


def _key_answers(screen: "Screen", command: PreparedCommand) -> Iterator[float]:
    """Seconds from a key to what it shows, while commands go on."""
    for place in range(KEYS):
        key, shows = (("8", "Guest memory"), ("4", "following"))[place % 2]
        for _ in range(2000):
            command.run()
        yield screen.answer(key, shows, command)


class Screen:
    """The workbench on a terminal of 160x45."""

    def __init__(self) -> None:
        self._fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vmedia_bench", "tui", "--bench", str(control_socket(NAME))],
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(other)
        self._text = ""

    def processor_s(self) -> float:
        """Seconds of processor time so far."""
        return cpu_seconds(self.process.pid)

    def wait_for(self, text: str) -> None:
        """Read until that is on screen."""
        while text not in self._text:
            self._read(60.0)

    def answer(self, key: str, shows: str, command: PreparedCommand) -> float:
        """Seconds until a key shows something; commands go on meanwhile."""
        while self._read(0.0):
            pass
        self._text = ""
        started = time.monotonic()
        os.write(self._fd, key.encode())
        while shows not in self._text:
            command.run()
            self._read(0.0)
            if time.monotonic() - started > 10:
                break
        return time.monotonic() - started

    def take(self) -> None:
        """Read what was drawn, for nobody."""
        if select.select([self._fd], [], [], 0)[0]:
            os.read(self._fd, 1 << 16)

    def _read(self, limit: float) -> bool:
        if not select.select([self._fd], [], [], limit)[0]:
            return False
        text = os.read(self._fd, 1 << 16).decode(errors="replace")
        self._text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
        return True

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


@contextmanager
def _workbench() -> Iterator[Screen]:
    screen = Screen()
    try:
        yield screen
    finally:
        screen.close()
