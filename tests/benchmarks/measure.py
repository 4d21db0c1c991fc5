"""What the benchmarks share: pinned processes, medians, and rows of the table."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.serving import Serving

GUEST_CPU, DEVICE_CPU = 0, 1


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the goal, and whether it was reached."""

    what: str
    measured: str
    goal: str
    reached: bool


def pin(cpu: int) -> None:
    """Keep this process on one processor, where there are two."""
    if len(os.sched_getaffinity(0)) > 1 or cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})


@contextmanager
def pinned_bench(*options: str) -> Iterator[Serving]:
    """A bench on the device's processor, and this process on the guest's."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Serving(Path(folder) / "vm.sock", *options) as bench,
    ):
        os.sched_setaffinity(bench.pid, {DEVICE_CPU})
        os.sched_setaffinity(0, {GUEST_CPU})
        yield bench


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} tells no VmRSS")


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned."""
    head = ("", "what", "measured", "goal")
    lines = [
        head,
        *(("ok" if row.reached else "NO", row.what, row.measured, row.goal) for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
