"""A device over any backend, served to the built-in guest from a thread of the test's process."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from vmedia_bench.bench import BenchSettings, build_device
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.v4l2.ports import NodeMaker
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

T = TypeVar("T")

START_LIMIT_S = 20.0
SHMEM_SIZE = 1 << 28


class Served:
    """
    Serves what `maker` makes on a socket of its own while its `with` block runs.

    The device lives on a loop in another thread: touch it through `call` only. `failures` are
    what its loop could not handle, one line each.
    """

    def __init__(self, maker: NodeMaker, *, shmem_size: int = SHMEM_SIZE) -> None:
        self._maker = maker
        self._settings = BenchSettings(shmem_size=shmem_size)
        self._folder = tempfile.TemporaryDirectory(prefix="vmedia-bench-")
        self.socket = Path(self._folder.name) / "vm.sock"
        self.failures: list[str] = []
        self._ready = Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: VhostServer | None = None
        self._device: MediaDevice | None = None
        self._thread = Thread(target=self._run, name="served bench", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_LIMIT_S):
            raise TimeoutError("the device is not ready")
        if self._error is not None:
            self._folder.cleanup()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
        self._thread.join(START_LIMIT_S)
        self._folder.cleanup()

    def call(self, act: Callable[[MediaDevice], T]) -> T:
        """Do something with the device on its loop; gives what it gives, raises what it raises."""
        loop, device = self._loop, self._device
        if loop is None or device is None:
            raise RuntimeError("nothing is served now")

        async def run() -> T:
            return act(device)

        return asyncio.run_coroutine_threadsafe(run(), loop).result(START_LIMIT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (raised where the test can see it)
            self._error = error
            self._ready.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        device = build_device(self._maker, self._settings, loop)
        server = VhostServer(device, Settings(path=self.socket))
        server.start()
        self._loop, self._device, self._server = loop, device, server
        self._ready.set()
        try:
            await server.wait_finished()
        finally:
            server.close()
            device.node.detach()
            await asyncio.sleep(0)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")


@contextmanager
def guest_session(served: Served, **settings: Any) -> Iterator[Session]:
    """A session of a guest of its own; keywords are those of VmmSettings."""
    with Vmm.connect(served.socket, **settings) as vmm, Driver(vmm).open() as session:
        yield session
