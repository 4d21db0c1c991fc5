"""Following what happens, and how it ends."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.streaming_guest import StreamingGuest
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.control.client import Client

PROGRAMS = Path(sys.executable).parent
LIMIT = 500


def followed(line: str) -> "subprocess.Popen[str]":
    """A command in another terminal."""
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    return subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", f"exec {line}" if "|" not in line else line],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: "subprocess.Popen[str]", guest: StreamingGuest) -> str:
    """Let the guest act until the command has said something."""
    assert process.stdout is not None
    for _ in range(LIMIT):
        guest.take(1)
        if select.select([process.stdout], [], [], 0)[0]:
            return process.stdout.readline()
    raise AssertionError("nothing was told")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("vmedia-bench commands --follow --format jsonl", "QBUF"),
        ("vmedia-bench events --follow --format jsonl --session 3", "DQBUF"),
        ("vmedia-bench commands -f --filter ioctl==QBUF --format jsonl", "QBUF"),
    ],
)
def test_what_happens_is_told_until_ctrl_c(guest: StreamingGuest, line: str, name: str) -> None:
    with followed(line) as process:
        assert json.loads(first_line(process, guest))["name"] == name
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        assert (process.returncode, said) == (ExitCode.INTERRUPTED, "")


def test_for_people_there_is_a_head_and_a_line_each(guest: StreamingGuest) -> None:
    with followed("vmedia-bench commands --follow") as process:
        assert "status" in first_line(process, guest)
        assert "QBUF" in first_line(process, guest)
        process.terminate()


def test_a_closed_pipe_ends_it_silently(guest: StreamingGuest) -> None:
    with followed("vmedia-bench events --follow --format jsonl | head -n 1") as process:
        for _ in range(LIMIT):
            if process.poll() is not None:
                break
            guest.take(1)
        out, said = process.communicate(timeout=10)
        assert (process.returncode, said) == (0, "")
        assert json.loads(out)["kind"] == "event"


def test_sessions_that_come_and_go_are_events(guest: StreamingGuest) -> None:
    with followed("vmedia-bench events --follow") as process:
        first_line(process, guest)
        guest.driver.open().close()
        assert process.stdout is not None
        for line in process.stdout:
            if "session 4 closed" in line or ("closed" in line and "4" in line):
                break
        process.terminate()


def test_the_end_of_the_bench_ends_it_too(guest: StreamingGuest, command: Command) -> None:
    with followed("vmedia-bench events --follow") as process:
        first_line(process, guest)
        assert command("stop", "--force").code == 0
        _, said = process.communicate(timeout=10)
        assert process.returncode == ExitCode.UNREACHABLE
        assert "has ended" in said


def test_the_log_is_followed(guest: StreamingGuest) -> None:
    with followed("vmedia-bench log --follow --format jsonl") as process:
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout)
        assert any("listening on" in line["text"] for line in lines)
        guest.vmm.close()
        assert any("front-end left" in line["text"] for line in lines)
        process.terminate()


def test_losses_are_told(command: Command, guest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guest.session.id == 3
    batch = {"topic": "command", "items": [], "lost": 7}
    monkeypatch.setattr(Client, "follow", lambda *_args, **_named: iter([batch]))
    result = command("commands", "--follow")
    assert "7 of topic command were lost" in result.err
    assert result.code == 0
