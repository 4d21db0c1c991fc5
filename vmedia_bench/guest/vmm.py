"""
A VMM in a few hundred lines: guest memory, two rings, the handshake, shared-memory regions.

It drives any vhost-user media back-end and says in one line what a back-end did wrong. Sources:
QEMU's docs/interop/vhost-user.rst, and the habits of QEMU, crosvm and libkrun (`orders`).
"""

import os
import select
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

from vmedia_bench.guest.channel import BackendChannel
from vmedia_bench.guest.errors import BackendError, GuestError
from vmedia_bench.guest.handshake import Handshake
from vmedia_bench.guest.link import Link
from vmedia_bench.guest.orders import ORDERS
from vmedia_bench.guest.queues import CommandQueue, DriverQueue
from vmedia_bench.guest.ram import GuestRam
from vmedia_bench.guest.settings import VmmSettings
from vmedia_bench.guest.shmem import ShmemRegion
from vmedia_bench.wire import media
from vmedia_bench.wire.vhost_user import F_EVENT_IDX


class Vmm:
    """
    A connected front-end whose rings run from the end of the constructor on.

    `ram` is guest memory, `commandq` and `eventq` the rings, `handshake` what was said and
    answered. Functions in `after_reset` are called when the device forgot everything; a driver
    leaves `unbind` behind, to be called by the one that takes over.
    """

    def __init__(self, path: str, settings: VmmSettings) -> None:
        if settings.order not in ORDERS:
            raise GuestError(f"order is one of {', '.join(ORDERS)}, not {settings.order!r}")
        if ORDERS[settings.order].single_region and settings.regions != 1:
            raise GuestError(f"{settings.order} has one region of guest memory")
        self.path = path
        self.settings = settings
        self.after_reset: list[Callable[[], None]] = []
        self.unbind: Callable[[], None] | None = None
        self.ram = GuestRam(settings.memory_size, seal=settings.seal, regions=settings.regions)
        # Blocking ones: a benchmark may sleep in read().
        self._eventfds = {
            kind: [os.eventfd(0, os.EFD_CLOEXEC) for _ in range(media.QUEUE_COUNT)]
            for kind in ("kick", "call", "err")
        }
        self.handshake: Handshake
        self.commandq: CommandQueue
        self.eventq: DriverQueue
        self._poll: select.epoll | None = None
        self._bases = (0, 0)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(cls, path: str | os.PathLike[str], **settings: Any) -> Self:
        """
        Connect to the back-end listening on `path` and start its rings.

        Keywords are the fields of VmmSettings. Raises BackendError.
        """
        return cls(os.fspath(path), VmmSettings(**settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _connect(self) -> None:
        """Everything up to running rings, on a new socket."""
        self.handshake = Handshake(self.path, self.settings, self.ram, self._eventfds)
        self.handshake.introduce()
        self._make_queues()
        self._register()
        self.handshake.start(self._queues, (0, 0))

    def _make_queues(self) -> None:
        settings = self.settings
        size = settings.queue_size or self.handshake.order.queue_size
        event_idx = bool(self.handshake.features_offered & settings.features & F_EVENT_IDX)
        command_kick, event_kick = self._eventfds["kick"]
        self.commandq = CommandQueue(
            self.ram,
            size,
            command_kick,
            self._eventfds["call"][media.COMMANDQ],
            self.wait,
            event_idx=event_idx,
            timeout=settings.timeout,
        )
        self.commandq.spin = settings.spin
        self.eventq = DriverQueue(self.ram, size, event_kick, event_idx=event_idx)

    @property
    def _queues(self) -> tuple[DriverQueue, DriverQueue]:
        return self.commandq, self.eventq

    def _register(self) -> None:
        self._poll = poll = select.epoll()
        for fd in (*self._eventfds["call"], *self._eventfds["err"]):
            # Edge-triggered: each write wakes us, and the counter never needs to be read.
            poll.register(fd, select.EPOLLIN | select.EPOLLET)
        poll.register(self.link.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
        if self.channel is not None:
            poll.register(self.channel.fileno(), select.EPOLLIN)

    # -- what the back-end said --------------------------------------------------------------

    @property
    def link(self) -> Link:
        """The vhost-user socket; its `log` lists the messages sent."""
        return self.handshake.link

    @property
    def channel(self) -> BackendChannel | None:
        """The back-end's channel, None when it has none."""
        return self.handshake.channel

    @property
    def running(self) -> bool:
        """Whether the rings run."""
        return self.handshake.running

    @property
    def features(self) -> int:
        """The negotiated virtio features."""
        return self.handshake.features

    @property
    def config(self) -> bytes:
        """The configuration space as read during the handshake, b"" when there is none."""
        return self.handshake.config

    @property
    def regions(self) -> dict[int, ShmemRegion]:
        """The shared-memory regions by shmid."""
        return self.handshake.regions

    @property
    def config_changes(self) -> int:
        """How many CONFIG_CHANGE_MSG came."""
        return self.channel.config_changes if self.channel else 0

    @property
    def violations(self) -> list[str]:
        """What the back-end did on its channel that kills other VMMs, one line each."""
        return list(self.channel.violations) if self.channel else []

    # -- life of a device --------------------------------------------------------------------

    def pause(self) -> tuple[int, int]:
        """Stop both rings (GET_VRING_BASE); returns their bases. Raises BackendError."""
        if not self.running:
            raise GuestError("the device does not run")
        self._bases = self.handshake.stop(self._queues)
        return self._bases

    def resume(self) -> None:
        """Start the rings again where `pause` stopped them. Raises BackendError."""
        if self.running:
            raise GuestError("the device runs")
        self.handshake.start(self._queues, self._bases)

    def reset(self) -> None:
        """
        A device reset: stop, forget mappings and ring contents, start again at base 0.

        Raises BackendError.
        """
        if self.running:
            self.pause()
        for region in self.regions.values():
            region.clear()
        for queue in self._queues:
            queue.restart()
        # Event buffers are posted before the device runs, as a driver does.
        self._call_after_reset()
        self.handshake.start(self._queues, (0, 0))

    def reconnect(self) -> None:
        """Close the socket and go through the handshake again, with new, empty rings."""
        self._disconnect()
        self._drop_ring_errors()
        for queue in self._queues:
            self.ram.free(queue.address)
        self._connect()
        self._call_after_reset()

    def _drop_ring_errors(self) -> None:
        """What the last back-end signalled must not be laid to the next one."""
        for fd in self._eventfds["err"]:
            os.set_blocking(fd, False)
            with suppress(BlockingIOError):
                os.eventfd_read(fd)

    def _call_after_reset(self) -> None:
        for hook in self.after_reset:
            hook()

    def _disconnect(self) -> None:
        if hasattr(self, "handshake"):
            self.handshake.close()
        if self._poll is not None:
            self._poll.close()

    def close(self) -> None:
        """Close socket, memory and eventfds. May be called twice."""
        self._disconnect()
        for fds in self._eventfds.values():
            while fds:
                os.close(fds.pop())
        self.ram.close()

    def read_config(self, offset: int = 0, size: int = media.CONFIG.size) -> bytes:
        """`size` bytes of the configuration space by GET_CONFIG. Raises BackendError."""
        return self.link.get_config(offset, size)

    def write_config(self, offset: int, data: bytes) -> None:
        """SET_CONFIG. Raises BackendError when it is refused."""
        self.link.set_config(offset, data)

    # -- waiting -----------------------------------------------------------------------------

    def wait(self, timeout: float) -> bool:
        """
        Sleep until the back-end did something, at most `timeout` seconds; False: nothing.

        Serves the back-end's channel. Raises BackendError when the connection or a ring is lost.
        """
        if self._poll is None:
            raise GuestError("the VMM is closed")
        ready = self._poll.poll(timeout, 8)
        calls = self._eventfds["call"]
        for fd, _ in ready:
            if fd not in calls:
                self._attend(fd)
        return bool(ready)

    def wait_for(self, done: Callable[[], bool], timeout: float) -> bool:
        """`wait` until `done()` holds; False after `timeout` seconds. Raises as `wait` does."""
        end = monotonic() + timeout
        while not done():
            left = end - monotonic()
            if left <= 0:
                return False
            self.wait(left)
        return True

    def _attend(self, fd: int) -> None:
        errors = self._eventfds["err"]
        if fd in errors:
            raise BackendError(f"back-end signalled an error of ring {errors.index(fd)}")
        if fd == self.link.fileno():
            raise self.link.lost("operation")
        channel = self.channel
        if channel is not None and channel.open:
            # Closing the descriptor takes it out of the epoll set, too.
            channel.serve()
            self.link.channel = channel.fileno() if channel.open else -1
