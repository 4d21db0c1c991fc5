"""Processes that the workbench starts: a bench where none runs, and the built-in guest."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from vmedia_bench.control.client import BenchError, Client
from vmedia_bench.control.names import control_socket, is_live
from vmedia_bench.control.operations.bench import Condition

START_LIMIT_S = 60.0
END_LIMIT_S = 10.0
FOR_GOOD = 2_000_000_000
"""Frames: more than a year at 60 a second."""


class StartError(Exception):
    """It did not start; the message is the last line it said, `status` its exit code."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


class Helper:
    """A process of ours. What it says goes to a file, read when it ends badly."""

    def __init__(self, arguments: Sequence[str], *, own_session: bool = False) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vmedia_bench", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=own_session,
        )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def last_line(self) -> str:
        """The last line it said."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("vmedia-bench: ") if lines else ""

    def forget(self) -> None:
        """Leave it running, whatever becomes of us: it is ended by the control API."""
        self._log.close()

    def stop(self) -> None:
        """End it, gently first."""
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(OSError):
            self._log.close()


def start_bench(name: str, options: Sequence[str]) -> Helper:
    """A bench in a process and session of its own; returns when a VM may come.

    StartError when it ends before that.
    """
    bench = Helper(["serve", "--name", name, *options], own_session=True)
    limit = time.monotonic() + START_LIMIT_S
    path = control_socket(name)
    while bench.running and time.monotonic() < limit:
        if is_live(path) and _listens(path):
            return bench
        time.sleep(0.02)
    reason, status = bench.last_line or "the bench did not start", bench.process.poll()
    bench.stop()
    raise StartError(reason, status)


def _listens(path: Path) -> bool:
    """Whether a bench that answers has its vhost-user socket, too."""
    try:
        with Client.connect(str(path)) as client:
            client.call("bench.wait", condition=Condition.LISTENING, timeout_s=START_LIMIT_S)
    except BenchError:
        return False
    return True


def start_guest(socket: str | Path) -> Helper:
    """The built-in guest, streaming from a bench's vhost-user socket until it is stopped."""
    return Helper(["guest", "stream", "--socket", str(socket), "--frames", str(FOR_GOOD)])
