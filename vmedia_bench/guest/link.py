"""The front-end's end of a vhost-user socket, with errors that name what the back-end did wrong."""

import select
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Self

from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, BackendUnreachableError
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import Frontend, Received
from vmedia_bench.wire import vhost_user as vu

_R = vu.Request
_ANSWER_SIZES: dict[int, int] = {
    _R.GET_FEATURES: vu.U64.size,
    _R.GET_PROTOCOL_FEATURES: vu.U64.size,
    _R.GET_QUEUE_NUM: vu.U64.size,
    _R.GET_MAX_MEM_SLOTS: vu.U64.size,
    _R.GET_VRING_BASE: vu.VRING_STATE.size,
    _R.GET_SHMEM_CONFIG: vu.SHMEM_CONFIG.size,
}
_WITH_VALUE = frozenset((_R.SET_VRING_NUM, _R.SET_VRING_BASE, _R.SET_VRING_ENABLE))
_OF_RING = frozenset(
    (
        _R.SET_VRING_ADDR,
        _R.SET_VRING_KICK,
        _R.SET_VRING_CALL,
        _R.SET_VRING_ERR,
        _R.GET_VRING_BASE,
    )
)
_WITH_BITS = frozenset((_R.SET_FEATURES, _R.SET_PROTOCOL_FEATURES))
_WITH_RANGE = frozenset((_R.GET_CONFIG, _R.SET_CONFIG))


def describe(request: int, payload: bytes) -> str:
    """A message in a few words: "SET_VRING_NUM 256 of ring 0"."""
    name = vu.request_name(request)
    try:
        if request in _WITH_VALUE:
            ring, value = vu.VRING_STATE.unpack_from(payload)
            return f"{name} {value} of ring {ring}"
        if request in _OF_RING:
            return f"{name} of ring {payload[0]}"
        if request in _WITH_BITS:
            return f"{name} {vu.U64.unpack_from(payload)[0]:#x}"
        if request in _WITH_RANGE:
            offset, size, _ = vu.CONFIG.unpack_from(payload)
            return f"{name} of {size} bytes at {offset}"
        if request == _R.SET_MEM_TABLE:
            return f"{name} of {vu.MEM_TABLE.unpack_from(payload)[0]} region(s)"
    except (struct.error, IndexError):
        pass
    return name


class Link(Frontend):
    """
    A connected front-end.

    `log` lists the messages sent. `channel` is the descriptor of the back-end's channel (or -1);
    `serve` is called when it has something to say while an answer is awaited. All methods raise
    BackendError, BackendTimeoutError among them.
    """

    log: list[str]
    channel: int
    serve: Callable[[], None]
    seconds: float
    _unacknowledged: str

    @classmethod
    def connect(cls, path: Path | str, timeout: float = 5.0) -> Self:
        """Connect to a listening back-end; each answer may take `timeout` seconds."""
        try:
            link = super().connect(path, timeout)
        except FrontendError as error:
            raise BackendUnreachableError(f"no back-end listens: {error}") from error
        link.log = []
        link.channel = -1
        link.serve = lambda: None
        link.seconds = timeout
        link._unacknowledged = ""
        return link

    def tell(self, request: int, payload: bytes = b"", fds: Sequence[int] = ()) -> None:
        """Send a message without an answer of its own; wait for REPLY_ACK where it is used."""
        name = describe(request, payload)
        flags = vu.VERSION | (vu.FLAG_NEED_REPLY if self.reply_ack else 0)
        self._say(name, request, payload, fds, flags)
        if not self.reply_ack:
            self._unacknowledged = name
            return
        answer = self._hear(name, request, vu.U64.size)
        if vu.U64.unpack(answer)[0]:
            raise BackendError(f"back-end refused {name}")

    def ask(self, request: int, payload: bytes = b"") -> bytes:
        """Send a message that has an answer; returns the answer's payload, of the right size."""
        name = describe(request, payload)
        self._say(name, request, payload, (), vu.VERSION)
        return self._hear(name, request, _ANSWER_SIZES.get(request, len(payload)))

    def lost(self, during: str) -> BackendError:
        """The error for a connection that is gone."""
        before = self._unacknowledged
        tail = f"; it had not acknowledged {before}" if before not in {"", during} else ""
        if len(self.log) == 1:
            # Back-ends serve one VM, and turn others away like this.
            tail = "; does it serve another VM?"
        return BackendError(f"back-end closed the connection during {during}{tail}")

    def _say(self, name: str, request: int, payload: bytes, fds: Sequence[int], flags: int) -> None:
        self.log.append(name)
        try:
            self.send_raw(request, payload, fds, flags=flags)
        except FrontendError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise BackendTimeoutError(f"back-end does not read {name}") from error
            raise self.lost(name) from error

    def _hear(self, name: str, request: int, size: int) -> bytes:
        self._await(name)
        try:
            answer = self.receive()
        except FrontendError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise BackendTimeoutError(f"back-end answered {name} in part only") from error
            if "announces" in str(error):
                raise BackendError(f"back-end answered {name} with too much: {error}") from error
            raise self.lost(name) from error
        answer.close()
        self._check(name, request, answer, size)
        self._unacknowledged = ""
        return answer.payload

    @staticmethod
    def _check(name: str, request: int, answer: Received, size: int) -> None:
        if answer.request != request:
            raise BackendError(f"back-end answered {name} as {vu.request_name(answer.request)}")
        if answer.flags & ~vu.FLAG_NEED_REPLY != vu.VERSION | vu.FLAG_REPLY:
            raise BackendError(f"back-end answered {name} with flags {answer.flags:#x}")
        if len(answer.payload) != size:
            refused = " (refused)" if not answer.payload or request in _WITH_RANGE else ""
            raise BackendError(
                f"back-end answered {name} with {len(answer.payload)} bytes{refused}, "
                f"{size} are needed"
            )

    def _await(self, name: str) -> None:
        """Wait for the answer's first byte, serving the back-end's channel meanwhile."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        if self.channel >= 0:
            poll.register(self.channel, select.POLLIN)
        end = monotonic() + self.seconds
        while True:
            ready = poll.poll(max(end - monotonic(), 0) * 1000)
            if not ready:
                raise BackendTimeoutError(f"back-end did not answer {name} in {self.seconds:g} s")
            for fd, _ in ready:
                if fd == self.fileno():
                    return
                self.serve()
                if self.channel < 0:
                    poll.unregister(fd)
