"""What `serve --backend v4l2 --set device=X` says of a device that cannot be used."""

from errno import EACCES, EBUSY, ENOENT
from pathlib import Path

import pytest

from tests.backends.host.machine import Machine
from vmedia_bench.backends.host import maker
from vmedia_bench.cli.camera_options import build_source
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of devices that cannot be used."""
    kernel = Machine({"video1": EACCES, "video2": EBUSY, "video3": ENOENT})
    monkeypatch.setattr(maker, "LinuxKernel", lambda: kernel)
    for name in kernel.known:
        (tmp_path / name).touch()
    return tmp_path


def said(device: str) -> tuple[str, ExitCode]:
    with pytest.raises(CommandFailedError) as failed:
        build_source("v4l2", {"device": device})
    line = str(failed.value)
    assert "\n" not in line
    return line, failed.value.code


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("video1", ": permission denied: join the group that owns it, {group}"),
        ("video2", " is busy: another program has it"),
        ("video3", ": there is no such device: `vmedia-bench backend show v4l2` lists all"),
    ],
)
def test_a_path(system: Path, name: str, why: str) -> None:
    path = system / name
    line, code = said(str(path))
    assert line == f"--backend v4l2: {path}{why.format(group=path.group())}"
    assert code == ExitCode.MISSING


def test_a_path_that_is_no_device() -> None:
    line, code = said("/dev/null")
    assert (line, code) == ("--backend v4l2: /dev/null is not a V4L2 device", ExitCode.MISSING)
