"""Colour on a terminal only, tables, and amounts."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Result
from tests.cli.streaming_guest import StreamingGuest
from tests.serving import Serving
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.table import pairs, table
from vmedia_bench.cli.views.amounts import duration, rate, size
from vmedia_bench.control.client import Client

PROGRAM = str(Path(sys.executable).with_name("vmedia-bench"))


def on_a_terminal(*words: str, **environment: str) -> str:
    """What a command prints on a terminal of its own."""
    parent, child = pty.openpty()
    done = subprocess.run(
        [PROGRAM, *words],
        env=os.environ | {"TERM": "xterm"} | environment,
        stdin=child,
        stdout=child,
        stderr=child,
        check=False,
    )
    os.close(child)
    with os.fdopen(parent, "rb", closefd=True) as terminal:
        said = os.read(terminal.fileno(), 1 << 16).decode()
    assert done.returncode == 0, said
    return said


def test_colour_comes_on_a_terminal_and_adds_to_the_word(guest: StreamingGuest) -> None:
    assert guest.session.id == 3
    assert "\x1b[32mstreaming" in on_a_terminal("sessions")
    plain = on_a_terminal("sessions", NO_COLOR="1")
    assert "streaming" in plain
    assert "\x1b" not in plain
    assert "\x1b" not in on_a_terminal("sessions", TERM="dumb")
    assert "\x1b" not in on_a_terminal("sessions", "--format", "json")


def test_ctrl_c_while_waiting_is_exit_code_130_and_silent(
    command: Command, camera: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert camera.process.poll() is None
    monkeypatch.setattr(Client, "call", pressed)
    for line in ("wait paused", "sessions", "status --all"):
        assert command(*line.split()) == Result(ExitCode.INTERRUPTED, "", "")


def test_columns_of_figures_stand_right_and_words_left() -> None:
    text = table(("name", "count"), [("a", "1"), ("bb", "22"), ("c", "-")])
    assert text.splitlines() == ["name  count", "a         1", "bb       22", "c         -"]


def test_what_a_guest_names_reaches_no_terminal_as_it_is() -> None:
    assert "\x1b" not in table(("name",), [("\x1b[31mred",)])
    assert "\x1b" not in pairs([("card", "bad\x1b]0;title\x07")])
    assert "\\x1b" in pairs([("card", "bad\x1b]0;title\x07")])


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 30, "1 GiB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (59.96, "60.0 s"), (245, "4 min 5 s"), (7380, "2 h 3 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_rates() -> None:
    assert [rate(fps) for fps in (0, 30, 29.97, 59.94006)] == ["-", "30", "29.97", "59.94"]
