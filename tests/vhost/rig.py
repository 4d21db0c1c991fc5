"""What the tests of this room stand on: guest memory, an echo device, a server in a thread."""

import asyncio
import fcntl
import gc
import mmap
import os
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from vmedia_bench.vhost.backend import Backend
from vmedia_bench.vhost.device import Pending, Port
from vmedia_bench.vhost.driver_ring import DriverRing, Part
from vmedia_bench.vhost.frontend import ChannelEnd, Frontend
from vmedia_bench.vhost.layout import DESC, U16, USED_ELEMENT, RingLayout
from vmedia_bench.vhost.memory import GuestMemory, RegionSpec
from vmedia_bench.vhost.messages import Message
from vmedia_bench.vhost.observer import Event
from vmedia_bench.vhost.ring import DeviceRing
from vmedia_bench.vhost.server import TransportStatus, VhostServer
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.vhost.vring import Vring
from vmedia_bench.wire.vhost_user import (
    FLAG_NEED_REPLY,
    FLAG_REPLY,
    HEADER,
    MEM_REGION,
    MEM_TABLE,
    U64,
    VERSION,
    VRING_ADDR,
    VRING_STATE,
    Request,
)

USER_BASE = 0x7F00_0000_0000
RAM_SIZE = 1 << 20
BUFFERS = 0x80000
"""Where the tests' payloads lie; the rings are below."""

T = TypeVar("T")


class Ram:
    """Guest memory as a memfd, mapped on the guest's side too; guest addresses begin at 0."""

    def __init__(self, size: int = RAM_SIZE, *, seal: bool = True) -> None:
        self.size = size
        self.fd = os.memfd_create("ram", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size)
        if seal:
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self._map = mmap.mmap(self.fd, size)
        self.view = memoryview(self._map)

    def spec(self, gpa: int = 0, size: int | None = None) -> RegionSpec:
        """The region at ``gpa``, backed by the file from the same offset on."""
        return RegionSpec(gpa, self.size - gpa if size is None else size, USER_BASE + gpa, gpa)

    def memory(self) -> GuestMemory:
        memory = GuestMemory()
        memory.replace([self.spec()], [self.fd])
        return memory

    def close(self) -> None:
        self.view.release()
        self._map.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


MakeRam = Callable[..., Ram]


class RawRing:
    """A ring whose every word a test writes by hand, and the device's side of it.

    Descriptor table at 0x1000, avail and used behind it.
    """

    def __init__(
        self, ram: Ram, size: int = 16, *, event_idx: bool = False, indirect: bool = True
    ) -> None:
        self.ram = ram
        self.layout = RingLayout.at(0x1000, size)
        self.memory = ram.memory()
        addresses = (self.layout.desc, self.layout.avail, self.layout.used)
        self.ring = DeviceRing(self.memory, size, addresses, event_idx=event_idx, indirect=indirect)
        self._offered = 0

    def desc(self, place: int, gpa: int, length: int, flags: int = 0, following: int = 0) -> None:
        """Write one descriptor of the ring's own table."""
        self.table(self.layout.desc, place, gpa, length, flags, following)

    def table(  # noqa: PLR0917  (the fields of a descriptor, in their order)
        self, table: int, place: int, gpa: int, length: int, flags: int = 0, following: int = 0
    ) -> None:
        """Write one descriptor of a table at any address."""
        DESC.pack_into(self.ram.view, table + 16 * place, gpa, length, flags, following)

    def offer(self, *heads: int) -> None:
        """Put heads into the avail ring."""
        for head in heads:
            slot = self._offered % self.layout.size
            U16.pack_into(self.ram.view, self.layout.avail + 4 + 2 * slot, head)
            self._offered += 1
        self.set_avail_idx(self._offered)

    def set_avail_idx(self, value: int) -> None:
        U16.pack_into(self.ram.view, self.layout.avail + 2, value & 0xFFFF)

    @property
    def avail_event(self) -> int:
        at = self.layout.used + 4 + 8 * self.layout.size
        value: int = U16.unpack_from(self.ram.view, at)[0]
        return value

    def used(self) -> list[tuple[int, int]]:
        """(head, length) of the chains that the driver has been shown."""
        self.ring.flush()
        count = U16.unpack_from(self.ram.view, self.layout.used + 2)[0]
        at = self.layout.used + 4
        return [
            USED_ELEMENT.unpack_from(self.ram.view, at + 8 * (place % self.layout.size))
            for place in range(count)
        ]


class Later:
    """A Pending that a test settles by hand."""

    def __init__(self) -> None:
        self._done: list[Callable[[bytes], None]] = []

    def then(self, done: Callable[[bytes], None]) -> None:
        self._done.append(done)

    def settle(self, answer: bytes) -> None:
        for done in self._done:
            done(answer)


class EchoDevice:
    """Answers a command with its own bytes and writes down what happens to it.

    ``later`` makes it answer with a Later; ``events`` are handed out in order.
    """

    device_id = 48
    queue_count = 2

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.requests: list[bytes] = []
        self.events: list[bytes] = []
        self.later: Later | None = None
        self.raises: Exception | None = None
        self.port: Port | None = None
        self.config = bytes(range(40))
        self.on_execute: Callable[[bytes], None] | None = None
        self.sizes: Sequence[int] = (1 << 20,)

    @property
    def events_waiting(self) -> bool:
        return bool(self.events)

    def config_space(self) -> bytes:
        return self.config

    def write_config(self, offset: int, data: bytes) -> bool:
        self.calls.append(f"config {offset} {data.hex()}")
        return offset == 0

    def shmem_sizes(self) -> Sequence[int]:
        return self.sizes

    def execute(self, request: bytes, room: int) -> bytes | Pending:
        self.requests.append(request)
        if self.raises is not None:
            raise self.raises
        if self.on_execute is not None:
            self.on_execute(request)
        return request if self.later is None else self.later

    def take_event(self, room: int) -> bytes | None:
        if room < 8:
            return b""
        if not self.events or len(self.events[0]) > room:
            return None
        return self.events.pop(0)

    def attach(self, port: Port) -> None:
        self.port = port
        self.calls.append("attach")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def reset(self) -> None:
        self.calls.append("reset")

    def detach(self) -> None:
        self.port = None
        self.calls.append("detach")


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
        for index, layout in enumerate(self.layouts):
            addresses = (layout.desc, layout.avail, layout.used)
            desc, avail, used = (USER_BASE + address for address in addresses)
            if len(self.rings) <= index:
                self.rings.append(DriverRing(self.ram.view, layout, event_idx=True))
            self.fds.append(
                self.frontend.start_ring(index, layout.size, (desc, avail, used), base=bases[index])
            )
        return self

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


def open_fds() -> int:
    """How many file descriptors this process has open; none of them by what is garbage."""
    gc.collect()
    return _count_fds()


def _count_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def no_fd_left_open() -> Iterator[None]:
    """As many file descriptors are open at the end as at the beginning, whatever garbage holds."""
    gc.disable()
    try:
        count = _count_fds()
        yield
        assert _count_fds() == count
    finally:
        gc.enable()


class FakeHost:
    """Writes down what the protocol asks of its surroundings; the Port of nothing."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.memory = GuestMemory()

    def ring_live(self, index: int) -> None:
        self.calls.append(f"live {index}")

    def ring_idle(self, index: int) -> None:
        self.calls.append(f"idle {index}")

    def give_up(self, index: int) -> None:
        self.calls.append(f"give up {index}")

    def running(self, yes: bool) -> None:
        self.calls.append("running" if yes else "stopped")

    def mappings_gone(self) -> None:
        self.calls.append("mappings gone")

    def channel(self, fd: int) -> None:
        self.calls.append("channel")
        os.close(fd)

    def negotiated(self, protocol_features: int) -> None:
        self.calls.append(f"negotiated {protocol_features:#x}")

    def shmem_map(  # noqa: PLR0917  (as the Port has it)
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Callable[[bool], None],
    ) -> None:
        raise NotImplementedError

    def shmem_unmap(
        self, shmid: int, shm_offset: int, length: int, done: Callable[[bool], None]
    ) -> None:
        raise NotImplementedError

    def config_changed(self) -> None:
        raise NotImplementedError

    def events_ready(self) -> None:
        raise NotImplementedError


class Talk:
    """A Backend without a socket: messages go in by a call."""

    def __init__(self, ram: Ram, settings: Settings | None = None) -> None:
        self.ram = ram
        self.device = EchoDevice()
        self.host = FakeHost()
        self.memory = GuestMemory()
        self.seen: list[Event] = []
        self.vrings = [Vring(index) for index in range(2)]
        self.backend = Backend(
            self.device,
            self.vrings,
            self.memory,
            port=self.host,
            settings=settings or Settings(path=Path("unused")),
            host=self.host,
            observer=self.seen.append,
        )

    def send(
        self, request: int, payload: bytes = b"", fds: Sequence[int] = (), *, ack: bool = False
    ) -> bytes | None:
        """One message with duplicates of the fds; the reply as it would be sent."""
        flags = VERSION | (FLAG_NEED_REPLY if ack else 0)
        return self.backend.handle(Message(request, flags, payload, [os.dup(fd) for fd in fds]))

    def ask(self, request: int, payload: bytes = b"") -> bytes:
        """The payload of a request's own reply."""
        reply = self.send(request, payload)
        assert reply is not None
        assert HEADER.unpack_from(reply) == (request, VERSION | FLAG_REPLY, len(reply) - 12)
        return reply[12:]

    def accepts(self, request: int, payload: bytes = b"", fds: Sequence[int] = ()) -> bool:
        """Whether a request that asks for a reply is acknowledged with success."""
        reply = self.send(request, payload, fds, ack=True)
        assert reply is not None
        assert HEADER.unpack_from(reply) == (request, VERSION | FLAG_REPLY, 8)
        result: int = U64.unpack_from(reply, 12)[0]
        return result == 0

    def negotiate(self, features: int = 0x1_7000_0000, protocol: int = 0x400629) -> None:
        self.send(Request.SET_PROTOCOL_FEATURES, U64.pack(protocol))
        self.send(Request.SET_OWNER)
        self.send(Request.SET_FEATURES, U64.pack(features))

    def share_memory(self, *specs: RegionSpec) -> None:
        table = specs or (self.ram.spec(),)
        payload = MEM_TABLE.pack(len(table), 0) + b"".join(
            MEM_REGION.pack(s.gpa, s.size, s.user_address, s.file_offset) for s in table
        )
        self.send(Request.SET_MEM_TABLE, payload, [self.ram.fd] * len(table))

    def set_ring(self, index: int, *, base: int = 0, size: int = 16) -> None:
        layout = RingLayout.at(USER_BASE + 0x1000 + 0x10000 * index, size)
        self.send(Request.SET_VRING_NUM, VRING_STATE.pack(index, size))
        self.send(Request.SET_VRING_BASE, VRING_STATE.pack(index, base))
        self.send(
            Request.SET_VRING_ADDR,
            VRING_ADDR.pack(index, 0, layout.desc, layout.used, layout.avail, 0),
        )

    def kick_and_enable(self, index: int) -> None:
        self.set_eventfd(Request.SET_VRING_KICK, index)
        self.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(index, 1))

    def set_eventfd(self, request: int, index: int) -> None:
        fd = os.eventfd(0)
        self.send(request, U64.pack(index), [fd])
        os.close(fd)

    def start(self, bases: tuple[int, int] = (0, 0)) -> None:
        for index in (0, 1):
            self.set_ring(index, base=bases[index])
            self.kick_and_enable(index)

    def stop(self) -> list[int]:
        """Stop both rings; returns their bases."""
        bases = []
        for index in (0, 1):
            self.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(index, 0))
        for index in (0, 1):
            reply = self.ask(Request.GET_VRING_BASE, VRING_STATE.pack(index, 0))
            bases.append(VRING_STATE.unpack(reply)[1])
        return bases

    def pop(self, index: int, count: int) -> None:
        """Let the driver offer chains and the device take them."""
        layout = RingLayout.at(0x1000 + 0x10000 * index, 16)
        driver = DriverRing(self.ram.view, layout)
        ring = self.vrings[index].ring
        assert ring is not None
        for _ in range(count):
            driver.add([(BUFFERS, 4, False)])
            assert ring.pop() is not None


class FakeTimer:
    """A call that is due when the test says so."""

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self.seconds = seconds
        self._function = function
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        if not self.cancelled:
            self._function()


class Clock:
    """Stands in for the event loop's ``call_later``."""

    def __init__(self) -> None:
        self.timers: list[FakeTimer] = []

    def call_later(self, seconds: float, function: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(seconds, function))
        return self.timers[-1]

    def expire(self) -> None:
        for timer in list(self.timers):
            timer.fire()
