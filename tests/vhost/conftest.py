"""Fixtures of the transport's tests."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.vhost.live import Guest, ServerThread
from tests.vhost.rig import RAM_SIZE, EchoDevice, MakeRam, Ram
from tests.vhost.talk import Talk
from vmedia_bench.vhost.settings import Settings


@pytest.fixture(params=[True, False], ids=["mapped", "unmapped"])
def ram(request: pytest.FixtureRequest) -> Iterator[Ram]:
    """Guest memory both ways: sealed, so that it is mapped, and not, so that it is read."""
    ram = Ram(seal=request.param)
    yield ram
    ram.close()


@pytest.fixture
def make_ram() -> Iterator[MakeRam]:
    """Guest memory of any size, and several of them; arguments as for Ram."""
    with ExitStack() as stack:

        def make(size: int = RAM_SIZE, *, seal: bool = True) -> Ram:
            ram = Ram(size, seal=seal)
            stack.callback(ram.close)
            return ram

        yield make


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


@pytest.fixture
def talk(make_ram: MakeRam) -> Iterator[Talk]:
    """A back-end without sockets, that has seen no message yet."""
    talk = Talk(make_ram())
    yield talk
    talk.backend.gone()
