"""Fixtures: a scripted back-end, and one that is a camera."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest.camera import ScriptedCamera
from tests.guest.rig import FakeBackend


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[FakeBackend]:
    """A scripted back-end that listens; start it by `backend.start()` once it is set up."""
    fake = FakeBackend(tmp_path / "vhost-user.sock")
    yield fake
    if fake.is_alive():
        fake.stop()


@pytest.fixture
def camera(backend: FakeBackend) -> Iterator[ScriptedCamera]:
    """A running back-end that is a scripted camera."""
    scripted = ScriptedCamera(backend)
    backend.media = scripted
    backend.start()
    yield scripted
    os.close(scripted.fd)
