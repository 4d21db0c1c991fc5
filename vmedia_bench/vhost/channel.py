"""
The back-end channel without I/O: our requests to the front-end, and its answers.

Nothing waits here. A request is sent once the device runs (QEMU dies of one that comes while it is
stopped), and its ``done`` is called when the answer is there, when it is too late, or when the
device stops.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from vmedia_bench.vhost.errors import ProtocolViolationError
from vmedia_bench.wire.vhost_user import (
    FLAG_NEED_REPLY,
    FLAG_REPLY,
    HEADER,
    SHMEM_MMAP,
    SHMEM_WRITABLE,
    U64,
    VERSION,
    BackendRequest,
    backend_request_name,
)

Done = Callable[[bool], None]

_CONFIG_CHANGE = int(BackendRequest.CONFIG_CHANGE_MSG)
_MAP = int(BackendRequest.SHMEM_MAP)
_UNMAP = int(BackendRequest.SHMEM_UNMAP)
_REPLY_SIZE = HEADER.size + U64.size


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """It is not needed any more."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""As asyncio's: seconds, what to call."""


class _Call:
    """One SHMEM request on its way; ``fd`` is our own duplicate, -1 without one."""

    __slots__ = ("done", "fd", "payload", "request", "timer")

    def __init__(self, request: int, payload: bytes, fd: int, done: Done | None) -> None:
        self.request = request
        self.payload = payload
        self.fd = fd
        self.done = done
        self.timer: Timer | None = None

    def settle(self, ok: bool) -> None:
        """Tell the outcome, the first time only."""
        done, self.done = self.done, None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if done is not None:
            done(ok)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class BackendChannel:
    """
    Requests of the back-end, in order.

    ``wake`` is called when ``outgoing`` has got something to send: (message, fd or -1) pairs,
    of which the sender closes the fd. ``complain`` takes a line for the operator.
    """

    def __init__(
        self,
        call_later: CallLater,
        wake: Callable[[], None],
        complain: Callable[[str], None],
        *,
        timeout: float = 4.0,
    ) -> None:
        self._call_later = call_later
        self._wake = wake
        self._complain = complain
        self._timeout = timeout
        self._held: deque[_Call] = deque()
        self._unanswered: deque[_Call] = deque()
        self._replies = bytearray()
        self._config_changed = False
        self._config_untold = False
        self._running = False
        self.open = False
        self.reply_ack = False
        self.offers_shmem = False
        self.offers_config = False
        self.outgoing: deque[tuple[bytes, int]] = deque()

    def map(
        self, fields: tuple[int, int, int, int], fd: int, *, writable: bool, done: Done
    ) -> None:
        """SHMEM_MAP of (shmid, offset in the file, offset in the region, length)."""
        flags = SHMEM_WRITABLE if writable else 0
        if not self.open or not self.offers_shmem:
            self._complain("SHMEM_MAP: the front-end offers no shared memory, or no channel")
            done(False)
            return
        try:
            ours = os.dup(fd)
        except OSError as problem:
            self._complain(f"SHMEM_MAP: {problem.strerror}")
            done(False)
            return
        self._submit(_Call(_MAP, SHMEM_MMAP.pack(*fields, flags), ours, done))

    def unmap(self, shmid: int, shm_offset: int, length: int, done: Done) -> None:
        """SHMEM_UNMAP of exactly one mapping."""
        if not self.open or not self.offers_shmem:
            done(False)
            return
        self._submit(_Call(_UNMAP, SHMEM_MMAP.pack(shmid, 0, shm_offset, length, 0), -1, done))

    def config_changed(self) -> None:
        """CONFIG_CHANGE_MSG; several while the device is stopped become one."""
        self._config_changed = True
        if self._running:
            self._release()

    @property
    def config_told(self) -> bool:
        """Whether the front-end knows of every change of the config space."""
        return not (self._config_changed or self._config_untold)

    def run(self) -> None:
        """The device runs: send what was held back."""
        if not self._running:
            self._running = True
            self._release()

    def hold(self) -> None:
        """The device is about to stop: nothing more is sent, and nobody waits any longer."""
        self._running = False
        kept = [call for call in self._held if call.request == _UNMAP]
        waiting = [*self._unanswered, *self._held]
        self._held = deque(kept)
        for call in waiting:
            if call not in kept:
                call.close()
                call.settle(ok=False)

    def reset(self) -> None:
        """The guest reset the device: the front-end has dropped every mapping."""
        held, self._held = self._held, deque()
        for call in held:
            call.close()
            call.settle(ok=False)
        # A late answer must not unmap what the next run maps at the same place.
        for call in self._unanswered:
            call.payload = b""

    def close(self) -> None:
        """The channel or the front-end is gone."""
        self.open = False
        self._running = False
        waiting = [*self._unanswered, *self._held]
        self._unanswered.clear()
        self._held.clear()
        self._replies.clear()
        self._config_changed = self._config_untold = False
        while self.outgoing:
            _message, fd = self.outgoing.popleft()
            if fd >= 0:
                os.close(fd)
        for call in waiting:
            call.close()
            call.settle(ok=False)

    def feed(self, data: bytes) -> None:
        """Bytes that the front-end sent; raises ProtocolViolationError for anything but answers."""
        self._replies += data
        while len(self._replies) >= HEADER.size:
            request, flags, size = HEADER.unpack_from(self._replies)
            expected = self._unanswered[0].request if self._unanswered else None
            if (request, flags & ~FLAG_NEED_REPLY, size) != (
                expected,
                VERSION | FLAG_REPLY,
                U64.size,
            ):
                name = backend_request_name(request)
                raise ProtocolViolationError(f"back-end channel: unexpected {name}, {size} bytes")
            if len(self._replies) < _REPLY_SIZE:
                return
            result = U64.unpack_from(self._replies, HEADER.size)[0]
            del self._replies[:_REPLY_SIZE]
            self._answered(self._unanswered.popleft(), ok=result == 0)

    def _answered(self, call: _Call, *, ok: bool) -> None:
        name = backend_request_name(call.request)
        if not ok:
            self._complain(f"{name} was refused by the front-end")
        late = call.done is None
        call.settle(ok=ok)
        if late and ok and call.request == _MAP and call.payload:
            # Nobody knows of this mapping any more, and it would be in the next one's way.
            shmid, _, shm_offset, length, _ = SHMEM_MMAP.unpack(call.payload)
            payload = SHMEM_MMAP.pack(shmid, 0, shm_offset, length, 0)
            self._submit(_Call(_UNMAP, payload, -1, None))

    def _submit(self, call: _Call) -> None:
        if call.done is not None:
            call.timer = self._call_later(self._timeout, lambda: self._late(call))
        self._held.append(call)
        if self._running:
            self._release()

    def _late(self, call: _Call) -> None:
        name = backend_request_name(call.request)
        self._complain(f"{name} was not answered within {self._timeout:g} s")
        if call.request == _MAP and call in self._held:
            self._held.remove(call)
            call.close()
        call.timer = None
        call.settle(ok=False)

    def _release(self) -> None:
        """Send what is held: the device runs."""
        if self._config_changed:
            self._config_untold = not (self.open and self.offers_config)
            if not self._config_untold:
                self.outgoing.append((HEADER.pack(_CONFIG_CHANGE, VERSION, 0), -1))
        self._config_changed = False
        sent: list[_Call] = []
        while self._held and self.open:
            call = self._held.popleft()
            flags = VERSION | FLAG_NEED_REPLY if self.reply_ack else VERSION
            header = HEADER.pack(call.request, flags, len(call.payload))
            self.outgoing.append((header + call.payload, call.fd))
            call.fd = -1
            (self._unanswered if self.reply_ack else sent).append(call)
        if self.outgoing:
            self._wake()
        # Without REPLY_ACK there will be no answer: what was sent counts as done.
        for call in sent:
            call.settle(ok=True)
