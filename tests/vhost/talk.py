"""The back-end's protocol without a socket: messages go in by a call."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vhost.driver_ring import DriverRing
from tests.vhost.rig import BUFFERS, USER_BASE, EchoDevice, Ram
from vmedia_bench.vhost.backend import Backend
from vmedia_bench.vhost.layout import RingLayout
from vmedia_bench.vhost.memory import GuestMemory, RegionSpec
from vmedia_bench.vhost.messages import Message
from vmedia_bench.vhost.observer import Counters
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

if TYPE_CHECKING:
    from vmedia_bench.vhost.observer import Event


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

    def shmem_map(
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

    def after_events(self, done: Callable[[], None]) -> None:
        done()


class Talk:
    """A Backend without a socket: messages go in by a call."""

    def __init__(self, ram: Ram, settings: Settings | None = None) -> None:
        self.ram = ram
        self.device = EchoDevice()
        self.host = FakeHost()
        self.memory = GuestMemory()
        self.seen: list[Event] = []
        self.counters = Counters()
        self.vrings = [Vring(index) for index in range(2)]
        self.backend = Backend(
            self.device,
            self.vrings,
            self.memory,
            port=self.host,
            settings=settings or Settings(path=Path("unused")),
            host=self.host,
            observer=self.seen.append,
            counters=self.counters,
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
