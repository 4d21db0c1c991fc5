"""
A synchronous client of the control API. Only the standard library: a command starts in a blink.

    with Client.connect() as client:
        for session in client.call("sessions.list")["sessions"]:
            print(session["id"], session["phase"])
"""

from __future__ import annotations

import json
import os
import socket
from array import array
from collections import deque
from pathlib import Path

from vmedia_bench.control.names import (
    CONTROL_SUFFIX,
    ENVIRONMENT,
    VM_SUFFIX,
    control_socket,
    running_benches,
    runtime_folder,
)
from vmedia_bench.control.rpc import LIVE_METHOD, VERSION, ErrorCode

# From typing it would cost a fifth of this module's time to import; checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Any, Self

ANSWER_LIMIT_S = 30.0
"""How long a bench may take for an answer, beyond what a call itself waits for."""
_LONGEST_WAIT_S = 1e9
"""More is more than a socket's timeout can be."""
_CONNECT_LIMIT_S = 30
_READ_SIZE = 256 << 10
_FDS_A_READ = 16


class BenchError(Exception):
    """Base of what the client raises; the message is one line for the user."""


class BenchNotFoundError(BenchError):
    """No such bench runs; `running` are those that do."""

    def __init__(self, message: str, running: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.running = tuple(running)


class SeveralBenchesError(BenchError):
    """Several benches run, and none was named; `running` are their names."""

    def __init__(self, running: Sequence[str]) -> None:
        super().__init__(
            f"several benches run ({', '.join(running)}): name one with --bench or {ENVIRONMENT}"
        )
        self.running = tuple(running)


class BenchLostError(BenchError):
    """The connection ended, or the bench does not answer."""


class NotABenchError(BenchError):
    """What listens there does not speak the control protocol."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"what listens at {path} does not speak the control protocol")


class OperationFailedError(BenchError):
    """The bench answered with an error: `code` is an rpc.ErrorCode, `data` depends on it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def find_bench(bench: str | None = None) -> Path:
    """
    The control socket of a bench, given by name or path, else by VMEDIA_BENCH, else the only one.

    Raises BenchNotFoundError where there is none, SeveralBenchesError where one has to be named.
    """
    wanted = bench or os.environ.get(ENVIRONMENT)
    if wanted:
        if "/" in wanted:
            if wanted.endswith(VM_SUFFIX):
                control = wanted.removesuffix(VM_SUFFIX) + CONTROL_SUFFIX
                raise BenchNotFoundError(f"{wanted} is for a VM; commands go to {control}")
            return Path(wanted)
        try:
            return control_socket(wanted)
        except ValueError as error:
            raise BenchNotFoundError(str(error), running_benches()) from None
    running = running_benches()
    if not running:
        raise BenchNotFoundError(
            f"no bench runs (looked in {runtime_folder()}): start one with vmedia-bench serve"
        )
    if len(running) > 1:
        raise SeveralBenchesError(running)
    return control_socket(running[0])


def connected_socket(path: Path) -> socket.socket:
    """A socket connected to a bench; raises BenchNotFoundError, BenchLostError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Where hundreds wait to be let in, connecting blocks: no longer than an answer may take.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, array("l", [_CONNECT_LIMIT_S, 0]))
    try:
        sock.connect(str(path))
    except OSError as problem:
        sock.close()
        raise _not_there(path, problem) from None
    return sock


class Client:
    """One connection to a bench; leaving its `with` block closes it."""

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self.path = path
        self.answer_limit_s: float | None = ANSWER_LIMIT_S
        """How long calls wait for their answer; None: for as long as it takes."""
        self._sock = sock
        self._buffer = bytearray()
        self._fds: deque[int] = deque()
        self._live: deque[dict[str, Any]] = deque()
        self._serial = 0

    @classmethod
    def connect(cls, bench: str | None = None) -> Self:
        """Connect to a bench, found as `find_bench` does; raises as that, BenchLostError too."""
        path = find_bench(bench)
        return cls(connected_socket(path), path)

    @property
    def name(self) -> str:
        """What the bench is called."""
        return self.path.stem

    def close(self) -> None:
        """End the connection."""
        self._sock.close()
        while self._fds:
            os.close(self._fds.popleft())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """
        Call an operation; its result. What is None is left out.

        Raises OperationFailedError with what the bench answered, or for a value that JSON cannot
        say; BenchLostError.
        """
        result, fd = self.call_with_fd(method, **params)
        if fd is not None:
            os.close(fd)
        return result

    def call_with_fd(self, method: str, /, **params: Any) -> tuple[dict[str, Any], int | None]:
        """As `call`, with the file descriptor that came beside the result; it is the caller's."""
        self._serial += 1
        given = {name: value for name, value in params.items() if value is not None}
        request = {"jsonrpc": VERSION, "id": self._serial, "method": method, "params": given}
        line = _as_line(request)
        limit, wait = self.answer_limit_s, float(given.get("timeout_s", 0))
        self._sock.settimeout(None if limit is None else min(limit + wait, _LONGEST_WAIT_S))
        try:
            self._sock.sendall(line)
        except OSError as problem:
            self._explain_loss(problem)
        while True:
            message = self._next_message()
            if message.get("method") == LIVE_METHOD:
                self._live.append(message["params"])
            elif message.get("id") in {self._serial, None}:
                return self._result(message), self._fds.popleft() if self._fds else None

    def follow(
        self, topics: Sequence[str], session: int | None = None, interval_ms: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """
        Subscribe, and give batches as they come: {"topic", "items", "lost"}.

        Ends with BenchLostError when the bench does. Raises OperationFailedError at once for a
        topic that there is not.
        """
        self.call("live.subscribe", topics=list(topics), session=session, interval_ms=interval_ms)
        return self._batches()

    def _batches(self) -> Iterator[dict[str, Any]]:
        self._sock.settimeout(None)
        while True:
            while self._live:
                yield self._live.popleft()
            message = self._next_message()
            if message.get("method") == LIVE_METHOD:
                yield message["params"]

    def _result(self, message: dict[str, Any]) -> dict[str, Any]:
        error = message.get("error")
        if error is not None:
            raise OperationFailedError(error["code"], error["message"], error.get("data"))
        result = message.get("result")
        if not isinstance(result, dict):
            raise NotABenchError(self.path)
        return result

    def _next_message(self) -> dict[str, Any]:
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            message = json.loads(line)
        except ValueError:
            raise NotABenchError(self.path) from None
        if not isinstance(message, dict):
            raise NotABenchError(self.path)
        return message

    def _receive(self) -> None:
        room = socket.CMSG_SPACE(_FDS_A_READ * array("i").itemsize)
        try:
            data, ancillary, _flags, _address = self._sock.recvmsg(
                _READ_SIZE, room, socket.MSG_CMSG_CLOEXEC
            )
        except TimeoutError:
            raise BenchLostError(f"the bench {self.name} does not answer") from None
        except OSError as problem:
            raise self._lost(problem.strerror or "") from None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                self._fds.extend(numbers)
        if not data:
            raise self._lost("")
        self._buffer += data

    def _explain_loss(self, problem: OSError) -> None:
        """A bench that turns a client away says why before it closes."""
        message = self._next_message()
        self._result(message)
        raise self._lost(problem.strerror or "")

    def _lost(self, why: str) -> BenchLostError:
        return BenchLostError(f"the bench {self.name} has ended" + (f" ({why})" if why else ""))


def _as_line(request: dict[str, Any]) -> bytes:
    try:
        return _encode(request) + b"\n"
    except ValueError:
        raise OperationFailedError(
            ErrorCode.INVALID_PARAMS,
            f"{_unsayable(request['params'])}: numbers are finite, and text is UTF-8",
        ) from None


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _unsayable(params: dict[str, Any], path: str = "") -> str:
    """Dotted name of the first parameter that JSON cannot say."""
    for name, value in params.items():
        try:
            _encode(value)
        except ValueError:
            inner = f"{path}{name}"
            return _unsayable(value, f"{inner}.") if isinstance(value, dict) else inner
    return path.rstrip(".")


def _not_there(path: Path, problem: OSError) -> BenchError:
    running = running_benches()
    there = f"; running: {', '.join(running)}" if running else "; none runs"
    if isinstance(problem, FileNotFoundError | ConnectionRefusedError):
        name = path.stem if path.parent == runtime_folder() else str(path)
        return BenchNotFoundError(f"no bench {name} runs{there}", running)
    if isinstance(problem, BlockingIOError):
        return BenchLostError(f"the bench at {path} does not answer")
    return BenchLostError(f"cannot reach the bench at {path}: {problem.strerror}")
