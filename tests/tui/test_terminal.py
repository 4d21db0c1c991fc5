"""The workbench as a user starts it: on a terminal of its own, with a bench and a guest."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vmedia_bench.control.names import running_benches

LIMIT_S = 120.0


class Terminal:
    """A pseudo-terminal with a command in it; `own`: the command gets SIGHUP when it goes."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], *, own: bool = False
    ) -> None:
        self._fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
        command = [sys.executable, "-m", "vmedia_bench", *arguments]
        if own:
            # The first that a session's leader opens becomes its own.
            command = ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(other), *command]
        self.process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment,
            start_new_session=True,
        )
        os.close(other)
        self.text = ""

    def wait_for(self, pattern: str) -> None:
        """Read until what was written so far, without escape codes, fits."""
        limit = time.monotonic() + LIMIT_S
        while not re.search(pattern, self.text):
            assert time.monotonic() < limit, f"{pattern!r} did not come: {self.text[-2000:]}"
            if select.select([self._fd], [], [], 1.0)[0]:
                try:
                    data = os.read(self._fd, 65_536)
                except OSError:
                    data = b""
                assert data or re.search(pattern, self.text), f"ended: {self.text[-2000:]}"
                shown = data.decode(errors="replace")
                self.text += re.sub(r"\x1b\[[0-9;?=<>:]*[a-zA-Z]", "", shown)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.text = ""
        self.send(keys.encode())

    def send(self, data: bytes) -> None:
        """Have bytes come as if typed."""
        os.write(self._fd, data)

    def hang_up(self) -> int:
        """Take the terminal away; gives the command's exit code."""
        os.close(self._fd)
        self._fd = os.open(os.devnull, os.O_RDONLY)
        return self.process.wait(LIMIT_S)

    def wait(self) -> int:
        """Read until the command ends; gives its exit code."""
        self._read_until(lambda: self.process.poll() is not None)
        return self.process.returncode

    def wait_until_stopped(self) -> None:
        """Read until a signal has stopped the command."""
        self._read_until(lambda: os.waitpid(self.process.pid, os.WNOHANG | os.WUNTRACED)[0] > 0)
        assert self.process.poll() is None

    def _read_until(self, done: Callable[[], bool]) -> None:
        limit = time.monotonic() + LIMIT_S
        while not done():
            assert time.monotonic() < limit, "it does not end"
            if select.select([self._fd], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    os.read(self._fd, 65_536)

    def close(self) -> None:
        """End the command, if it has not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._fd)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("VMEDIA_BENCH", raising=False)
    return dict(os.environ)


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(["tui", "--demo"], environment)
    yield terminal
    terminal.close()


def test_the_demo_streams_and_leaves_nothing_behind(demo: Terminal, tmp_path: Path) -> None:
    demo.wait_for("● ready")
    demo.wait_for("● streaming")
    demo.wait_for("▀")
    demo.type("4")
    demo.wait_for("QBUF")
    demo.type("?")
    demo.wait_for("Keys everywhere")
    demo.type("\x1b")
    demo.wait_for("following")
    demo.type("q")
    assert demo.wait() == 0
    assert running_benches() == []
    assert (tmp_path / "vmedia-bench" / "tui.json").exists()


def test_bytes_that_are_no_text_do_no_harm(demo: Terminal) -> None:
    demo.wait_for("● streaming")
    demo.send(b"\xff\xfe\xc3")
    demo.type("8")
    demo.wait_for("Guest memory")
    demo.type("q")
    assert demo.wait() == 0


def test_it_is_stopped_and_goes_on(demo: Terminal) -> None:
    demo.wait_for("● streaming")
    demo.process.send_signal(signal.SIGTSTP)
    demo.wait_until_stopped()
    demo.process.send_signal(signal.SIGCONT)
    demo.type("8")
    demo.wait_for("Guest memory")
    demo.type("q")
    assert demo.wait() == 0


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("words", "shows"), [("--backend pattern", "○ waiting"), ("--demo", "● streaming")]
)
def test_it_ends_with_its_terminal(
    environment: dict[str, str], tmp_path: Path, own: bool, words: str, shows: str
) -> None:
    opened = Terminal(["tui", *words.split()], environment, own=own)
    with contextlib.closing(opened) as terminal:
        terminal.wait_for(shows)
        assert terminal.hang_up() == 128 + signal.SIGHUP
    assert running_benches() == []
    assert (tmp_path / "vmedia-bench" / "tui.json").exists()


def test_without_a_terminal_it_says_so(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vmedia_bench", "tui"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "vmedia-bench: the workbench needs a terminal\n"


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        ("--key nonsense", "not ACTION=KEY", 2),
        ("--key app.fly=f9", "no such action; there are", 2),
        ("--theme sunset", "no such theme; there are vmedia-dark", 2),
        ("--demo --name my.camera", "cannot name a bench", 2),
        ("--demo --bench nobody", "no bench nobody runs", 3),
        ("--backend nonsense", "nonsense", 2),
        ("--backend file --set path=/nobody/has.png", "No such file", 5),
    ],
)
def test_what_is_wished_is_checked(
    words: str, message: str, code: int, environment: dict[str, str]
) -> None:
    terminal = Terminal(["tui", *words.split()], environment)
    terminal.wait_for(message)
    assert terminal.wait() == code
    assert "Traceback" not in terminal.text
    terminal.close()
