"""The back-end's listening end: one front-end at a time, and the next one after it."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from vmedia_bench.vhost.connection import Connection, peer_name
from vmedia_bench.vhost.device import Device
from vmedia_bench.vhost.errors import SocketSetupError
from vmedia_bench.vhost.memory import RegionStatus
from vmedia_bench.vhost.observer import (
    Connected,
    ConnectionRefused,
    Counters,
    Listening,
    LoggingObserver,
    Observer,
)
from vmedia_bench.vhost.recorder import Recorder
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.vhost.sockets import adopt, listen
from vmedia_bench.vhost.vring import RingStatus
from vmedia_bench.wire.vhost_user import feature_names, protocol_feature_names

ACCEPT_PAUSE_S = 1.0


class TransportStatus(NamedTuple):
    """Everything an onlooker may want to know, as it was at one moment."""

    where: str
    listening: bool
    peer: str | None
    running: bool
    features: tuple[str, ...]
    protocol_features: tuple[str, ...]
    rings: tuple[RingStatus, ...]
    regions: tuple[RegionStatus, ...]
    counters: Counters


class VhostServer:
    """Hosts one device. Create and use it within the event loop that is to run it."""

    def __init__(
        self,
        device: Device,
        settings: Settings,
        observer: Observer | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._device = device
        self._settings = settings
        self._observer: Observer = LoggingObserver() if observer is None else observer
        self._recorder = recorder
        self._held: set[int] = set()
        self._listener: socket.socket | None = None
        self._inode: int | None = None
        self._connection: Connection | None = None
        self._finished: asyncio.Event = asyncio.Event()
        self.counters = Counters()

    @property
    def connected(self) -> bool:
        """Whether a front-end is there."""
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Whether a guest sends commands without a pause."""
        return self._connection is not None and self._connection.busy

    def start(self) -> None:
        """Listen, or serve the inherited socket; raises SocketSetupError."""
        settings = self._settings
        if (settings.path is None) == (settings.fd is None):
            raise SocketSetupError("give either a socket path or an inherited fd")
        if settings.path is not None:
            self._listener = listen(settings.path)
            self._inode = settings.path.stat().st_ino
        elif settings.fd is not None:
            sock, listens = adopt(settings.fd)
            if not listens:
                self._connect(sock)
                return
            self._listener = sock
        if self._listener is not None:
            self._watch()
            self._observer(Listening(self._where))

    async def wait_finished(self) -> None:
        """Until nobody can come any more: closed, or the one inherited connection is over."""
        await self._finished.wait()

    def stop_ring(self, index: int) -> None:
        """Serve a ring no more, whoever connects; the front-end may stop and start it as ever."""
        self._held.add(index)
        if self._connection is not None:
            self._connection.hold(index)

    def resume_ring(self, index: int) -> None:
        """Serve a stopped ring again."""
        self._held.discard(index)
        if self._connection is not None:
            self._connection.release(index)

    @property
    def stopped_rings(self) -> frozenset[int]:
        """The rings that `stop_ring` holds."""
        return frozenset(self._held)

    @property
    def config_told(self) -> bool:
        """Whether no front-end is there that has not heard of a change of the config space."""
        return self._connection is None or self._connection.config_told

    def disconnect(self, reason: str = "") -> None:
        """Part with the front-end that is there, if any; the next one may come."""
        if self._connection is not None:
            self._connection.close(reason)

    def close(self) -> None:
        """Stop listening, part with the front-end, and remove the socket file if it is ours."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
            path = self._settings.path
            with suppress(OSError):
                if path is not None and path.stat().st_ino == self._inode:
                    path.unlink()
        self.disconnect()
        self._finished.set()

    def status(self) -> TransportStatus:
        """A snapshot that does not change any more."""
        connection = self._connection
        listening = self._listener is not None
        if connection is None:
            return TransportStatus(
                self._where, listening, None, False, (), (), (), (), replace(self.counters)
            )
        backend = connection.backend
        return TransportStatus(
            self._where,
            listening,
            connection.peer,
            backend.is_running,
            feature_names(backend.features),
            protocol_feature_names(backend.protocol_features, self._settings.shmem_bit),
            connection.ring_statuses(),
            connection.memory.regions,
            replace(self.counters),
        )

    @cached_property
    def _where(self) -> str:
        path = self._settings.path
        return f"fd {self._settings.fd}" if path is None else str(path.absolute())

    def _watch(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._acceptable)

    def _acceptable(self) -> None:
        if self._listener is None:
            return
        try:
            sock, _address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # No file descriptors left: the one that waits would wake the loop again at once.
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            loop.call_later(ACCEPT_PAUSE_S, self._watch)
            return
        if self._connection is not None and self._connection.hung_up:
            # The next one came before all was read that the last one said.
            self._connection.close()
        if self._connection is None:
            self._connect(sock)
            return
        reason = f"{self._connection.peer} is connected"
        self._observer(ConnectionRefused(peer_name(sock), reason))
        sock.close()

    def _connect(self, sock: socket.socket) -> None:
        self.counters.connections += 1
        self._connection = Connection(
            asyncio.get_running_loop(),
            sock,
            self._device,
            settings=self._settings,
            observer=self._observer,
            counters=self.counters,
            recorder=self._recorder,
            held=self.stopped_rings,
            on_gone=self._gone,
        )
        self._observer(Connected(self._connection.peer))

    def _gone(self) -> None:
        self._connection = None
        if self._listener is None:
            self._finished.set()
