from pathlib import Path

import pytest

from tests.plugins.packages import Packages


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """Where tests install packages of their own."""
    return Packages(tmp_path, monkeypatch)
