"""What goes wrong is one line on stderr that says what to do, a documented exit code, no data."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import pytest

from tests.cli.conftest import Command
from tests.serving import Serving
from tests.signals import handled
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.control.client import BenchLostError, Client
from vmedia_bench.control.names import is_live
from vmedia_bench.guest.vmm import Vmm


def one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--size", "640"), "1920x1080"),
        (("serve", "--size", "641x480"), "640x480"),
        (("serve", "--pixel-format", "H264"), "--pixel-format 'H264': not one of YUYV"),
        (("serve", "--set", "format=H264"), "--set format 'H264': not one of YUYV"),
        (("serve", "--set", "colour=red", "--fps", "500"), "--set colour"),
        (("serve", "--set", "zoom=2"), "--set zoom: not an option"),
        (("serve", "--backend", "file"), "--set path: has no default"),
        (("serve", "--pattern", "cat"), "smpte"),
        (("serve", "--fps", "500"), "fps"),
        (("serve", "--name", "front/left"), "--name 'front/left' cannot name a bench"),
        (("snapshot", "frame.bar"), "--raw"),
        (("serve", "--backend", "webcam"), "pattern"),
        (("serve", "--shmem-size", "100M"), "power of two"),
        (("serve", "--shmem-size", "lots"), "1G"),
        (("serve", "--pixel-format", "NV1"), "--pixel-format 'NV1': not one of YUYV"),
        (("serve", "--set", "fsp=30"), "--set fsp: not an option; there are pattern"),
        (("serve", "--set", "fps=500"), "--set fps 500"),
        (("serve", "--trace-bytes", "0"), "at least one byte"),
        (("serve", "--name", "my camera"), "letters, digits"),
        (("serve", "--fd", "3", "--socket-path", "vm.sock"), "choose one"),
        (("serve", "--card", "\udcff"), "not UTF-8"),
        (("serve", "--set", "card=\udcff"), "not UTF-8"),
        (("serve", "--socket-path", "\udcff"), "not UTF-8"),
        (("scenario", "run", "/dev/zero"), "no scenario"),
        (("guest", "stream", "--size", "99999999999x1"), "1920x1080"),
        (("guest", "stream", "--pixel-format", "YUYVY"), "four-character"),
        (("guest", "stream", "--fps", "nan"), "--fps nan"),
        (("guest", "stream", "--fps", "1e-300"), "--fps 1e-300"),
        (("guest", "stream", "--fps", "1e300"), "--fps 1e+300"),
        (("trace", "replay", "t.vmtrace", "--event-timeout", "nan"), "at most"),
        (("trace", "replay", "t.vmtrace", "--event-timeout", "1e300"), "at most"),
        (("vmm-args", "qemu", "--virtio-id", "99"), "1 to 63"),
        (("vmm-args", "qemu", "--memory", "2,share=off"), "such as 2G"),
        (("vmm-args", "qemu", "--memory", "0"), "such as 2G"),
        (("vmm-args", "qemu", "--name", "my camera"), "letters, digits"),
        (("vmm-args", "qemu", "--socket-path", "/tmp/a,b"), "comma"),
    ],
)
def test_a_value_that_does_not_exist_is_named_with_those_that_do(
    command: Command, arguments: tuple[str, ...], says: str
) -> None:
    result = command(*arguments)
    assert result.code == ExitCode.USAGE
    assert says in result.err
    assert one_line(result.err)
    assert result.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "--colour"), "--colour"),
        (("serve", "--poll-us", "many"), "serve --help"),
        (("nonsense",), "see vmedia-bench --help"),
        (("vmm-args", "xen"), "'qemu', 'crosvm', 'libkrun'"),
        (("guest", "stare"), "see vmedia-bench guest --help"),
        (("wait",), "no-session"),
        (("inject", "errno"), "--errno"),
    ],
)
def test_unknown_options_and_commands_are_exit_code_2(
    command: Command, arguments: tuple[str, ...], says: str
) -> None:
    result = command(*arguments)
    assert result.code == ExitCode.USAGE
    assert says in result.err
    assert one_line(result.err)
    assert result.out == ""


def test_a_file_to_serve_that_is_not_there_is_exit_code_5(command: Command) -> None:
    result = command("serve", "--backend", "file", "--set", "path=no.mkv")
    assert result.code == ExitCode.MISSING
    assert "--backend file: no.mkv: cannot be read: No such file or directory" in result.err
    assert one_line(result.err)
    assert result.out == ""


def test_a_noun_without_a_verb_is_answered_with_its_help(command: Command) -> None:
    result = command("inject")
    assert result.code == ExitCode.USAGE
    assert "refuse-map" in result.err
    assert result.err.startswith("Usage:")


@pytest.mark.parametrize("sub", ["probe", "stream"])
def test_a_socket_that_is_not_there_is_exit_code_3(
    command: Command, tmp_path: Path, sub: str
) -> None:
    result = command("guest", sub, "--socket", str(tmp_path / "none.sock"))
    assert result.code == ExitCode.UNREACHABLE
    assert "is the back-end running?" in result.err
    assert one_line(result.err)


@pytest.mark.parametrize("words", [("probe",), ("stream",), ("ioctl", "G_INPUT")])
def test_a_dead_socket_is_exit_code_3(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    result = command("guest", *words, "--socket", str(path))
    assert result.code == ExitCode.UNREACHABLE
    assert str(path) in result.err
    assert one_line(result.err)
    assert result.out == ""


def test_a_socket_in_use_is_exit_code_3_and_stays_in_use(command: Command, camera: Serving) -> None:
    result = command("serve", "--name", "other", "--socket-path", str(camera.socket))
    assert result.code == ExitCode.UNREACHABLE
    assert "another process listens" in result.err
    assert one_line(result.err)
    assert command("guest", "stream", "--socket", str(camera.socket), "--frames", "2").code == 0


def test_a_second_front_end_is_told_why_it_may_be_turned_away(
    command: Command, camera: Serving
) -> None:
    with Vmm.connect(camera.socket):
        result = command("guest", "stream", "--socket", str(camera.socket))
    assert result.code == ExitCode.PROTOCOL
    assert "does it serve another VM?" in result.err
    assert one_line(result.err)


def test_the_socket_of_a_vm_is_none_of_commands(command: Command, tmp_path: Path) -> None:
    result = command("status", "--bench", str(tmp_path / "cam7.vm.sock"))
    assert result.code == ExitCode.UNREACHABLE
    assert f"commands go to {tmp_path}/cam7.sock" in result.err


def test_a_name_in_use_is_exit_code_3(command: Command, camera: Serving, tmp_path: Path) -> None:
    assert camera.control.name == "cam0.sock"
    result = command("serve", "--socket-path", str(tmp_path / "other.sock"))
    assert result.code == ExitCode.UNREACHABLE
    assert "choose another --name" in result.err
    assert one_line(result.err)


def test_a_file_in_the_sockets_place_is_left_alone(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    result = command("serve", "--socket-path", str(path))
    assert result.code == ExitCode.UNREACHABLE
    assert "is not a socket" in result.err
    assert path.read_text() == "mine"


def test_a_missing_folder_is_exit_code_5(command: Command, tmp_path: Path) -> None:
    result = command("serve", "--socket-path", str(tmp_path / "no" / "vm.sock"))
    assert result.code == ExitCode.MISSING
    assert one_line(result.err)


def test_a_path_too_long_for_a_socket_is_exit_code_2(command: Command, tmp_path: Path) -> None:
    result = command("serve", "--socket-path", str(tmp_path / ("x" * 120)))
    assert result.code == ExitCode.USAGE
    assert "107 bytes" in result.err


def test_fd_that_is_no_socket_is_one_line(command: Command) -> None:
    read_end, write_end = os.pipe()
    result = command("serve", "--fd", str(read_end))
    os.close(write_end)
    assert result.code == ExitCode.UNREACHABLE
    assert "is not a" in result.err


def test_somebody_elses_runtime_folder_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vmedia-bench").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    result = command("serve")
    assert result.code == ExitCode.MISSING
    assert "belongs to another user" in result.err


def test_a_stale_socket_is_replaced_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "vm.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    with Serving(path) as serving:
        assert serving.process.poll() is None
    assert not path.exists()
    assert serving.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_ends_with_0_on_ctrl_c_sigterm_and_a_closed_terminal(
    tmp_path: Path, number: int
) -> None:
    with handled(number, signal.SIG_DFL):
        serving = Serving(tmp_path / "vm.sock")
    serving.process.send_signal(number)
    assert serving.process.wait(20) == 0
    assert "Traceback" not in serving.stop()
    assert not serving.socket.exists()
    assert not list((tmp_path / "vmedia-bench").iterdir())


def test_under_nohup_a_closed_terminal_ends_nothing(tmp_path: Path) -> None:
    with handled(signal.SIGHUP, signal.SIG_IGN):
        serving = Serving(tmp_path / "vm.sock")
    serving.process.send_signal(signal.SIGHUP)
    with Vmm.connect(serving.socket) as vmm:
        assert vmm.read_config()
    serving.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_leaves_no_bench(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "vmedia-bench"
    with handled(number, signal.SIG_DFL):
        demo = subprocess.Popen(
            [
                *(sys.executable, "-m", "vmedia_bench", "demo", "--frames", "100000"),
                *("--save", str(tmp_path / "frame.png")),
            ],
            env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    with Client.connect(str(_control_socket_in(folder))) as bench:
        bench.call("bench.wait", condition="streaming")
        demo.send_signal(number)
        assert demo.communicate(timeout=20)[0] == b""
        with pytest.raises(BenchLostError):
            bench.call("bench.status")
    assert demo.returncode == 128 + number
    assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.iterdir())


def _control_socket_in(folder: Path) -> Path:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in folder.glob("*.sock"):
            if is_live(path):
                return path
    raise AssertionError("the bench did not start")


@pytest.mark.parametrize("words", [("version",), ("backends",), ("doctor",)])
def test_output_that_finds_no_room_is_one_line(words: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = _program(*words, folder=tmp_path, stdout=full)
    assert (done.returncode, done.stderr) == (
        ExitCode.FAILURE,
        "vmedia-bench: cannot write the output: No space left on device\n",
    )


@pytest.mark.parametrize("words", ["version", "backends", "doctor", "scenario run -"])
def test_closed_streams_are_no_streams(words: str, tmp_path: Path) -> None:
    closed = f"exec {sys.executable} -m vmedia_bench {words} <&- >&- 2>&-"
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(["bash", "-c", closed], env=environment, check=False)
    assert done.returncode == (ExitCode.UNREACHABLE if "scenario" in words else ExitCode.OK)


def test_what_is_said_to_a_closed_stderr_is_not_said_elsewhere(tmp_path: Path) -> None:
    words = f"exec {sys.executable} -m vmedia_bench status --bench none 2>&-"
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(["bash", "-c", words], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (ExitCode.UNREACHABLE, b"")


def test_memory_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    limited = f"ulimit -v 4000000; exec {sys.executable} -m vmedia_bench serve --shmem-size 4G"
    done = subprocess.run(
        ["bash", "-c", limited],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.FAILURE
    assert "--shmem-size" in done.stderr
    assert one_line(done.stderr)


def test_no_place_for_sockets_is_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    result = command("serve")
    assert result.code == ExitCode.MISSING
    assert "file/vmedia-bench: Not a directory: set XDG_RUNTIME_DIR to" in result.err
    assert one_line(result.err)


def _program(*words: str, folder: Path, stdout: TextIO) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "vmedia_bench", *words],
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_ctrl_c_on_a_terminal_warns_first_when_a_vm_is_connected(tmp_path: Path) -> None:
    """QEMU aborts when its back-end ends, so one slip of the finger must not be enough."""
    terminal, stderr = pty.openpty()
    path = tmp_path / "vm.sock"
    command = [sys.executable, "-m", "vmedia_bench", "serve", "--socket-path", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr) as bench:
        log = os.fdopen(terminal, "rb")
        while b"listening on" not in log.readline():
            pass
        with Vmm.connect(path) as vmm:
            bench.send_signal(signal.SIGINT)
            while b"Ctrl-C again ends it" not in log.readline():
                pass
            assert vmm.read_config()
            bench.send_signal(signal.SIGINT)
            assert bench.wait(20) == 0
    os.close(stderr)
    log.close()


def test_ctrl_c_in_the_middle_of_a_stream_is_130_without_a_traceback(camera: Serving) -> None:
    stream = subprocess.Popen(
        [
            *(sys.executable, "-m", "vmedia_bench", "guest", "stream"),
            *("--socket", str(camera.socket), "--frames", "100000"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    camera.wait_for("device started")
    stream.send_signal(signal.SIGINT)
    out, err = stream.communicate(timeout=20)
    assert stream.returncode == ExitCode.INTERRUPTED
    assert (out, err) == ("", "")
    camera.wait_for("front-end left")


def test_an_ioctl_that_fails_is_exit_code_1(command: Command, camera: Serving) -> None:
    result = command("guest", "ioctl", "--socket", str(camera.socket), "G_FMT", "type=99")
    assert (result.code, result.err) == (ExitCode.FAILURE, "vmedia-bench: G_FMT: EINVAL\n")


def test_an_ioctl_of_which_only_the_answer_has_a_payload_is_sent(
    command: Command, camera: Serving
) -> None:
    result = command("guest", "ioctl", "--socket", str(camera.socket), "G_STD")
    assert (result.code, result.err) == (ExitCode.FAILURE, "vmedia-bench: G_STD: ENOTTY\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("G_FMD",), "G_FMT"),
        (("G_FMT", "typ=1"), "type"),
        (("G_FMT", "type"), "FIELD=VALUE"),
        (("G_FMT", "type=CAMERA"), "not a value"),
        (("G_CTRL", "value=99999999999"), "not a value"),
        (("G_FMT", "--hex", "xyz"), "--hex"),
        (("G_STD", "std=1"), "takes no fields"),
        (("G_FMT", "type=1", "--hex", "00"), "choose one"),
        (("99999999999",), "32 bits"),
    ],
)
def test_an_ioctl_that_cannot_be_built_says_what_can(
    command: Command, camera: Serving, words: tuple[str, ...], says: str
) -> None:
    result = command("guest", "ioctl", "--socket", str(camera.socket), *words)
    assert result.code == ExitCode.USAGE
    assert says in result.err
    assert one_line(result.err)


def test_a_png_that_cannot_be_written_is_exit_code_5(command: Command, camera: Serving) -> None:
    result = command(
        "guest",
        "stream",
        "--socket",
        str(camera.socket),
        "--frames",
        "1",
        "--save",
        "/nonexistent/f.png",
    )
    assert result.code == ExitCode.MISSING
    assert one_line(result.err)
