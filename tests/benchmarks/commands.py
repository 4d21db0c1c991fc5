"""Command round trips against a bare eventfd round trip, and commands in batches."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from tests.benchmarks.measure import DEVICE_CPU, GUEST_CPU, Row, pin, pinned_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import ioctls, structs

ROUNDS = 15
TRIPS = 2000
BATCH = 16
BATCHES = 500
LOOKING_S = 0.001
"""How long a guest that polls looks for its answers before it sleeps: longer than they take."""
_ONE = (1).to_bytes(8, "little")


class EventfdEcho:
    """A process on the device's processor that answers one eventfd by another, and nothing else."""

    def __init__(self) -> None:
        self._there, self._back = os.eventfd(0), os.eventfd(0)
        self._child = os.fork()
        if not self._child:
            pin(DEVICE_CPU)
            while int.from_bytes(os.read(self._there, 8), "little") < 1 << 32:
                os.write(self._back, _ONE)
            os._exit(0)
        pin(GUEST_CPU)

    def trip(self) -> None:
        """There and back once."""
        os.write(self._there, _ONE)
        os.read(self._back, 8)

    def close(self) -> None:
        """End the process."""
        os.write(self._there, (1 << 40).to_bytes(8, "little"))
        os.waitpid(self._child, 0)
        os.close(self._there)
        os.close(self._back)


def run() -> Iterator[Row]:
    """Rows for round trips and batches; both sides of a comparison take turns within one run."""
    echo = EventfdEcho()
    try:
        with pinned_bench() as bench, Vmm.connect(bench.socket) as vmm:
            driver = Driver(vmm)
            with driver.open() as session:
                yield from _round_trips(echo, driver, session, vmm)
                yield _batches("other processor, one at a time", driver, session, one_at_a_time)
                yield _batches("other processor, two in flight", driver, session, two_in_flight)
                vmm.commandq.spin = LOOKING_S
                yield _batches(
                    "other processor, a guest that polls", driver, session, one_at_a_time
                )
                vmm.commandq.spin = 0.0
                os.sched_setaffinity(bench.pid, {GUEST_CPU})
                yield _batches("same processor, one at a time", driver, session, one_at_a_time)
    finally:
        echo.close()


def prepared_command(driver: Driver, session: Session) -> PreparedCommand:
    payload = structs.FORMAT_TYPE.pack(1) + bytes(204)
    return driver.prepare(session.request(ioctls.VIDIOC_G_FMT, payload))


def _round_trips(echo: EventfdEcho, driver: Driver, session: Session, vmm: Vmm) -> Iterator[Row]:
    command = prepared_command(driver, session)
    vmm.commandq.blocking = True
    bare, full = [], []
    for _ in range(ROUNDS):
        bare.append(per_call(echo.trip))
        full.append(per_call(command.run))
    vmm.commandq.blocking = False
    command.close()
    ratio = statistics.median(f / b for f, b in zip(full, bare, strict=True))
    measured = (
        f"{ratio:.2f} x ({statistics.median(full):.1f} us, bare {statistics.median(bare):.1f} us)"
    )
    yield Row(
        "command round trip, other processor", measured, "<= 1.2 x a bare eventfd's", ratio <= 1.2
    )


def per_call(run: Callable[[], object], trips: int = TRIPS) -> float:
    """Microseconds a call, over so many of them."""
    started = time.perf_counter()
    for _ in range(trips):
        run()
    return (time.perf_counter() - started) / trips * 1e6


Commands = Sequence[PreparedCommand]


def _batches(
    how: str, driver: Driver, session: Session, send: Callable[[Driver, Commands, Commands], None]
) -> Row:
    """Commands a second when they are sent in batches, from two sets that take turns."""
    first, second = ([prepared_command(driver, session) for _ in range(BATCH)] for _ in range(2))
    rates = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        send(driver, first, second)
        rates.append(2 * BATCH * BATCHES / (time.perf_counter() - started))
    for command in (*first, *second):
        command.close()
    rate = statistics.median(rates)
    what = f"commands in batches of {BATCH}, {how}"
    return Row(what, f"{rate:,.0f}/s", ">= 150,000/s", rate >= 150_000)


def one_at_a_time(driver: Driver, first: Commands, second: Commands) -> None:
    """A batch, its answers, the next batch."""
    for _ in range(BATCHES):
        driver.batch(first)
        driver.batch(second)


def two_in_flight(driver: Driver, first: Commands, second: Commands) -> None:
    """A batch is sent while the device still works on the one before."""
    queue = driver.vmm.commandq
    heads = [[command.head for command in commands] for commands in (first, second)]
    queue.offer(heads[0], interrupt_after=BATCH)
    for _ in range(BATCHES):
        queue.offer(heads[1], interrupt_after=BATCH)
        _take(driver, BATCH)
        queue.offer(heads[0], interrupt_after=BATCH)
        _take(driver, BATCH)
    _take(driver, BATCH, one_by_one=True)


def _take(driver: Driver, count: int, *, one_by_one: bool = False) -> None:
    """Wait for so many answers; `one_by_one` where nobody has asked for a call at the last one."""
    queue = driver.vmm.commandq
    while count:
        if queue.take() is not None:
            count -= 1
        elif not one_by_one or not queue.ask_for_call():
            driver.vmm.wait(1.0)
