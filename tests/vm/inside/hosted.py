"""A bench on one device, in a process of its own."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

from tests.vm.inside import hosting

END_LIMIT_S = 20

# To start another Python takes seconds in the emulated machine, to fork one does not.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["pytest", hosting.__name__])


class Hosted:
    """
    A bench that logs to a file.

    `device` is a path, a card name or a bus, `options` are texts such as "zero_copy=no".
    """

    def __init__(self, folder: Path, device: str, options: tuple[str, ...]) -> None:
        self.socket = folder / "vm.sock"
        self.log = folder / "log"
        given = dict(option.split("=", 1) for option in options)
        self._process = _FORKS.Process(
            target=_host, args=(self.socket, self.log, {"device": device, **given})
        )
        self._process.start()
        # The socket file is there a moment before anybody can connect.
        while "listening on" not in self.text():
            assert self._process.is_alive(), self.text()
            os.sched_yield()

    @property
    def pid(self) -> int:
        """The process's ID."""
        assert self._process.pid is not None
        return self._process.pid

    def text(self) -> str:
        """What it logged."""
        return self.log.read_text() if self.log.exists() else ""

    def end(self) -> None:
        """Stop it as an operator does."""
        os.kill(self.pid, signal.SIGINT)
        self._process.join(END_LIMIT_S)
        assert self._process.exitcode == 0, self.text()
        assert "Traceback" not in self.text(), self.text()


def _host(socket: Path, log: Path, options: dict[str, str]) -> None:
    with log.open("w", buffering=1) as said:
        sys.stderr = said
        hosting.run(socket, options)
