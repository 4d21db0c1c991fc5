"""A server with its event loop in a thread, and a front-end with memory and rings to talk to it."""

import asyncio
import os
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from tests.vhost.driver_ring import DriverRing, Part
from tests.vhost.rig import BUFFERS, USER_BASE, EchoDevice, Ram
from vmedia_bench.vhost.frontend import ChannelEnd, Frontend
from vmedia_bench.vhost.layout import RingLayout
from vmedia_bench.vhost.observer import Event
from vmedia_bench.vhost.server import TransportStatus, VhostServer
from vmedia_bench.vhost.settings import Settings

T = TypeVar("T")


class ServerThread:
    """A server with its event loop in a thread of its own; ``call`` runs code in that loop."""

    def __init__(self, device: EchoDevice, settings: Settings) -> None:
        self.device = device
        self.seen: list[Event] = []
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.server: VhostServer = self.call(self._make)
        self.call(self.server.start)

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        async def wrapped() -> T:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(10)

    def status(self) -> TransportStatus:
        return self.call(self.server.status)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The loop stands still meanwhile: what is sent is there when it goes on."""
        stands, go_on = threading.Event(), threading.Event()

        def stand() -> None:
            stands.set()
            go_on.wait(10)

        self._loop.call_soon_threadsafe(stand)
        assert stands.wait(10)
        try:
            yield
        finally:
            go_on.set()

    def wait_for(self, kind: type[T], count: int = 1) -> T:
        """The ``count``-th event of a kind, once it has happened."""
        with self._changed:
            found: list[T] = []

            def there() -> bool:
                found[:] = [event for event in self.seen if isinstance(event, kind)]
                return len(found) >= count

            assert self._changed.wait_for(there, 10), f"no {kind.__name__} among {self.seen}"
            return found[count - 1]

    def close(self) -> None:
        self.call(self.server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _make(self) -> VhostServer:
        return VhostServer(self.device, self._settings, self._observe)

    def _observe(self, event: Event) -> None:
        with self._changed:
            self.seen.append(event)
            self._changed.notify_all()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


class Guest:
    """A front-end with memory and two rings, negotiated as QEMU does; not started yet."""

    def __init__(
        self, path: Path, *, size: int = 16, seal: bool = True, protocol: int = 0x400629
    ) -> None:
        self.ram = Ram(seal=seal)
        self.frontend = Frontend.connect(path)
        self.size = size
        self.protocol = protocol
        self.layouts = [RingLayout.at(0x1000 + 0x10000 * index, size) for index in (0, 1)]
        self.rings: list[DriverRing] = []
        self.fds: list[tuple[int, int, int]] = []
        self.channel: ChannelEnd | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def negotiate(self, features: int | None = None) -> None:
        frontend = self.frontend
        offered = frontend.get_features()
        frontend.set_protocol_features(frontend.get_protocol_features() & self.protocol)
        frontend.set_owner()
        frontend.set_features(offered if features is None else features)
        if self.protocol & 1 << 5:
            self.channel = frontend.open_channel()
        frontend.set_mem_table([(self.ram.spec(), self.ram.fd)])

    def start(self, bases: tuple[int, int] = (0, 0)) -> Self:
        """Configure and enable both rings; bases other than 0 go on with the driver rings."""
        self.close_eventfds()
        for index in range(len(self.layouts)):
            self.start_ring(index, bases[index])
        return self

    def start_ring(self, index: int, base: int = 0) -> None:
        """Configure and enable one ring."""
        layout = self.layouts[index]
        addresses = (layout.desc, layout.avail, layout.used)
        desc, avail, used = (USER_BASE + address for address in addresses)
        if len(self.rings) <= index:
            self.rings.append(DriverRing(self.ram.view, layout, event_idx=True))
        self.fds.append(
            self.frontend.start_ring(index, layout.size, (desc, avail, used), base=base)
        )

    def boot(self) -> Self:
        self.negotiate()
        return self.start()

    def offer(self, parts: Sequence[Part], index: int = 0) -> int:
        """Add a chain and kick if the device asks for it."""
        head = self.rings[index].add(parts)
        if self.rings[index].needs_kick():
            os.eventfd_write(self.fds[index][0], 1)
        return head

    def take(self, index: int = 0) -> tuple[int, int]:
        """Wait for the next chain to come back."""
        ring, call = self.rings[index], self.fds[index][1]
        while True:
            used = ring.take_used()
            if used is not None:
                return used
            if not ring.enable_calls():
                wait_readable(call)
                os.eventfd_read(call)

    def command(self, request: bytes, room: int = 64) -> bytes:
        """One command and what the device wrote in answer."""
        self.ram.view[BUFFERS : BUFFERS + len(request)] = request
        parts: list[Part] = [(BUFFERS, len(request), False)]
        if room:
            parts.append((BUFFERS + 0x1000, room, True))
        head = self.offer(parts)
        used, written = self.take()
        assert used == head
        return bytes(self.ram.view[BUFFERS + 0x1000 : BUFFERS + 0x1000 + written])

    def close_eventfds(self) -> None:
        for fds in self.fds:
            for fd in fds:
                os.close(fd)
        self.fds.clear()

    def close(self) -> None:
        self.close_eventfds()
        if self.channel is not None:
            self.channel.close()
        self.frontend.close()
        self.ram.close()


def wait_readable(fd: int, seconds: float = 10) -> None:
    """Block until ``fd`` is readable; fails the test when it never is."""
    assert select.select([fd], [], [], seconds)[0], "waited in vain"
