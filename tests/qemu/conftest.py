"""A QEMU new enough to be a front-end, and a bench for it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.qemu.qtest import Qtest, machine, version_of
from tests.serving import Serving

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def qemu() -> str:
    """The path of a QEMU >= 11.1: $VMEDIA_BENCH_QEMU, or one from Debian's packages."""
    path = os.environ.get("VMEDIA_BENCH_QEMU")
    if not path:
        fetched = subprocess.run(
            [str(PROJECT / "tests/qemu/get-qemu")], capture_output=True, text=True, check=False
        )
        if fetched.returncode:
            pytest.fail(f"no QEMU to test with: {fetched.stderr.strip()}")
        path = fetched.stdout.strip()
    assert version_of(path) >= (11, 1), f"{path} is older than 11.1"
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Serving]:
    """A bench with a still picture, listening."""
    with Serving(
        tmp_path / "vm.sock", "--pattern", "smpte", "--no-text", "--shmem-size", "64M"
    ) as serving:
        yield serving


@pytest.fixture
def qtest(qemu: str, bench: Serving, tmp_path: Path) -> Iterator[Qtest]:
    """QEMU on that bench, without a guest."""
    with machine(qemu, tmp_path, bench.socket) as running:
        yield running
