"""A bench process, and clients of its control socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.raw import RawClient
from tests.end_to_end.bench import Bench, complaints
from vmedia_bench.control.client import Client

CAMERA = ("--size", "160x120", "--pixel-format", "NV12", "--fps", "120", "--no-text")


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A small, quick camera for all tests of this folder: what one breaks, another sees."""
    with Bench(tmp_path_factory.mktemp("control") / "vm.sock", *CAMERA) as bench:
        yield bench
        log = bench.stop()
    assert complaints(log.splitlines()) == []


@pytest.fixture
def bench(shared_bench: Bench) -> Iterator[Bench]:
    """The shared bench, as the test before left it: without sessions, rules or files open."""
    yield shared_bench
    with Client.connect(str(shared_bench.control)) as client:
        client.call("faults.clear")
        client.call("config.set", reset=True)
        client.call("bench.wait", condition="no-session", timeout_s=10)


@pytest.fixture
def client(bench: Bench) -> Iterator[Client]:
    """A client of it."""
    with Client.connect(str(bench.control)) as client:
        yield client


@pytest.fixture
def raw(bench: Bench) -> Iterator[RawClient]:
    """A client that may send anything."""
    with RawClient(bench.control) as raw:
        yield raw


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of the test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("VMEDIA_BENCH", raising=False)
    return tmp_path / "vmedia-bench"
