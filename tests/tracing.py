"""A bench in a thread of this process, whose trace the test holds in its hands."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from vmedia_bench.backends import backend
from vmedia_bench.bench import BenchSettings, build_device
from vmedia_bench.guest.session import Session
from vmedia_bench.replay.report import ReplayReport
from vmedia_bench.trace.record import Record
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.vhost.observer import Event, FrontendGone
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

T = TypeVar("T")
Guest = Callable[[Session], object]
Recorded = Callable[..., tuple[Record, ...]]
"""What a guest did: `recorded(guest, **pattern options)`."""
Played = Callable[..., ReplayReport]
"""A replay: `played(records, **pattern options and replay's own)`."""
LIMIT_S = 20


class TracedBench:
    """A bench on `socket`; `ring` has what guests did."""

    def __init__(self, socket: Path, **pattern: object) -> None:
        self.socket = socket
        self.ring = TraceRing()
        self.loop = asyncio.new_event_loop()
        self._left = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._server = self.call(lambda: self._make(pattern))
        self.call(self._server.start)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _make(self, pattern: dict[str, object]) -> VhostServer:
        options = {"size": (160, 120), "text": False, "fps": 0, **pattern}
        source = backend("pattern").build(**options)
        settings = BenchSettings(shmem_size=1 << 24)
        device = build_device(source, settings, self.loop)
        return VhostServer(device, Settings(path=self.socket), self._observe, self.ring)

    def _observe(self, event: Event) -> None:
        if isinstance(event, FrontendGone):
            self._left.release()

    def call(self, function: Callable[[], T]) -> T:
        """Run it on the bench's loop."""

        async def wrapped() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(LIMIT_S)

    def guest_left(self) -> None:
        """Wait until the bench has seen a guest leave; once for each guest."""
        assert self._left.acquire(timeout=LIMIT_S)

    def records(self) -> tuple[Record, ...]:
        """All that is in the trace."""
        return self.call(lambda: self.ring.read(0, self.ring.max_records)).records

    def close(self) -> None:
        """End the bench."""
        self.call(self._server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LIMIT_S)


@contextmanager
def traced_bench(folder: Path, **pattern: Any) -> Iterator[TracedBench]:
    """A traced bench; keywords are the pattern backend's options."""
    bench = TracedBench(folder / "vm.sock", **pattern)
    try:
        yield bench
    finally:
        bench.close()
