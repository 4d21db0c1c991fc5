"""The workbench from end to end as an operator has it: in tmux, beside the bench and a guest."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vmedia_bench.control.client import Client
from vmedia_bench.control.names import running_benches

LIMIT_S = 120.0
POLL_S = 0.05
SMALL, LARGE = (80, 24), (160, 45)


class Window:
    """A window of tmux with a shell in it."""

    def __init__(self, tmux: "Tmux", name: str) -> None:
        self._tmux = tmux
        self._name = name

    @property
    def screen(self) -> str:
        """What is on it now, long lines in one piece."""
        return self._tmux.do("capture-pane", "-p", "-J", "-t", self._name)

    def until_seen(self, *patterns: str) -> str:
        """Wait until all are on screen at once; gives the screen."""
        limit = time.monotonic() + LIMIT_S
        while True:
            screen = self.screen
            missing = [each for each in patterns if not re.search(each, screen)]
            if not missing:
                return screen
            assert time.monotonic() < limit, f"{missing} did not come:\n{screen}"
            time.sleep(POLL_S)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux.do("send-keys", "-t", self._name, *keys)

    def run(self, line: str) -> str:
        """Type a command line; gives what `until_ended` takes."""
        channel = f"{self._name}-{time.monotonic_ns()}"
        self._tmux.do("send-keys", "-t", self._name, "-l", f"{line}; tmux wait-for -S {channel}")
        self.press("Enter")
        return channel

    def resize(self, width: int, height: int) -> None:
        """Give it another size."""
        self._tmux.do("resize-window", "-t", self._name, "-x", str(width), "-y", str(height))


class Tmux:
    """A tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("tmux")
        if program is None:
            pytest.skip("there is no tmux: apt install tmux")
        self._words = (program, "-u", "-S", str(folder / "tmux"), "-f", "/dev/null")
        self._settings = folder / "shell"
        self._settings.write_text(
            f"PS1='$ '\nalias vmedia-bench='{sys.executable} -m vmedia_bench'"
        )
        self._windows = 0

    def do(self, *words: str) -> str:
        """One command of tmux; gives what it printed."""
        # Python's readline leaves the size of its own terminal in the environment: not for us.
        return subprocess.run(
            (*self._words, *words),
            check=True,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
        ).stdout

    def open(self, name: str, size: tuple[int, int] = SMALL) -> Window:
        """A window with a shell that has come up."""
        self.do(
            *("new-session", "-d", "-s", name, "-x", str(size[0]), "-y", str(size[1])),
            *("env", f"ENV={self._settings}", "sh"),
        )
        window = Window(self, name)
        window.until_seen(r"\$")
        return window

    def until_ended(self, channel: str) -> None:
        """Wait until a command line has ended."""
        self.do("wait-for", channel)

    def close(self) -> None:
        """Close all windows, whatever runs in them."""
        subprocess.run((*self._words, "kill-server"), check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tmux]:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLORTERM", "truecolor")
    for name in ("VMEDIA_BENCH", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    server = Tmux(tmp_path)
    yield server
    server.close()
    for bench in running_benches():
        with Client.connect(bench) as client:
            client.call("bench.shutdown", force=True)


def until(holds: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < limit, what
        time.sleep(POLL_S)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_demo_streams_loses_its_guest_to_an_error_and_ends_with_q(
    tmux: Tmux, size: tuple[int, int]
) -> None:
    window = tmux.open("workbench", size)
    command = window.run("vmedia-bench tui --demo")
    window.until_seen("● ready", "● streaming", "▀▀▀", "click or p: probe a pixel")
    window.press("4")
    window.until_seen("IOCTL  QBUF +✓", "● following")
    window.press("e")
    window.until_seen("Fail a session with EVT_ERROR", "EVT_ERROR goes to session 1")
    window.press("y")
    window.until_seen("✖ gone", "EVENT ERROR +✖ EIO", "front-end left", "No session is open")
    window.press("d")
    window.until_seen("● ready", "2 .*● streaming", "IOCTL  QBUF +✓")
    window.press("q")
    tmux.until_ended(command)
    screen = window.until_seen(r"\$\s*$")
    assert "streaming" not in screen
    assert "runs on" not in screen
    assert running_benches() == []


def test_it_follows_the_size_of_its_window(tmux: Tmux) -> None:
    window = tmux.open("workbench", LARGE)
    command = window.run("vmedia-bench tui --demo")
    window.until_seen("vmedia-bench · cam0", "╭─ Buffers", "╭─ Preview", "● streaming")
    window.resize(*SMALL)
    window.until_seen("1 Sess 2 Bufs 3 View", "─Preview", "● streaming")
    window.resize(70, 20)
    window.until_seen("needs 80x24 cells", "has 70x20")
    window.resize(*LARGE)
    window.until_seen("╭─ Buffers", "╭─ Preview", "● streaming")
    window.press("q")
    tmux.until_ended(command)


def test_an_error_from_the_workbench_is_seen_by_the_guest_and_the_bench_goes_on(
    tmux: Tmux,
) -> None:
    bench = tmux.open("bench")
    served = bench.run("vmedia-bench serve --size 320x240")
    bench.until_seen("cam0.vm.sock")
    guest = tmux.open("guest")
    streamed = guest.run("vmedia-bench guest stream --frames 1000000; echo exit code $?")
    workbench = tmux.open("workbench")
    looked = workbench.run("vmedia-bench tui")
    workbench.until_seen("● ready", "● streaming")
    workbench.press("e")
    workbench.until_seen("EVT_ERROR goes to session 1")
    workbench.press("y")
    tmux.until_ended(streamed)
    guest.until_seen("back-end ended the session with EIO", "exit code 4")
    workbench.until_seen("✖ gone", "No session is open")
    workbench.press("q")
    tmux.until_ended(looked)
    screen = workbench.until_seen("The bench cam0 runs on; stop it with: ")
    assert running_benches() == ["cam0"]
    tmux.until_ended(workbench.run(screen.split("stop it with: ")[1].splitlines()[0]))
    tmux.until_ended(served)
    assert running_benches() == []


def test_a_bench_with_a_vm_outlives_the_workbench_that_started_it(
    tmux: Tmux, tmp_path: Path
) -> None:
    workbench = tmux.open("workbench", LARGE)
    looked = workbench.run(f"vmedia-bench tui --socket {tmp_path}/vm.sock --name lens")
    workbench.until_seen("Waiting for a VM", "--vhost-user type=media", "libkrun")
    guest = tmux.open("guest")
    streamed = guest.run(
        f"vmedia-bench guest stream --socket {tmp_path}/vm.sock --frames 1000000; echo exit code $?"
    )
    workbench.until_seen("● ready", "● streaming")
    workbench.press("q")
    tmux.until_ended(looked)
    screen = workbench.until_seen("The bench lens runs on, with a VM connected", "--force")
    with Client.connect("lens") as client:
        client.call("bench.wait", condition="frames", count=2, timeout_s=LIMIT_S)
    tmux.until_ended(workbench.run(screen.split("stop it with: ")[1].splitlines()[0]))
    tmux.until_ended(streamed)
    guest.until_seen("exit code 4")
    assert running_benches() == []


def test_a_terminal_that_closes_takes_the_demo_with_it(tmux: Tmux, tmp_path: Path) -> None:
    window = tmux.open("workbench")
    window.run("vmedia-bench tui --demo")
    window.until_seen("● streaming", "▀▀▀")
    window.press("l")
    window.until_seen("─Log")
    tmux.close()
    until(lambda: running_benches() == [], "the bench runs on")
    kept = tmp_path / "vmedia-bench" / "tui.json"
    until(kept.exists, "what was on screen is not remembered")
    assert '"log"' in kept.read_text()
