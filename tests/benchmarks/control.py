"""What control traffic costs the guest: command latencies with 200 requests a second, and without.

The requests come from this process, between two commands, so that no third party takes a
processor away; the bench finds each one waiting when the next command comes. Rounds with and
without them take turns.
"""

import socket
import statistics
import time
from collections.abc import Iterator
from itertools import cycle

from tests.benchmarks.commands import prepared_command
from tests.benchmarks.measure import Row, pinned_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.vmm import Vmm

ROUNDS = 15
ROUND_S = 0.5
REQUESTS_A_SECOND = 200
PACED_EVERY_NS = 500_000
METHODS = ("sessions.list", "bench.status", "buffers.list", "bench.snapshot", "trace.status")
_NEVER = 1 << 62


class Traffic:
    """Requests to a control socket, whose answers are read but not waited for."""

    def __init__(self, path: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.connect(path)
        self._sock.setblocking(False)
        self._requests = cycle(
            b'{"jsonrpc": "2.0", "id": 1, "method": "%s"}\n' % method.encode() for method in METHODS
        )
        self.sent = self.answered = 0

    def ask(self) -> None:
        """Send the next request, and take the answers that are there."""
        self._take()
        self._sock.send(next(self._requests))
        self.sent += 1

    def drain(self) -> None:
        """Wait for the answers to all requests."""
        self._sock.setblocking(True)
        while self.answered < self.sent:
            self.answered += self._sock.recv(1 << 18).count(b"\n")
        self._sock.setblocking(False)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _take(self) -> None:
        try:
            while data := self._sock.recv(1 << 18):
                self.answered += data.count(b"\n")
        except BlockingIOError:
            pass


def run() -> Iterator[Row]:
    """A row for a guest that does nothing but commands, and one for 2,000 a second."""
    with pinned_bench() as bench, Vmm.connect(bench.socket) as vmm:
        traffic = Traffic(str(bench.control))
        with Driver(vmm).open() as session:
            vmm.commandq.blocking = True
            command = prepared_command(session.driver, session)
            yield _row("p99 of commands without a pause", command, traffic, 0, 1.3)
            yield _row("p99 of 2,000 commands a second", command, traffic, PACED_EVERY_NS, None)
            command.close()
        traffic.close()


def _row(
    what: str, command: PreparedCommand, traffic: Traffic, every_ns: int, most: float | None
) -> Row:
    with_it, without = [], []
    for _ in range(ROUNDS):
        without.append(_p99(command, None, every_ns))
        with_it.append(_p99(command, traffic, every_ns))
    ratio = statistics.median(a / b for a, b in zip(with_it, without, strict=True))
    measured = (
        f"{ratio:.2f} x ({statistics.median(with_it):.0f} us, "
        f"without {statistics.median(without):.0f} us)"
    )
    goal = "-" if most is None else f"<= {most} x without"
    return Row(f"{what}, {REQUESTS_A_SECOND} requests/s", measured, goal, not most or ratio <= most)


def _p99(command: PreparedCommand, traffic: Traffic | None, every_ns: int) -> float:
    """The 99th percentile of command round trips over a round, in microseconds."""
    now, run = time.perf_counter_ns, command.run
    between = 1_000_000_000 // REQUESTS_A_SECOND
    end = now() + int(ROUND_S * 1e9)
    due = now() if traffic is not None else _NEVER
    times: list[int] = []
    next_start = now()
    while (started := now()) < end:
        if started >= due and traffic is not None:
            traffic.ask()
            due += between
        if every_ns:
            next_start += every_ns
            while now() < next_start:
                pass
        started = now()
        run()
        times.append(now() - started)
    if traffic is not None:
        traffic.drain()
    return statistics.quantiles(times, n=100)[98] / 1000
