"""A bench process under observation: its log is always read, its descriptors can be counted."""

import subprocess
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from tests.serving import STOP_LIMIT_S, Serving

LOG_LIMIT_S = 20
FRONT_END_LEFT = "front-end left"
GUEST_MEMORY = "/memfd:guest-ram (deleted)"


class Bench(Serving):
    """
    As Serving, but its log is drained by a thread, so that a chatty bench never blocks on it.

    `wait_for` looks at the lines that it has not looked at before.
    """

    def __init__(self, socket: Path, *options: str) -> None:
        self._news = Condition()
        self._ended = False
        self._looked_at = 0
        self._reader: Thread | None = None
        super().__init__(socket, *options)

    def wait_for(self, text: str) -> str:
        """The next line of the log that holds `text`, waiting for it. AssertionError: none came."""
        if self._reader is None:
            self._reader = Thread(target=self._read, daemon=True)
            self._reader.start()
        with self._news:
            while True:
                for at in range(self._looked_at, len(self.lines)):
                    if text in self.lines[at]:
                        self._looked_at = at + 1
                        return self.lines[at]
                self._looked_at = len(self.lines)
                if self._ended or not self._news.wait(LOG_LIMIT_S):
                    raise AssertionError(f"the bench never said {text!r}: {self.lines[-20:]}")

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def mark(self) -> None:
        """Let `wait_for` look only at what is said from now on."""
        with self._news:
            self._looked_at = len(self.lines)

    def departed(self) -> None:
        """Wait until the bench has parted with the front-end that was there at the last look."""
        self.wait_for(FRONT_END_LEFT)

    def stop(self) -> str:
        """End it as Ctrl-C does; gives its whole log."""
        if self.process.poll() is None:
            self.process.send_signal(2)
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if self._reader is not None:
            self._reader.join(STOP_LIMIT_S)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return "\n".join(self.lines)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def open_files(self) -> list[str]:
        """What its file descriptors are, sorted: equal lists mean that none has leaked."""
        found = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            target = str(entry.readlink())
            # Numbers of sockets and pipes differ from one to the next.
            found.append(target.partition(":[")[0])
        return sorted(found)

    def threads(self) -> int:
        """How many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def footprint(self) -> tuple[list[str], int]:
        """File descriptors and threads, once it has parted with its guest."""
        end = monotonic() + STOP_LIMIT_S
        before: list[str] = []
        while (files := self.open_files()) != before or GUEST_MEMORY in files:
            assert monotonic() < end, f"still open: {files}"
            before = files
        return files, self.threads()

    def private_bytes(self) -> int:
        """Resident memory that it shares with nobody through files (RssAnon), in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel tells no RssAnon")


def complaints(log: list[str]) -> list[str]:
    """Lines of a bench's log that mean a mistake of the bench itself."""
    marks = ("Traceback", "failed at frame", "broke the device", "Exception in callback", "Error:")
    return [line for line in log if any(mark in line for mark in marks)]
