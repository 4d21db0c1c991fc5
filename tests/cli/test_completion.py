"""What the shell completes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import Serving

PATIENT = "from vmedia_bench.cli import completion; completion.ASK_LIMIT_S = 60; "


def completed(*words: str, patient: str = PATIENT) -> list[str]:
    """What bash offers for the last of these words, however busy the machine is."""
    done = subprocess.run(
        [sys.executable, "-c", f"{patient}from vmedia_bench.cli import main; main()"],
        env=os.environ
        | {
            "_VMEDIA_BENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(("vmedia-bench", *words)),
            "COMP_CWORD": str(len(words)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("session", "show", ""), ["1", "2", "3"]),
        (("inject-error", "--session", ""), ["1", "2", "3"]),
        (("buffers", "--session", "3"), ["3"]),
        (("backend", "use", "pat"), ["pattern"]),
        (("backend", "show", "pat"), ["pattern"]),
        (("controls", "get", "bri"), ["brightness"]),
        (("inject", "preset", "qbuf"), ["qbuf-error"]),
        (("status", "--bench", ""), ["cam0"]),
    ],
)
@pytest.mark.usefixtures("ask")
def test_what_the_running_bench_knows(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("inject-error", "--errno", "EIO"), ["EIO"]),
        (("inject", "errno", "--ioctl", "REQ"), ["REQBUFS"]),
        (("inject", "errno", "--ioctl", "VIDIOC_REQ"), ["VIDIOC_REQBUFS"]),
        (("guest", "ioctl", "REQ"), ["REQBUFS"]),
        (("faults", "add", "--event", "D"), ["DQBUF"]),
        (("faults", "add", "--flags", "LA"), ["LAST"]),
        (("serve", "--backend", "pat"), ["pattern"]),
        (("wait", "stre"), ["streaming"]),
        (("trace", "export", "--as", "pc"), ["pcapng"]),
        (("sess",), ["sessions", "session"]),
    ],
)
def test_what_is_fixed_needs_no_bench(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_without_a_bench_completion_is_silent() -> None:
    assert completed("session", "show", "") == []


def test_a_bench_that_does_not_answer_holds_the_shell_up_for_a_moment_only(
    camera: Serving,
) -> None:
    camera.process.send_signal(signal.SIGSTOP)
    try:
        assert completed("session", "show", "", patient="") == []
    finally:
        camera.process.send_signal(signal.SIGCONT)


def test_the_script_that_teaches_the_shell() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{Path(sys.executable).with_name('vmedia-bench')} --show-completion; true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_VMEDIA_BENCH_COMPLETE=complete_bash" in done.stdout
    assert done.stderr == ""
