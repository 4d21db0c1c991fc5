"""
vhost-user messages without I/O: what a well-formed one is, and cutting them from a byte stream.

Source: QEMU's docs/interop/vhost-user.rst. One table says how large each message is and how many
file descriptors ride on it. None that is spoken here may exceed MAX_PAYLOAD; the largest is the
answer to GET_SHMEM_CONFIG with 2056 bytes.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vmedia_bench.vhost.errors import ProtocolViolationError, RequestRefusedError
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    FLAG_NEED_REPLY,
    FLAG_REPLY,
    FLAG_VERSION_MASK,
    FLAGS_KNOWN,
    HEADER,
    MAX_CONFIG,
    MAX_FDS,
    MAX_PAYLOAD,
    MAX_REGIONS,
    MEM_REGION,
    MEM_TABLE,
    SINGLE_REGION,
    U64,
    VERSION,
    VRING_ADDR,
    VRING_INDEX_MASK,
    VRING_NO_FD,
    VRING_STATE,
    Request,
    request_name,
)


@dataclass(slots=True)
class Message:
    """One request as it came. Its file descriptors belong to whoever holds the message."""

    request: int
    flags: int
    payload: bytes
    fds: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The request's name in the specification."""
        return request_name(self.request)

    @property
    def asks_reply(self) -> bool:
        """Whether the sender set need_reply."""
        return bool(self.flags & FLAG_NEED_REPLY)

    def close(self) -> None:
        """Close the file descriptors that nobody took."""
        close_fds(self.fds)


def close_fds(fds: list[int]) -> None:
    """Close and forget every file descriptor of a list."""
    while fds:
        os.close(fds.pop())


Shape = Callable[[bytes], tuple[int, int]]
"""From a payload, the size in bytes and the number of fds that it must have."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What one request looks like: its payload's bounds, its fds' bounds, who else decides.

    ``replies`` marks a request that is answered with a payload whether a reply is asked or not.
    """

    low: int
    high: int
    fds: tuple[int, int] = (0, 0)
    replies: bool = False
    shape: Shape | None = None


def _table_shape(payload: bytes) -> tuple[int, int]:
    count, _padding = MEM_TABLE.unpack_from(payload)
    return MEM_TABLE.size + count * MEM_REGION.size, count


def _config_shape(payload: bytes) -> tuple[int, int]:
    _offset, size, _flags = CONFIG.unpack_from(payload)
    return CONFIG.size + size, 0


def _eventfd_shape(payload: bytes) -> tuple[int, int]:
    value: int = U64.unpack_from(payload)[0]
    if value & ~(VRING_INDEX_MASK | VRING_NO_FD):
        raise RequestRefusedError(f"reserved bits in {value:#x}")
    return U64.size, 0 if value & VRING_NO_FD else 1


def _fixed(size: int, fds: tuple[int, int] = (0, 0), *, replies: bool = False) -> Rule:
    return Rule(size, size, fds, replies)


_EVENTFD = Rule(U64.size, U64.size, (0, 1), shape=_eventfd_shape)
_STATE = _fixed(VRING_STATE.size)
_CONFIG_LIMITS = (CONFIG.size, CONFIG.size + MAX_CONFIG)

RULES: dict[int, Rule] = {
    Request.GET_FEATURES: _fixed(0, replies=True),
    Request.SET_FEATURES: _fixed(U64.size),
    Request.SET_OWNER: _fixed(0),
    Request.RESET_OWNER: _fixed(0),
    Request.SET_MEM_TABLE: Rule(
        MEM_TABLE.size,
        MEM_TABLE.size + MAX_REGIONS * MEM_REGION.size,
        (0, MAX_REGIONS),
        shape=_table_shape,
    ),
    Request.SET_VRING_NUM: _STATE,
    Request.SET_VRING_ADDR: _fixed(VRING_ADDR.size),
    Request.SET_VRING_BASE: _STATE,
    Request.GET_VRING_BASE: _fixed(VRING_STATE.size, replies=True),
    Request.SET_VRING_KICK: _EVENTFD,
    Request.SET_VRING_CALL: _EVENTFD,
    Request.SET_VRING_ERR: _EVENTFD,
    Request.GET_PROTOCOL_FEATURES: _fixed(0, replies=True),
    Request.SET_PROTOCOL_FEATURES: _fixed(U64.size),
    Request.GET_QUEUE_NUM: _fixed(0, replies=True),
    Request.SET_VRING_ENABLE: _STATE,
    Request.SET_BACKEND_REQ_FD: _fixed(0, (1, 1)),
    Request.GET_CONFIG: Rule(*_CONFIG_LIMITS, replies=True, shape=_config_shape),
    Request.SET_CONFIG: Rule(*_CONFIG_LIMITS, shape=_config_shape),
    Request.RESET_DEVICE: _fixed(0),
    Request.GET_MAX_MEM_SLOTS: _fixed(0, replies=True),
    Request.ADD_MEM_REG: _fixed(SINGLE_REGION.size, (1, 1)),
    # Old front-ends send the region's fd along; it is closed unused.
    Request.REM_MEM_REG: _fixed(SINGLE_REGION.size, (0, 1)),
    Request.GET_SHMEM_CONFIG: _fixed(0, replies=True),
}


def check_header(request: int, flags: int, size: int) -> None:
    """Raise ProtocolViolationError unless this can be the header of a front-end's message."""
    name = request_name(request)
    if flags & FLAG_VERSION_MASK != VERSION:
        raise ProtocolViolationError(f"{name}: version {flags & FLAG_VERSION_MASK}, not 1")
    if flags & ~FLAGS_KNOWN:
        raise ProtocolViolationError(f"{name}: reserved flags {flags:#x}")
    if flags & FLAG_REPLY:
        raise ProtocolViolationError(f"{name}: the reply flag on a request")
    if size > MAX_PAYLOAD:
        raise ProtocolViolationError(f"{name}: a payload of {size} bytes, more than {MAX_PAYLOAD}")


def check_message(message: Message, rule: Rule) -> None:
    """
    Hold a message to its rule.

    Raises ProtocolViolationError for a wrong number of fds, RequestRefusedError for a payload of
    a wrong size.
    """
    size, count = len(message.payload), len(message.fds)
    low, high = rule.fds
    if not low <= count <= high:
        wanted = _bounds(low, high)
        raise ProtocolViolationError(f"{message.name}: {count} file descriptors, not {wanted}")
    if not rule.low <= size <= rule.high:
        raise RequestRefusedError(f"{size} bytes of payload, not {_bounds(rule.low, rule.high)}")
    if rule.shape is None:
        return
    wanted_size, wanted_count = rule.shape(message.payload)
    if size != wanted_size:
        raise RequestRefusedError(f"{size} bytes of payload, not {wanted_size}")
    if count != wanted_count:
        raise ProtocolViolationError(
            f"{message.name}: {count} file descriptors, not {wanted_count}"
        )


def _bounds(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def encode_reply(request: int, payload: bytes) -> bytes:
    """A reply with its header."""
    return HEADER.pack(request, VERSION | FLAG_REPLY, len(payload)) + payload


class MessageReader:
    """
    Cuts a stream into messages, however it is chopped.

    Read no more than ``wanted`` bytes at a time from a socket: more could take the file
    descriptors of the message behind.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fds: list[int] = []
        self._header: tuple[int, int, int] | None = None

    @property
    def wanted(self) -> int:
        """Bytes missing of the header, or else of the payload."""
        end = HEADER.size if self._header is None else self._header[2]
        return end - len(self._buffer)

    @property
    def idle(self) -> bool:
        """Whether the stream stands between two messages."""
        return self._header is None and not self._buffer

    def feed(self, data: bytes, fds: Iterable[int] = ()) -> list[Message]:
        """
        Take what was received; returns the messages that are now complete.

        The fds belong to the message whose bytes come first. Raises ProtocolViolationError for a
        header that cannot be; close the reader then.
        """
        self._fds.extend(fds)
        if len(self._fds) > MAX_FDS:
            raise ProtocolViolationError(f"{len(self._fds)} file descriptors on one message")
        complete: list[Message] = []
        try:
            while data:
                count = self.wanted
                self._buffer += data[:count]
                data = data[count:]
                message = self._advance()
                if message is not None:
                    complete.append(message)
        except ProtocolViolationError:
            for message in complete:
                message.close()
            raise
        return complete

    def close(self) -> None:
        """Close the file descriptors of a message that never became complete."""
        close_fds(self._fds)

    def _advance(self) -> Message | None:
        if self._header is None:
            if len(self._buffer) < HEADER.size:
                return None
            header = HEADER.unpack(self._buffer)
            check_header(*header)
            self._header = header
            self._buffer.clear()
        request, flags, size = self._header
        if len(self._buffer) < size:
            return None
        message = Message(request, flags, bytes(self._buffer), self._fds)
        self._buffer.clear()
        self._fds = []
        self._header = None
        return message
