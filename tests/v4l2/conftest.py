import pytest

from tests.v4l2.rig import Guest, Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def guest() -> Guest:
    return Rig().open()
