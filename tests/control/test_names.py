"""Where sockets are, and which benches run."""

import os
import socket
import stat
from pathlib import Path

import pytest

from vmedia_bench.control import names


def listening(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    sock.listen()
    return sock


def test_sockets_are_named_after_the_bench(folder: Path) -> None:
    assert names.control_socket("cam0") == folder / "cam0.sock"
    assert names.vm_socket("cam0") == folder / "cam0.vm.sock"


def test_without_a_runtime_folder_there_is_one_among_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert names.runtime_folder() == tmp_path / f"vmedia-bench-{os.getuid()}"


@pytest.mark.parametrize("name", ["cam0", "CI_runner-3", "0", "a" * 64])
def test_names_of_letters_digits_dashes_and_underscores_are_fine(name: str) -> None:
    assert names.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", ".hidden", "cam0.vm", "-x", "a b", "a\n", "é", "a" * 65]
)
def test_others_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a bench"):
        names.check_name(name)


def test_the_folder_is_made_private(folder: Path) -> None:
    assert names.make_runtime_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    names.make_runtime_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_benches_that_listen_run(folder: Path) -> None:
    assert names.running_benches() == []
    with (
        listening(folder / "b.sock"),
        listening(folder / "a.sock"),
        listening(folder / "a.vm.sock"),
    ):
        listening(folder / "stale.sock").close()
        (folder / "file.sock").touch()
        assert names.running_benches() == ["a", "b"]
        assert names.is_live(folder / "a.sock")
        assert not names.is_live(folder / "stale.sock")
        assert not names.is_live(folder / "missing.sock")
