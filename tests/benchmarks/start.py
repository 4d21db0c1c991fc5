"""How soon a command is there, from a cold start, against a Python that does nothing."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.serving import Serving

ROUNDS = 25
GOAL = 6.0


def run() -> Iterator[Row]:
    """A row for the first of plain reads, and one for a command that goes through Typer."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Serving(Path(folder) / "vm.sock", "--size", "320x240"),
    ):
        program = str(Path(sys.executable).with_name("vmedia-bench"))
        environment = os.environ | {
            "XDG_RUNTIME_DIR": folder,
            "XDG_CONFIG_HOME": folder,
        }
        bare, read, typed = _interleaved(
            environment,
            [sys.executable, "-c", "pass"],
            [program, "sessions"],
            [program, "wait", "listening"],
        )
    ratio = read / bare
    yield Row(
        "a cold `vmedia-bench sessions`",
        f"{1000 * read:.0f} ms, {ratio:.1f} x `python3 -c pass` ({1000 * bare:.0f} ms)",
        f"<= {GOAL:g} x",
        ratio <= GOAL,
    )
    yield Row(
        "a cold `vmedia-bench wait listening`, through Typer",
        f"{1000 * typed:.0f} ms, {typed / bare:.1f} x",
        "-",
        True,
    )


def _interleaved(environment: dict[str, str], *commands: list[str]) -> list[float]:
    """Median seconds of each command, run in turns so that all see the same machine."""
    samples: list[list[float]] = [[] for _ in commands]
    for _ in range(ROUNDS):
        for command, times in zip(commands, samples, strict=True):
            started = time.perf_counter()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in samples]
