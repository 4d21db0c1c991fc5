"""A real bench with the built-in guest on it, and the workbench looking at it."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from vmedia_bench.control.client import Client
from vmedia_bench.tui.app import Wishes, Workbench
from vmedia_bench.tui.guest_runner import GuestRunner
from vmedia_bench.tui.link import connect_to
from vmedia_bench.tui.remembered import Remembered
from vmedia_bench.tui.starting import Helper, start_bench, start_guest

LIMIT_S = 90.0
CAMERA = ("--size", "640x480", "--pixel-format", "NV12", "--fps", "30", "--motion", "4")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


class Bench:
    """A bench in a process of its own, with the guest on it or without."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process = start_bench(name, CAMERA)
        self._guest: Helper | None = None

    @property
    def socket(self) -> str:
        """Where a VM connects."""
        return str(self.call("bench.status")["socket"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One operation, by a client of its own."""
        with Client.connect(self.name) as client:
            return client.call(method, **params)

    def stream(self) -> None:
        """Have a guest stream from it."""
        if self._guest is None or not self._guest.running:
            self._guest = start_guest(self.socket)
            self.call("bench.wait", condition="streaming", timeout_s=LIMIT_S)

    def stop_guest(self) -> None:
        """Have no guest on it."""
        if self._guest is not None:
            self._guest.stop()
            self._guest = None
            self.call("bench.wait", condition="no-session", timeout_s=LIMIT_S)

    def stop(self) -> None:
        """End both."""
        if self._guest is not None:
            self._guest.stop()
        self.process.stop()


@pytest.fixture(scope="session")
def _runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.delenv("VMEDIA_BENCH", raising=False)
        yield folder


@pytest.fixture(scope="module")
def _shared(_runtime: Path) -> Iterator[Bench]:
    bench = Bench("shared")
    yield bench
    bench.stop()


@pytest.fixture
def idle(_shared: Bench) -> Bench:
    """A bench that waits for a VM."""
    _shared.stop_guest()
    return _shared


@pytest.fixture
def streaming(_shared: Bench) -> Iterator[Bench]:
    """A bench whose guest streams; what a test changes is put right afterwards."""
    _shared.stream()
    yield _shared
    _shared.call("faults.clear")
    if _shared.call("bench.status")["backend"] != "pattern":
        _shared.stop_guest()
        _shared.call("backends.use", backend="pattern", mode="force")


@pytest.fixture
def own_bench(_runtime: Path) -> Iterator[Callable[[str], Bench]]:
    """Makes benches that a test may end."""
    made: list[Bench] = []

    def make(name: str) -> Bench:
        made.append(Bench(name))
        return made[-1]

    yield make
    for bench in made:
        bench.stop()


class Seen:
    """The workbench on a screen of a test."""

    def __init__(self, app: Workbench, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait until something holds; the test fails when it does not come."""
        limit = asyncio.get_running_loop().time() + LIMIT_S
        while not holds():
            assert asyncio.get_running_loop().time() < limit, what or "it did not come"
            await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        # Not by Pilot.press: it waits for an idle process, and this one never is.
        for key in keys:
            self.app.simulate_key(key)
            await self.pilot.pause(0.05)

    async def type(self, text: str) -> None:
        """Paste a text into the line that has the keys, as soon as one has."""
        await self.until(lambda: isinstance(self.app.screen.focused, Input), "no line to type in")
        assert self.app.screen.focused is not None
        self.app.screen.focused.post_message(events.Paste(text))
        await self.pilot.pause(0.05)

    async def until_seen(self, text: str) -> None:
        """Wait until a text is on screen."""
        from tests.tui.cells import screen_text

        await self.until(lambda: text in screen_text(self.app), f"{text!r} is not on screen")

    def screen(self) -> str:
        """What is on screen."""
        from tests.tui.cells import screen_text

        return screen_text(self.app)


class Open(Protocol):
    """Opens the workbench on a bench, in a terminal of that size."""

    def __call__(
        self,
        bench: str,
        size: tuple[int, int] = (100, 30),
        remembered: Remembered | None = None,
        wishes: Wishes | None = None,
    ) -> AbstractAsyncContextManager[Seen]: ...


@pytest.fixture
def workbench() -> Open:
    """The workbench, once it has seen its bench."""

    @asynccontextmanager
    async def open_(
        bench: str,
        size: tuple[int, int] = (100, 30),
        remembered: Remembered | None = None,
        wishes: Wishes | None = None,
    ) -> AsyncIterator[Seen]:
        guest = GuestRunner()
        app = Workbench(connect_to(bench), wishes, remembered, guest)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                seen = Seen(app, pilot)
                await seen.until(lambda: app.view is not None, "no view of the bench")
                yield seen
        finally:
            guest.stop()

    return open_
