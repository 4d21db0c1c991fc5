"""The control socket is private, replaces a dead one, and respects a living one."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.bench import Bench
from vmedia_bench.control.client import Client
from vmedia_bench.control.server.listening import (
    ControlSocketError,
    listen,
    own_control_socket,
    peer_uid,
)


def test_socket_and_folder_are_for_this_user_alone(folder: Path) -> None:
    with listen(own_control_socket("cam0")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "cam0.sock").stat().st_mode) == 0o600


def test_a_stale_socket_is_replaced(folder: Path) -> None:
    path = own_control_socket("cam0")
    listen(path).close()
    assert path.exists()
    with listen(path) as sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        sock.accept()[0].close()


def test_a_bench_of_the_same_name_is_an_error_that_says_so(folder: Path) -> None:
    path = own_control_socket("cam0")
    with (
        listen(path),
        pytest.raises(ControlSocketError, match=r"a bench called cam0 runs already.*--name"),
    ):
        listen(path)


def test_a_file_in_the_way_is_left_alone(folder: Path) -> None:
    path = own_control_socket("cam0")
    path.write_text("mine")
    with pytest.raises(ControlSocketError, match="not a socket"):
        listen(path)
    assert path.read_text() == "mine"


def test_a_folder_open_to_others_is_refused(folder: Path) -> None:
    path = own_control_socket("cam0")
    folder.chmod(0o711)
    with pytest.raises(ControlSocketError, match="0700"):
        listen(path)


def test_a_path_that_is_too_long_names_the_way_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / ("x" * 120)))
    with pytest.raises(ControlSocketError, match="XDG_RUNTIME_DIR"):
        listen(own_control_socket("cam0"))


def test_an_impossible_name_is_refused(folder: Path) -> None:
    with pytest.raises(ControlSocketError, match="cannot name a bench"):
        own_control_socket("../cam0")


def test_the_kernel_says_who_is_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()


def test_a_second_bench_of_the_name_says_so_and_ends(bench: Bench, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vmedia_bench", "serve", "--socket-path"]
    ended = subprocess.run(
        [*command, str(tmp_path / "vm.sock")],
        env=os.environ | {"XDG_RUNTIME_DIR": str(bench.socket.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 3
    assert "a bench called cam0 runs already" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "vm.sock").exists()
    with Client.connect(str(bench.control)) as client:
        assert client.call("bench.status")["name"] == "cam0"


def test_the_socket_goes_with_the_bench(tmp_path: Path) -> None:
    with Bench(tmp_path / "vm.sock", "--name", "gone-soon") as bench:
        control = bench.control
        assert control.name == "gone-soon.sock"
        bench.stop()
        assert not control.exists()
