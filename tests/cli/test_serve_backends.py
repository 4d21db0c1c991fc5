"""Every backend of the registry can be served."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.serving import Serving
from vmedia_bench.cli.exit_codes import ExitCode


def test_a_backend_is_served_with_its_options(command: Command, tmp_path: Path) -> None:
    words = ("--backend", "loopback", "--name", "loop")
    with Serving(tmp_path / "vm.sock", *words):
        assert json.loads(command("status", "--format", "json").out)["backend"] == "loopback"
        assert re.search(r"^loopback +active", command("backends").out, re.MULTILINE)


def test_a_stream_from_what_is_no_camera_is_refused_at_once(
    command: Command, tmp_path: Path
) -> None:
    for backend, says in (("loopback", "stream from a camera"), ("sink", "captures nothing")):
        with Serving(tmp_path / "vm.sock", "--backend", backend):
            result = command("guest", "stream")
        assert (result.code, result.out) == (ExitCode.FAILURE, "")
        assert says in result.err


def test_set_is_another_way_to_the_cameras_options(command: Command, tmp_path: Path) -> None:
    with Serving(tmp_path / "vm.sock", "--set", "size=320x240", "--set", "card=Mine"):
        assert json.loads(command("status", "--format", "json").out)["card"] == "Mine"
        rows = json.loads(command("buffers", "--format", "json").out)["queues"]
        assert {(row["width"], row["height"]) for row in rows} <= {(320, 240)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--backend", "loopback", "--fps", "30"), "--fps is the pattern camera's"),
        (("--backend", "loopback", "--set", "nonsense=1"), "--set nonsense"),
        (("--backend", "nosuch"), "pattern"),
        (("--set", "nonsense=1"), "nonsense"),
        (("--set", "fps"), "KEY=VALUE"),
        (("--set", "fps=1", "--set", "fps=2"), "twice"),
        (("--trace-bytes", "many"), "many"),
    ],
)
def test_options_that_make_no_sense(
    command: Command, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    result = command("serve", "--socket-path", str(tmp_path / "vm.sock"), *words)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert says in result.err
    assert result.err.count("\n") == 1


def test_plugins_are_listed_without_a_bench(command: Command) -> None:
    assert command("plugins", "list").code == 0
    assert isinstance(json.loads(command("plugins", "list", "--format", "json").out), dict)
