"""One client of the control socket: lines in, answers and notifications out."""

import asyncio
import inspect
import logging
import os
import select
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vmedia_bench.control.rpc import MAX_LINE, ErrorCode, RpcError
from vmedia_bench.control.server import requests
from vmedia_bench.control.server.dispatcher import Dispatcher, Handler, WithFd, as_rpc_error
from vmedia_bench.control.server.lines import LineReader, LineTooLongError
from vmedia_bench.control.server.outbox import Outbox
from vmedia_bench.control.server.requests import Request

log = logging.getLogger(__name__)

READ_SIZE = 64 << 10
MAX_WAITING_LINES = 64
"""Lines that wait for their turn before no more are read."""
MAX_WAITING_BYTES = MAX_LINE
"""The same in bytes."""
MAX_PENDING_CALLS = 32
"""Calls of one client that wait for something at the same time."""
HALF_CLOSED_LOOK_S = 1.0
"""How often to see whether a client that sends no more still listens."""
NO_FD = -1

Reply = Callable[[bytes | None, int], None]
"""Takes an answer without its newline (None: none is wanted) and a file descriptor or -1."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a client may leave unread: above `unread` bytes its requests are not served, above
    `live` bytes it loses notifications, and `stall_s` seconds without reading end it.
    """

    unread: int = 1 << 20
    live: int = 256 << 10
    stall_s: float = 30.0


class Host(Protocol):
    """The server, as a connection sees it."""

    def ready(self, client: "ClientConnection") -> None:
        """The client has work; call its `serve` when it is its turn."""

    def gone(self, client: "ClientConnection") -> None:
        """The client is closed."""


class Batch:
    """The answers to a batch, collected until the last one is there."""

    def __init__(self, size: int, send: Callable[[bytes], None]) -> None:
        self._left = size
        self._answers: list[bytes] = []
        self._send = send

    def answered(self, answer: bytes | None, fd: int) -> None:
        """One request is done; a batch passes no file descriptors."""
        assert fd == NO_FD
        if answer is not None:
            self._answers.append(answer)
        self._left -= 1
        if not self._left and self._answers:
            self._send(b"[" + b",".join(self._answers) + b"]\n")


class ClientConnection:
    """
    Serves one client until it is gone.

    `serve` does one request; the server decides when. `own` are handlers of this client alone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        host: Host,
        dispatcher: Dispatcher,
        limits: Limits,
    ) -> None:
        sock.setblocking(False)
        self.own: Mapping[str, Handler] = {}
        self.listens: Callable[[], bool] = lambda: False
        """Whether it waits for notifications, even when it sends no more."""
        self.on_close: Callable[[], None] = lambda: None
        self._loop = loop
        self._sock = sock
        self._host = host
        self._dispatcher = dispatcher
        self._limits = limits
        self._reader = LineReader(MAX_LINE)
        self._outbox = Outbox()
        self._work: deque[bytes | tuple[Batch, Any]] = deque()
        self._waiting_bytes = 0
        self._calls: dict[asyncio.Task[None], bool] = {}
        self._reading = self._writing = self._serving = False
        self._sends_no_more = False
        self._closed = False
        self._stalled: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._read_on()

    @property
    def has_room(self) -> bool:
        """Whether it reads what it is sent fast enough for notifications."""
        return self._outbox.size <= self._limits.live

    def close(self) -> None:
        """Part with the client; what waits for it is dropped."""
        if self._closed:
            return
        self._closed = True
        self._pause()
        self._loop.remove_writer(self._sock)
        for timer in (self._stalled, self._look):
            if timer is not None:
                timer.cancel()
        for call, outlives in self._calls.items():
            if not outlives:
                call.cancel()
        self._work.clear()
        self._outbox.clear()
        self._sock.close()
        self.on_close()
        self._host.gone(self)

    # In

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if data:
            self._take(data)
        else:
            self._end_of_input()

    def _take(self, data: bytes) -> None:
        try:
            for line in self._reader.feed(data):
                self._add(line)
        except LineTooLongError:
            self._reply_to_line(
                RpcError(ErrorCode.INVALID_REQUEST, f"a line has less than {MAX_LINE} bytes")
            )
            self._stop_reading()
        if len(self._work) >= MAX_WAITING_LINES or self._waiting_bytes >= MAX_WAITING_BYTES:
            self._pause()
        self._wake()

    def _add(self, line: bytes) -> None:
        self._work.append(line)
        self._waiting_bytes += len(line)

    def _end_of_input(self) -> None:
        rest = self._reader.rest()
        if rest:
            self._add(rest)
        self._stop_reading()
        self._wake()
        self._close_if_alone()

    def _stop_reading(self) -> None:
        """Nothing more is read; it is closed once it has all its answers."""
        self._sends_no_more = True
        self._pause()
        self._look = self._loop.call_later(HALF_CLOSED_LOOK_S, self._look_after_half_closed)

    def _look_after_half_closed(self) -> None:
        self._look = self._loop.call_later(HALF_CLOSED_LOOK_S, self._look_after_half_closed)
        self._close_if_alone()

    @property
    def hung_up(self) -> bool:
        """Whether the other end is gone, though what it said before may still be unread."""
        poller = select.poll()
        poller.register(self._sock, 0)
        return bool(poller.poll(0))

    def _close_if_alone(self) -> None:
        """Close once the other end is gone; what it asked for before that is done first."""
        if not self._closed and not self._work and self.hung_up:
            self.close()

    def _is_done(self) -> bool:
        waits = self._work or self._calls or self._outbox.size
        return self._sends_no_more and not waits and not self.listens()

    def _read_on(self) -> None:
        if not self._reading and not self._sends_no_more:
            self._reading = True
            self._loop.add_reader(self._sock, self._readable)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    # Work

    @property
    def has_work(self) -> bool:
        """Whether `serve` has something to do that it may do now."""
        return bool(self._work) and self._outbox.size <= self._limits.unread

    def _wake(self) -> None:
        if self.has_work:
            self._host.ready(self)
        elif self._is_done():
            self.close()

    def serve(self) -> None:
        """Do the next request, if there is one; its answer leaves with `served`."""
        if self._closed or not self.has_work:
            return
        self._serving = True
        item = self._work.popleft()
        if isinstance(item, tuple):
            batch, value = item
            self._run(value, batch.answered, in_batch=True)
        else:
            self._waiting_bytes -= len(item)
            self._line(item)
        if len(self._work) < MAX_WAITING_LINES // 2 and self._waiting_bytes < MAX_WAITING_BYTES:
            self._read_on()

    def served(self) -> None:
        """Send all answers since `serve` at once: the client wakes up once for them."""
        if self._closed:
            return
        self._serving = False
        if self._outbox.size and not self._writing:
            self._flush()
        if self._is_done():
            self.close()
        elif self._sends_no_more:
            self._close_if_alone()

    def _line(self, line: bytes) -> None:
        try:
            value = requests.decode(line)
        except RpcError as error:
            self._reply_to_line(error)
            return
        if isinstance(value, list):
            batch = Batch(len(value), self.send)
            self._work.extendleft((batch, each) for each in reversed(value))
        else:
            self._run(value, self._answered, in_batch=False)

    def _reply_to_line(self, error: RpcError) -> None:
        self.send(requests.encode_error(None, error) + b"\n")

    def _run(self, value: Any, reply: Reply, *, in_batch: bool) -> None:
        try:
            request = requests.check(value)
        except RpcError as error:
            reply(requests.encode_error(requests.id_of(value), error), NO_FD)
            return
        try:
            if in_batch and self._dispatcher.passes_fd(request.method):
                raise RpcError(
                    ErrorCode.INVALID_REQUEST,
                    f"{request.method} passes a file descriptor: not in a batch",
                )
            result = self._dispatcher.call(request.method, request.params, self.own)
        except RpcError as error:
            _fail(request, error, reply)
            return
        if inspect.iscoroutine(result):
            self._call(request, result, reply)
        else:
            _answer(request, result, reply)

    def _call(self, request: Request, result: Any, reply: Reply) -> None:
        """Run a call that has to wait; others go on meanwhile."""
        if len(self._calls) >= MAX_PENDING_CALLS:
            result.close()
            error = RpcError(ErrorCode.REFUSED, f"{MAX_PENDING_CALLS} calls wait already")
            _fail(request, error, reply)
            return
        call = self._loop.create_task(_finish(request, result, reply))
        self._calls[call] = self._dispatcher.outlives_its_client(request.method)
        call.add_done_callback(self._call_done)

    def _call_done(self, call: asyncio.Task[None]) -> None:
        del self._calls[call]
        if not self._closed and self._is_done():
            self.close()

    # Out

    def send(self, data: bytes, fd: int = NO_FD) -> None:
        """Send a line, with its newline; the fd is closed once it is sent."""
        if self._closed:
            if fd != NO_FD:
                os.close(fd)
            return
        idle = not self._outbox.size
        self._outbox.add(data, fd)
        if idle and not self._serving:
            self._flush()

    def _answered(self, answer: bytes | None, fd: int) -> None:
        if answer is not None:
            self.send(answer + b"\n", fd)

    def _flush(self) -> None:
        before = self._outbox.size
        try:
            done = self._outbox.send(self._sock)
        except OSError:
            self._loop.call_soon(self.close)
            return
        if self._stalled is not None and (done or self._outbox.size < before):
            self._stalled.cancel()
            self._stalled = None
        if not done:
            if self._stalled is None:
                self._stalled = self._loop.call_later(self._limits.stall_s, self._stall)
            self._loop.add_writer(self._sock, self._writable)
            self._writing = True
        elif self._writing:
            self._loop.remove_writer(self._sock)
            self._writing = False

    def _writable(self) -> None:
        self._flush()
        if not self._closed:
            self._wake()

    def _stall(self) -> None:
        log.warning("a client reads nothing: parted with it")
        self.close()


async def _finish(request: Request, result: Awaitable[Any], reply: Reply) -> None:
    try:
        _answer(request, await result, reply)
    except RpcError as error:
        _fail(request, error, reply)


def _answer(request: Request, result: Any, reply: Reply) -> None:
    fd = NO_FD
    if isinstance(result, WithFd):
        result, fd = result
    if request.notification:
        if fd != NO_FD:
            os.close(fd)
        reply(None, NO_FD)
        return
    try:
        answer = requests.encode_result(request.id, result)
    except Exception as error:  # noqa: BLE001  (every mistake is answered)
        if fd != NO_FD:
            os.close(fd)
        _fail(request, as_rpc_error(request.method, error), reply)
        return
    reply(answer, fd)


def _fail(request: Request, error: RpcError, reply: Reply) -> None:
    reply(None if request.notification else requests.encode_error(request.id, error), NO_FD)
