"""The control socket of a bench: who may come in, and whose turn it is."""

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns

from vmedia_bench.control.operations.live import Topic
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.client_connection import ClientConnection, Limits
from vmedia_bench.control.server.dispatcher import Dispatcher
from vmedia_bench.control.server.handlers import handlers_of
from vmedia_bench.control.server.listening import listen, peer_uid
from vmedia_bench.control.server.pacing import Pacing
from vmedia_bench.control.server.requests import encode_error
from vmedia_bench.control.server.subscription import Subscription
from vmedia_bench.control.server.workbench import Workbench
from vmedia_bench.wire.errno_names import errno_name

log = logging.getLogger(__name__)

TURN_NS = 300_000
"""How long requests are served before the loop looks after the rings, ns."""
ACCEPTED_A_TURN = 16
ACCEPT_PAUSE_S = 1.0


def _own_users() -> frozenset[int]:
    return frozenset((0, os.geteuid()))


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How many clients at once, which users' processes, and what each client may leave unread."""

    max_clients: int = 128
    users: Collection[int] = field(default_factory=_own_users)
    limits: Limits = field(default_factory=Limits)


class ControlServer:
    """
    Serves the control API of one bench at `path`.

    Create, start and close it within the loop that runs the bench. The requests of all clients
    take turns, one each, for TURN_NS in a row at most: the rings are served in between.
    """

    def __init__(
        self, path: Path, bench: Workbench, settings: ServerSettings | None = None
    ) -> None:
        self.path = path
        self._bench = bench
        self._settings = settings or ServerSettings()
        self._dispatcher = Dispatcher(handlers_of(bench))
        bench.call = self._dispatcher.run
        self._clients: set[ClientConnection] = set()
        self._ready: deque[ClientConnection] = deque()
        self._turn_due = False
        self._pacing = Pacing(lambda: bench.transport.busy, monotonic_ns)
        self._crowded = False
        self._listener: socket.socket | None = None
        self._inode = 0

    def start(self) -> None:
        """Listen; raises ControlSocketError."""
        self._listener = listen(self.path)
        self._inode = self.path.lstat().st_ino
        self._watch()
        self._bench.device.watch(self._session_news)
        log.info("control socket: %s", self.path)

    def close(self) -> None:
        """Part with all clients, and remove the socket if it is still ours."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
            with suppress(OSError):
                if self.path.lstat().st_ino == self._inode:
                    self.path.unlink()
        for client in tuple(self._clients):
            client.close()

    def _session_news(self, session: int, what: str, errno: int) -> None:
        name = errno_name(errno) if errno else ""
        self._bench.news.tell(Topic.SESSION, {"session": session, "what": what, "errno": name})
        # Of several sessions that end together, all are gone only afterwards.
        asyncio.get_running_loop().call_soon(self._measure_rates)

    def _measure_rates(self) -> None:
        if len(self._bench.device.sessions):
            self._bench.rates.run()
        else:
            self._bench.rates.stop()

    # Who comes in

    def _watch(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener, self._acceptable)

    def _acceptable(self) -> None:
        for _ in range(ACCEPTED_A_TURN):
            if self._listener is None:
                return
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as problem:
                if not self._crowded:
                    self._crowded = True
                    log.warning("control clients have to wait: %s", problem.strerror)
                # No file descriptors left: the one that waits would wake the loop again at once.
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._listener)
                loop.call_later(ACCEPT_PAUSE_S, self._watch)
                return
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        try:
            uid = peer_uid(sock)
        except OSError:
            sock.close()
            return
        if uid not in self._settings.users:
            log.warning("refused a control client of user %d", uid)
            sock.close()
        elif not self._has_room:
            self._turn_away(sock)
        else:
            self._crowded = False
            self._welcome(sock)

    @property
    def _has_room(self) -> bool:
        limit = self._settings.max_clients
        # Who has left may not have been read to the end.
        return len(self._clients) < limit or sum(not c.hung_up for c in self._clients) < limit

    def _turn_away(self, sock: socket.socket) -> None:
        limit = self._settings.max_clients
        if not self._crowded:
            self._crowded = True
            log.warning("%d control clients are connected: more are turned away", limit)
        error = RpcError(ErrorCode.REFUSED, f"{limit} clients are connected: try again later")
        with suppress(OSError):
            sock.setblocking(False)
            sock.send(encode_error(None, error) + b"\n")
        sock.close()

    def _welcome(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client = ClientConnection(loop, sock, self, self._dispatcher, self._settings.limits)
        subscription = Subscription(
            loop, self._bench, send=client.send, has_room=lambda: client.has_room
        )
        client.own = {"live.subscribe": subscription.subscribe}
        client.listens = lambda: subscription.active
        client.on_close = subscription.close
        self._clients.add(client)

    # Whose turn it is

    def ready(self, client: ClientConnection) -> None:
        """A client has a request."""
        if client not in self._ready:
            self._ready.append(client)
        if not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_later(self._pacing.wait_ns() / 1e9, self._turn)

    def _line_up(self, client: ClientConnection) -> None:
        """Let a client that has more to do wait for its next turn."""
        if client.has_work and client not in self._ready:
            self._ready.append(client)

    def gone(self, client: ClientConnection) -> None:
        """A client has left."""
        self._clients.discard(client)

    def _turn(self) -> None:
        self._turn_due = False
        self._pacing.served()
        end = monotonic_ns() + TURN_NS
        served: set[ClientConnection] = set()
        try:
            while self._ready and monotonic_ns() < end:
                client = self._ready.popleft()
                served.add(client)
                client.serve()
                self._line_up(client)
        finally:
            for client in served:
                client.served()
                self._line_up(client)
        if self._ready and not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)
