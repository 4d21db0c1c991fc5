"""Which bench a command talks to."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.serving import Serving
from vmedia_bench.cli.exit_codes import ExitCode

LINES = [
    "sessions",
    "status --all",
    "stop",
    "events --follow",
    "snapshot f.png",
    "wait ready --timeout 0.2",
]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Serving, Serving]]:
    with (
        Serving(tmp_path / "a.sock", "--name", "front") as front,
        Serving(tmp_path / "b.sock", "--name", "rear") as rear,
    ):
        yield front, rear


def test_of_several_one_has_to_be_named(
    command: Command, two: tuple[Serving, Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in LINES:
        result = command(*line.split())
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        assert "front, rear" in result.err
    assert "one with --bench" in command("guest", "probe").err
    assert command("status", "-q", "--bench", "rear").out == "rear\n"
    monkeypatch.setenv("VMEDIA_BENCH", "front")
    assert command("status", "-q").out == "front\n"
    assert command("status", "-q", "--all", "--bench", "rear").code == 0
    path = next(two[1].control.parent.glob("rear.sock"))
    assert command("status", "-q", "--bench", str(path)).out == "rear\n"


def test_one_that_does_not_run_is_said_with_those_that_do(
    command: Command, two: tuple[Serving, Serving]
) -> None:
    assert two
    for line in LINES:
        result = command(*line.split(), "--bench", "middle")
        assert (result.code, result.out) == (ExitCode.UNREACHABLE, "")
        assert "running: front, rear" in result.err


def test_without_any_it_is_said_how_to_start_one(command: Command) -> None:
    for line in LINES:
        result = command(*line.split())
        assert (result.code, result.out) == (ExitCode.UNREACHABLE, "")
        assert "vmedia-bench serve" in result.err
        assert result.err.count("\n") == 1


def test_a_socket_that_was_left_behind_is_no_bench(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "vmedia-bench" / "cam0.sock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert command("sessions").code == ExitCode.UNREACHABLE
    assert command("sessions", "--bench", "cam0").code == ExitCode.UNREACHABLE
    assert command("sessions", "--bench", str(path)).code == ExitCode.UNREACHABLE


@pytest.mark.parametrize("answer", [b"220 mail ready\n", b"[]\n", b'{"id": 1}\n'])
def test_who_does_not_speak_the_protocol_is_no_bench(
    command: Command, tmp_path: Path, answer: bytes
) -> None:
    path = tmp_path / "strange.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_answer, args=(listener, answer))
        thread.start()
        result = command("sessions", "--bench", str(path))
        thread.join()
    assert result.code == ExitCode.PROTOCOL
    assert str(path) in result.err
    assert result.err.count("\n") == 1


def _answer(listener: socket.socket, data: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(data)


def test_wait_waits_for_the_bench_itself(command: Command, tmp_path: Path) -> None:
    started: list[Serving] = []
    thread = threading.Thread(target=lambda: started.append(Serving(tmp_path / "vm.sock")))
    thread.start()
    try:
        assert command("wait", "listening", "--timeout", "30").code == 0
    finally:
        thread.join()
        started[0].stop()


def test_a_guest_finds_the_socket_of_the_bench_that_runs(
    command: Command, two: tuple[Serving, Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("guest", "ioctl", "G_INPUT").code == ExitCode.USAGE
    monkeypatch.setenv("VMEDIA_BENCH", "rear")
    assert command("guest", "ioctl", "G_INPUT").code == 0
    assert "connections 1" in command("status").out
    two[1].stop()
    monkeypatch.delenv("VMEDIA_BENCH")
    assert command("guest", "ioctl", "G_INPUT").code == 0
    assert "connections 1" in command("status", "--bench", "front").out


def test_vmm_args_are_those_of_the_bench_that_runs(
    command: Command, two: tuple[Serving, Serving]
) -> None:
    front, rear = two
    assert command("vmm-args", "crosvm").code == ExitCode.USAGE
    assert f"socket={rear.socket}\n" in command("vmm-args", "crosvm", "--bench", "rear").out
    assert f"socket={rear.socket}\n" in command("vmm-args", "crosvm", "--name", "rear").out
    assert "/cam7.vm.sock" in command("vmm-args", "crosvm", "--name", "cam7").out
    rear.stop()
    assert f"socket={front.socket}\n" in command("vmm-args", "crosvm").out
    assert "chardev=front," in command("vmm-args", "qemu", "--qemu", "no-such-qemu").out


def test_the_configuration_names_the_bench_for_the_guest_too(
    command: Command, two: tuple[Serving, Serving], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert two
    config = tmp_path / "config.toml"
    config.write_text('bench = "rear"\n')
    monkeypatch.setenv("VMEDIA_BENCH_CONFIG", str(config))
    assert command("guest", "ioctl", "G_INPUT").code == 0
    assert "connections 1" in command("status").out
    assert "/b.sock" in command("vmm-args", "crosvm").out
    assert command("guest", "ioctl", "G_INPUT", "--bench", "front").code == 0
    assert "connections 1" in command("status", "--bench", "front").out


def test_a_socket_given_as_a_relative_path_is_found_from_anywhere(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Serving(Path("vm.sock")) as bench:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(bench.socket.parent.absolute()))
        monkeypatch.chdir("elsewhere")
        assert command("guest", "ioctl", "G_INPUT").code == 0


def test_a_bench_on_a_descriptor_has_no_path_to_tell(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"name": "cam3", "socket": "fd 3"}
    monkeypatch.setattr("vmedia_bench.cli.asking.ask", lambda *_: told)
    for words in (("guest", "probe"), ("vmm-args", "crosvm")):
        result = command(*words)
        assert (result.code, result.out) == (ExitCode.USAGE, "")
        assert result.err == "vmedia-bench: cam3 listens on fd 3: give a path with --socket\n"
    assert command("vmm-args", "crosvm", "--socket", "/s").code == 0


def test_a_control_socket_that_is_not_there_is_said(command: Command, tmp_path: Path) -> None:
    for words in (("guest", "probe"), ("vmm-args", "crosvm")):
        result = command(*words, "--bench", str(tmp_path / "gone.sock"))
        assert (result.code, result.out) == (ExitCode.UNREACHABLE, "")
        assert "gone.sock" in result.err
