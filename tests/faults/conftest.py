"""Fixtures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.live import LiveBench
from tests.faults.rig import Rig


@pytest.fixture
def rig() -> Rig:
    """An engine without a bench."""
    return Rig()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveBench]:
    """A bench that serves on a socket."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with LiveBench(tmp_path) as live:
        yield live


@pytest.fixture
def eager_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveBench]:
    """A bench that makes frames as fast as it is given buffers, so that none is ever late."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with LiveBench(tmp_path, fps=0) as live:
        yield live
