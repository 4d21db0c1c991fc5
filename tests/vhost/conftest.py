"""Fixtures of the transport's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vhost.rig import EchoDevice, Guest, Ram, ServerThread
from vmedia_bench.vhost.settings import Settings


@pytest.fixture
def ram() -> Iterator[Ram]:
    ram = Ram()
    yield ram
    ram.close()


@pytest.fixture
def device() -> EchoDevice:
    return EchoDevice()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(path=tmp_path / "vhost-user.sock")


@pytest.fixture
def server(device: EchoDevice, settings: Settings) -> Iterator[ServerThread]:
    thread = ServerThread(device, settings)
    yield thread
    thread.close()


@pytest.fixture
def guest(server: ServerThread, settings: Settings) -> Iterator[Guest]:
    assert settings.path is not None
    with Guest(settings.path) as guest:
        yield guest
