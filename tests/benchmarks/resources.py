"""Processor time while nothing happens, and memory before buffers."""

import time
from collections.abc import Iterator

from tests.benchmarks.measure import Row, cpu_seconds, pinned_bench, resident_bytes
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.vmm import Vmm

IDLE_SECONDS = 20


def run() -> Iterator[Row]:
    """Rows for idle processor time and resident memory, with a guest connected."""
    with pinned_bench() as bench, Vmm.connect(bench.socket) as vmm, Driver(vmm).open():
        before = cpu_seconds(bench.pid)
        time.sleep(IDLE_SECONDS)
        share = 100 * (cpu_seconds(bench.pid) - before) / IDLE_SECONDS
        memory = resident_bytes(bench.pid) / 1e6
    yield Row("idle, a guest connected", f"{share:.2f} % of a processor", "< 0.5 %", share < 0.5)
    yield Row("resident memory before buffers", f"{memory:.0f} MB", "< 90 MB", memory < 90)
