"""A command starts in a blink: what it does not need is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

HEAVY = ("textual", "numpy", "PIL", "construct", "msgspec")
LOOK = """
import sys
from pathlib import Path
from vmedia_bench.cli import run
code = run({words!r})
heavy = [name for name in {heavy!r} if name in sys.modules]
sys.exit(code or (f"imported: {{heavy}}" if heavy else 0))
"""


@pytest.mark.parametrize(
    "line", ["sessions", "status", "buffers", "faults list", "backends", "sessions --format json"]
)
@pytest.mark.usefixtures("ask")
def test_plain_reads_import_nothing_heavy_typer_neither(line: str) -> None:
    assert imported(line, (*HEAVY, "typer", "dataclasses", "platformdirs")) == ""


@pytest.mark.parametrize(
    "line",
    [
        "sessions --help",
        "wait ready",
        "inject errno --ioctl G_INPUT --errno EIO",
        "faults add --on event --do drop",
        "status --all",
        "commands --limit 3",
        "log",
        "version",
        "config-file",
    ],
)
@pytest.mark.usefixtures("ask")
def test_other_commands_import_what_they_need(line: str) -> None:
    assert imported(line, HEAVY) == ""


def imported(line: str, heavy: tuple[str, ...]) -> str:
    """What of `heavy` a command line imports, and whatever else it has to complain of."""
    code = LOOK.format(words=line.split(), heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def test_the_program_says_what_the_function_says(ask: Command) -> None:
    program = Path(sys.executable).with_name("vmedia-bench")
    done = subprocess.run([program, "sessions", "-q"], capture_output=True, text=True, check=False)
    assert done.stdout == ask("sessions", "-q").out == "1\n2\n3\n"
