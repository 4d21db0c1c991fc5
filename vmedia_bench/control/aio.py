"""
An asynchronous client of the control API with typed parameters and results, for screens.

    client = await AsyncClient.connect()
    picture: Snapshot = await client.call("bench.snapshot", SnapshotParams(controls=True))
"""

import asyncio
import os
import socket
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from vmedia_bench.control.client import (
    BenchError,
    BenchLostError,
    OperationFailedError,
    connected_socket,
    find_bench,
)
from vmedia_bench.control.operation import Nothing, Operation
from vmedia_bench.control.operations.bench import Snapshot
from vmedia_bench.control.operations.buffers import QueueState
from vmedia_bench.control.operations.live import Live, LogLine, SubscribeParams, Topic
from vmedia_bench.control.operations.trace import TraceRecord
from vmedia_bench.control.registry import operation
from vmedia_bench.control.rpc import LIVE_METHOD, VERSION

OnLive = Callable[[Live], None]
"""Is given each batch of notifications; items are dataclasses, or dicts for vm and session."""

_READ_SIZE = 256 << 10
_FDS = array("i", [0] * 16)
_ITEMS: dict[Topic, Any] = {
    Topic.VM: tuple[dict[str, Any], ...],
    Topic.SESSION: tuple[dict[str, Any], ...],
    Topic.BUFFER: tuple[QueueState, ...],
    Topic.COMMAND: tuple[TraceRecord, ...],
    Topic.EVENT: tuple[TraceRecord, ...],
    Topic.FAULT: tuple[TraceRecord, ...],
    Topic.LOG: tuple[LogLine, ...],
    Topic.SNAPSHOT: tuple[Snapshot, ...],
}


class _Error(msgspec.Struct):
    code: int
    message: str
    data: Any = None


class _Message(msgspec.Struct):
    """Whatever the bench sends."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    method: str = ""
    params: msgspec.Raw = msgspec.Raw()


class _LiveParams(msgspec.Struct):
    topic: Topic
    items: msgspec.Raw
    lost: int


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_live = msgspec.json.Decoder(_LiveParams).decode
_encode = msgspec.json.Encoder().encode


class _Call:
    """A call that waits for its answer."""

    __slots__ = ("answer", "operation")

    def __init__(self, called: Operation, answer: "asyncio.Future[tuple[Any, int | None]]") -> None:
        self.operation = called
        self.answer = answer


class AsyncClient:
    """
    One connection to a bench, on the running loop. Calls may overlap.

    `on_live` is called with each batch of notifications, `on_lost` once when the bench has gone
    (not after `close`); both in the loop.
    """

    def __init__(self, sock: socket.socket, path: Path) -> None:
        sock.setblocking(False)
        self.path = path
        self.on_live: OnLive = lambda _live: None
        self.on_lost: Callable[[BenchLostError], None] = lambda _error: None
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._buffer = bytearray()
        self._unsent = bytearray()
        self._fds: deque[int] = deque()
        self._calls: dict[int, _Call] = {}
        self._serial = 0
        self._closed = False
        self._rest: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._readable)

    @classmethod
    async def connect(cls, bench: str | None = None) -> "AsyncClient":
        """Connect to a bench, found as the synchronous client does; raises as that does."""
        loop = asyncio.get_running_loop()
        path = await loop.run_in_executor(None, find_bench, bench)
        return cls(await loop.run_in_executor(None, connected_socket, path), path)

    @property
    def name(self) -> str:
        """What the bench is called."""
        return self.path.stem

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed

    def close(self) -> None:
        """End the connection; calls that wait raise BenchLostError."""
        self._end(BenchLostError(f"the connection to {self.name} was closed"))

    async def call(self, name: str, params: object | None = None) -> Any:
        """
        Call an operation with its params dataclass; its result dataclass.

        Raises OperationFailedError with what the bench answered, BenchLostError; KeyError for an
        operation that there is not.
        """
        result, fd = await self.call_with_fd(name, params)
        if fd is not None:
            os.close(fd)
        return result

    async def call_with_fd(self, name: str, params: object | None = None) -> tuple[Any, int | None]:
        """As `call`, with the file descriptor that came beside the result; it is the caller's."""
        called = operation(name)
        if self._closed:
            raise BenchLostError(f"the connection to {self.name} has ended")
        self._end_rest()
        self._serial += 1
        answer: asyncio.Future[tuple[Any, int | None]] = self._loop.create_future()
        serial = self._serial
        self._calls[serial] = _Call(called, answer)
        request = {
            "jsonrpc": VERSION,
            "id": serial,
            "method": name,
            "params": Nothing() if params is None else params,
        }
        self._send(_encode(request) + b"\n")
        try:
            return await answer
        except asyncio.CancelledError:
            # The answer may still come, and its file descriptor with it.
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                _close(answer.result()[1])
            raise

    async def subscribe(
        self, topics: Sequence[Topic], session: int | None = None, interval_ms: int = 50
    ) -> None:
        """Have `on_live` called with these topics, and with no others."""
        params = SubscribeParams(topics=tuple(topics), session=session, interval_ms=interval_ms)
        await self.call("live.subscribe", params)

    def rest_until(self, when: float) -> None:
        """
        Do not wake up for what is told before `when`, a time of the loop's clock.

        It is heard then, all at once. A call ends the rest, and none begins while one is under way.
        """
        if self._closed or self._calls or self._rest is not None:
            return
        self._loop.remove_reader(self._sock)
        self._rest = self._loop.call_at(when, self._end_rest)

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self._loop.add_reader(self._sock, self._readable)

    # Out

    def _send(self, data: bytes) -> None:
        """Have it sent, together with what else is said in this turn: it wakes the bench once."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent += data

    def _flush(self) -> None:
        if self._closed:
            return
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._sock, self._flush)
            return
        except OSError as problem:
            self._loop.call_soon(self._lost, problem.strerror or "")
            return
        self._loop.remove_writer(self._sock)

    # In

    def _readable(self) -> None:
        room = socket.CMSG_SPACE(len(_FDS) * _FDS.itemsize)
        try:
            data, ancillary, _flags, _address = self._sock.recvmsg(
                _READ_SIZE, room, socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self._lost(problem.strerror or "")
            return
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                self._fds.extend(numbers)
        if not data:
            self._lost("")
            return
        start = len(self._buffer)
        self._buffer += data
        self._take_lines(start)

    def _take_lines(self, searched: int) -> None:
        done = 0
        while (end := self._buffer.find(b"\n", max(done, searched))) >= 0:
            line = bytes(self._buffer[done:end])
            done = end + 1
            self._message(line)
            if self._closed:
                return
        del self._buffer[:done]

    def _message(self, line: bytes) -> None:
        try:
            message = _decode_message(line)
            if message.method == LIVE_METHOD:
                live = _decode_live(message.params)
                items = _items_decoder(live.topic)(live.items)
                self.on_live(Live(topic=live.topic, items=items, lost=live.lost))
                return
        except msgspec.MsgspecError as error:
            self._lost(f"it says what this client does not understand: {error}")
            return
        if message.id is None:
            self._lost(message.error.message if message.error else "")
        else:
            self._answer(message.id, message)

    def _answer(self, serial: int, message: _Message) -> None:
        call = self._calls.pop(serial, None)
        if call is None:
            return
        brings_fd = call.operation.passes_fd and message.error is None and self._fds
        fd = self._fds.popleft() if brings_fd else None
        if call.answer.done():
            _close(fd)
        elif message.error is not None:
            error = message.error
            call.answer.set_exception(OperationFailedError(error.code, error.message, error.data))
        else:
            try:
                result = msgspec.json.decode(message.result, type=call.operation.result)
            except msgspec.MsgspecError as error:
                _close(fd)
                call.answer.set_exception(BenchError(f"{call.operation.name}: {error}"))
                return
            call.answer.set_result((result, fd))

    # The end

    def _lost(self, why: str) -> None:
        if self._closed:
            return
        error = BenchLostError(f"the bench {self.name} has ended" + (f": {why}" if why else ""))
        self._end(error)
        self.on_lost(error)

    def _end(self, error: BenchLostError) -> None:
        if self._closed:
            return
        self._end_rest()
        self._closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        while self._fds:
            os.close(self._fds.popleft())
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.answer.done():
                call.answer.set_exception(error)


@cache
def _items_decoder(topic: Topic) -> Callable[[msgspec.Raw], Any]:
    return msgspec.json.Decoder(_ITEMS[topic]).decode


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)
