"""Benches that live as long as the whole folder's tests: what one test breaks, another sees."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.bench import Bench, complaints
from tests.end_to_end.guests import serves_a_fresh_guest

SMALL = ("--size", "160x120", "--no-text", "--pattern", "smpte")


def run_bench(folder: Path, *options: str) -> Iterator[Bench]:
    """A bench for others to use; in the end its log may hold no mistake of its own."""
    with Bench(folder / "vm.sock", *options) as bench:
        yield bench
        assert bench.alive, bench.lines[-20:]
        log = bench.stop()
    assert complaints(log.splitlines()) == []


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A single-planar camera that makes frames as fast as it is given buffers."""
    yield from run_bench(tmp_path_factory.mktemp("camera"), *SMALL, "--fps", "0")


@pytest.fixture(scope="session")
def mplane_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Its multi-planar sister."""
    yield from run_bench(tmp_path_factory.mktemp("mplane"), *SMALL, "--fps", "0", "--mplane")


@pytest.fixture(scope="session")
def paced_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A single-planar camera of 120 frames a second."""
    yield from run_bench(tmp_path_factory.mktemp("paced"), *SMALL, "--fps", "120")


@pytest.fixture(scope="session")
def narrow_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A camera with few sessions and little memory for buffers."""
    limits = ("--max-sessions", "8", "--shmem-size", "1M")
    yield from run_bench(tmp_path_factory.mktemp("narrow"), *SMALL, "--fps", "0", *limits)


@pytest.fixture
def survivor(camera: Bench) -> Iterator[Bench]:
    """A bench that, whatever is done to it, serves the next guest and has leaked nothing."""
    before = camera.footprint()
    yield camera
    serves_a_fresh_guest(camera)
    assert camera.footprint() == before
