"""What each dependency costs: installed size and the time to import it, in a fresh process."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tests.benchmarks.measure import Row

IMPORTED_AS = {
    "typer": "typer",
    "construct": "construct",
    "numpy": "numpy",
    "platformdirs": "platformdirs",
    "Pillow": "PIL.Image",
    "msgspec": "msgspec",
    "textual": "textual.app",
}
ROUNDS = 7


def run() -> Iterator[Row]:
    """A row a dependency; there is no goal but to know."""
    bare = _start_time("pass")
    for name, module in IMPORTED_AS.items():
        distribution = metadata.distribution(name)
        files = [Path(str(file.locate())) for file in distribution.files or ()]
        size = sum(file.stat().st_size for file in files if file.is_file())
        import_ms = 1000 * (_start_time(f"import {module}") - bare)
        measured = f"{size / 1e6:.1f} MB, import {import_ms:.0f} ms"
        yield Row(f"{name} {distribution.version}", measured, "-", True)


def _start_time(code: str) -> float:
    """Median seconds of a Python that runs `code`."""
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        samples.append(time.perf_counter() - started)
    return statistics.median(samples)
