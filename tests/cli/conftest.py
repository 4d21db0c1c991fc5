"""Commands as users type them, in this process, and a bench in another."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.cli.streaming_guest import StreamingGuest
from tests.serving import Serving
from vmedia_bench.cli import run


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Runs one command line."""

    def __call__(self, *arguments: str) -> Result: ...


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has no configuration that shows in them."""
    for name in [name for name in os.environ if name.startswith("VMEDIA_BENCH")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line without a terminal around it."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> Result:
        code = run(_words(arguments))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Serving]:
    """A bench with a small, quick camera."""
    with Serving(tmp_path / "vm.sock", "--size", "320x240", "--fps", "120") as serving:
        yield serving


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A bench for the tests of a module that leave it as it was."""
    folder = tmp_path_factory.mktemp("bench")
    with Serving(folder / "vm.sock", "--size", "320x240", "--fps", "120") as serving:
        yield serving


@pytest.fixture(scope="module")
def shared_guest(shared_bench: Serving) -> Iterator[StreamingGuest]:
    """A guest of that bench; its session 3 streams."""
    with StreamingGuest(shared_bench.socket) as guest:
        yield guest


@pytest.fixture
def ask(
    command: Command,
    shared_bench: Serving,
    shared_guest: StreamingGuest,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Run a command line against the module's bench."""
    assert shared_guest.session.id == 3
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared_bench.socket.parent))
    return command


@pytest.fixture
def guest(camera: Serving) -> Iterator[StreamingGuest]:
    """A guest of the test's own bench; its session 3 streams."""
    with StreamingGuest(camera.socket) as streaming:
        yield streaming


def _words(arguments: Sequence[str]) -> list[str]:
    return [str(argument) for argument in arguments]
