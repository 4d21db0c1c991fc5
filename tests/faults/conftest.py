"""Fixtures."""

import pytest

from tests.faults.rig import Rig


@pytest.fixture
def rig() -> Rig:
    """An engine without a bench."""
    return Rig()
