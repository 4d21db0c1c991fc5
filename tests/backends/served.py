"""A bench of any backend in a process of its own, and guests that use it over its socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from tests.end_to_end.bench import Bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm

PROGRAM = """
import json, logging, sys
from pathlib import Path
from vmedia_bench.backends import BACKENDS
from vmedia_bench.bench import BenchSettings, run_bench

logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
name, socket, options = sys.argv[1:]
source = BACKENDS[name].build_from_text(json.loads(options))
run_bench(source, BenchSettings(socket_path=Path(socket)))
"""
GUEST_MEMORY = 64 << 20


class Served(Bench):
    """A bench over the backend `name` with options as text, from "listening" until it stops."""

    def __init__(self, socket: Path, name: str, **options: str) -> None:
        self.socket = socket
        self._news = Condition()
        self._ended = False
        self._looked_at = 0
        self._reader: Thread | None = None
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, name, str(socket), json.dumps(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Its control socket is its own, whatever other benches are called.
            env={**os.environ, "XDG_RUNTIME_DIR": str(socket.parent)},
        )
        self.wait_for("listening on")

    @property
    def control(self) -> Path:
        """Its control socket."""
        return self.socket.parent / "vmedia-bench" / "cam0.sock"


def helpers(pid: int) -> list[int]:
    """The child processes of a bench, whichever of its threads made them."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


@contextmanager
def driver_of(bench: Bench, **settings: Any) -> Iterator[Driver]:
    """A driver on a VMM of its own; what the bench did that kills VMMs fails the test."""
    bench.mark()
    with Vmm.connect(bench.socket, memory_size=GUEST_MEMORY, **settings) as vmm:
        driver = Driver(vmm)
        yield driver
        assert vmm.violations == []
        assert driver.strays == []
    bench.departed()


@contextmanager
def session_of(bench: Bench, **settings: Any) -> Iterator[Session]:
    """A session of a driver of its own."""
    with driver_of(bench, **settings) as driver, driver.open() as session:
        yield session
