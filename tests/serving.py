"""A bench in a process of its own, as users start it."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_LIMIT_S = 20


class Serving:
    """`vmedia-bench serve` on a socket, from "listening" until it is told to stop."""

    module = "vmedia_bench"
    """What Python runs."""

    def __init__(self, socket: Path, *options: str) -> None:
        self.socket = socket
        command = [
            sys.executable,
            "-m",
            self.module,
            "serve",
            "--socket-path",
            str(socket),
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            # Each has its control socket beside its VM socket, where no other bench is.
            env=os.environ | {"XDG_RUNTIME_DIR": str(socket.parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.wait_for("listening on")

    def wait_for(self, text: str) -> str:
        """Read the bench's log until a line holds `text`; gives that line."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if text in line:
                return line.rstrip()
        raise AssertionError(f"the bench ended before it said {text!r}: " + "\n".join(self.lines))

    @property
    def control(self) -> Path:
        """Its control socket."""
        return next((self.socket.parent / "vmedia-bench").glob("*.sock"))

    @property
    def pid(self) -> int:
        """The process's ID."""
        return self.process.pid

    def stop(self) -> str:
        """End it as Ctrl-C does; gives the rest of its log."""
        if self.process.poll() is None:
            self.process.send_signal(2)
        try:
            _, rest = self.process.communicate(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.lines.extend(rest.splitlines())
        return "\n".join(self.lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
