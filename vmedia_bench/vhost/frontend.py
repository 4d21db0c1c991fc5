"""The VMM's side of vhost-user, synchronous and blocking: for a built-in guest and for tests."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from vmedia_bench.vhost.errors import FrontendError, ProtocolViolationError
from vmedia_bench.vhost.memory import RegionSpec
from vmedia_bench.vhost.messages import close_fds
from vmedia_bench.vhost.sockets import receive, send
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    CONFIG_WRITABLE,
    FLAG_NEED_REPLY,
    FLAG_REPLY,
    HEADER,
    MAX_PAYLOAD,
    MEM_REGION,
    MEM_TABLE,
    P_REPLY_ACK,
    SHMEM_CONFIG,
    U64,
    VERSION,
    VRING_ADDR,
    VRING_NO_FD,
    VRING_STATE,
    Request,
    backend_request_name,
    request_name,
)


@dataclass(slots=True)
class Received:
    """One message off a socket; its file descriptors belong to the receiver."""

    request: int
    flags: int
    payload: bytes
    fds: list[int] = field(default_factory=list)

    @property
    def asks_reply(self) -> bool:
        """Whether the sender waits for an answer."""
        return bool(self.flags & FLAG_NEED_REPLY)

    def close(self) -> None:
        """Close the file descriptors that nobody took."""
        close_fds(self.fds)


class _Stream:
    """Whole messages over a blocking socket."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self.sock = sock
        sock.settimeout(timeout)

    def fileno(self) -> int:
        """The socket's file descriptor, for a selector."""
        return self.sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def send_raw(
        self,
        request: int,
        payload: bytes = b"",
        fds: Sequence[int] = (),
        *,
        flags: int = VERSION,
        size: int | None = None,
    ) -> None:
        """
        Send a message exactly as told, however wrong; ``size`` may lie about the payload.

        Raises FrontendError when the peer is gone or reads nothing before the timeout.
        """
        header = HEADER.pack(request, flags, len(payload) if size is None else size)
        self.send_bytes(header + payload, fds)

    def send_bytes(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send bytes that need not be a message; raises FrontendError."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[send(self.sock, rest, fds) :]
                fds = ()
        except OSError as problem:
            raise FrontendError(f"sending: {problem}") from problem

    def receive(self) -> Received:
        """
        The next message, read whole.

        Raises FrontendError at the end of the stream, after the timeout, or on nonsense.
        """
        header, fds = self._exactly(HEADER.size)
        try:
            request, flags, size = HEADER.unpack(header)
            if size > MAX_PAYLOAD:
                raise FrontendError(f"request {request} announces {size} bytes")
            payload, more = self._exactly(size)
            fds.extend(more)
        except FrontendError:
            close_fds(fds)
            raise
        return Received(request, flags, payload, fds)

    def _exactly(self, size: int) -> tuple[bytes, list[int]]:
        data = b""
        fds: list[int] = []
        try:
            while len(data) < size:
                part, more = receive(self.sock, size - len(data))
                fds.extend(more)
                if not part:
                    raise FrontendError("the connection was closed")
                data += part
        except (OSError, ProtocolViolationError) as problem:
            close_fds(fds)
            raise FrontendError(f"receiving: {problem}") from problem
        except FrontendError:
            close_fds(fds)
            raise
        return data, fds


class ChannelEnd(_Stream):
    """The front-end's end of the back-end channel: read a request, then answer it if it asks."""

    def answer(self, message: Received, result: int = 0) -> None:
        """Acknowledge a request; ``result`` 0 is success, anything else a refusal."""
        self.send_raw(message.request, U64.pack(result), flags=VERSION | FLAG_REPLY)

    def expect(self, request: int) -> Received:
        """The next request, which must be this one; raises FrontendError."""
        message = self.receive()
        if message.request != request:
            message.close()
            wanted, got = backend_request_name(request), backend_request_name(message.request)
            raise FrontendError(f"{got} in place of {wanted}")
        return message


class Frontend(_Stream):
    """
    A connection to a back-end, one method a request.

    Methods that get something return it; the others return when the back-end has acknowledged,
    or at once while REPLY_ACK is not negotiated. FrontendError: refused, closed or timed out.
    """

    def __init__(self, sock: socket.socket, timeout: float = 5.0) -> None:
        super().__init__(sock, timeout)
        self.reply_ack = False

    @classmethod
    def connect(cls, path: Path | str, timeout: float = 5.0) -> Self:
        """Connect to a back-end that listens at ``path``; raises FrontendError."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(timeout)
        try:
            sock.connect(str(path))
        except OSError as problem:
            sock.close()
            raise FrontendError(f"connecting to {path}: {problem}") from problem
        return cls(sock, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def ask(self, request: int, payload: bytes = b"") -> bytes:
        """Send a request that has a reply of its own; returns the reply's payload."""
        self.send_raw(request, payload)
        return self._reply(request)

    def tell(self, request: int, payload: bytes = b"", fds: Sequence[int] = ()) -> None:
        """Send a request; with REPLY_ACK, wait until it is acknowledged."""
        if not self.reply_ack:
            self.send_raw(request, payload, fds)
            return
        self.send_raw(request, payload, fds, flags=VERSION | FLAG_NEED_REPLY)
        result = U64.unpack(self._reply(request))[0]
        if result:
            raise FrontendError(f"{request_name(request)} was refused ({result})")

    def get_features(self) -> int:
        """The features that the back-end offers."""
        return self._ask_u64(Request.GET_FEATURES)

    def set_features(self, bits: int) -> None:
        """Acknowledge features."""
        self.tell(Request.SET_FEATURES, U64.pack(bits))

    def get_protocol_features(self) -> int:
        """The protocol features that the back-end offers."""
        return self._ask_u64(Request.GET_PROTOCOL_FEATURES)

    def set_protocol_features(self, bits: int) -> None:
        """Acknowledge protocol features; with REPLY_ACK, later requests wait for their reply."""
        self.tell(Request.SET_PROTOCOL_FEATURES, U64.pack(bits))
        self.reply_ack = bool(bits & P_REPLY_ACK)

    def set_owner(self) -> None:
        """Claim the back-end."""
        self.tell(Request.SET_OWNER)

    def get_queue_num(self) -> int:
        """How many queues there are."""
        return self._ask_u64(Request.GET_QUEUE_NUM)

    def set_mem_table(self, regions: Sequence[tuple[RegionSpec, int]]) -> None:
        """Share memory: each region with the fd of its file."""
        payload = MEM_TABLE.pack(len(regions), 0) + b"".join(
            MEM_REGION.pack(*_region(spec)) for spec, _fd in regions
        )
        self.tell(Request.SET_MEM_TABLE, payload, [fd for _spec, fd in regions])

    def set_vring_num(self, index: int, size: int) -> None:
        """Set a ring's size."""
        self.tell(Request.SET_VRING_NUM, VRING_STATE.pack(index, size))

    def set_vring_addr(self, index: int, desc: int, avail: int, used: int, flags: int = 0) -> None:
        """Set where a ring's parts lie, as front-end addresses."""
        payload = VRING_ADDR.pack(index, flags, desc, used, avail, 0)
        self.tell(Request.SET_VRING_ADDR, payload)

    def set_vring_base(self, index: int, base: int) -> None:
        """Set the avail index at which a ring starts."""
        self.tell(Request.SET_VRING_BASE, VRING_STATE.pack(index, base))

    def get_vring_base(self, index: int) -> int:
        """Stop a ring; returns its avail index."""
        reply = self.ask(Request.GET_VRING_BASE, VRING_STATE.pack(index, 0))
        base: int = VRING_STATE.unpack(reply)[1]
        return base

    def set_vring_kick(self, index: int, fd: int | None) -> None:
        """Start a ring: the eventfd that says when there is work."""
        self._tell_eventfd(Request.SET_VRING_KICK, index, fd)

    def set_vring_call(self, index: int, fd: int | None) -> None:
        """Set the eventfd by which the back-end says that chains came back."""
        self._tell_eventfd(Request.SET_VRING_CALL, index, fd)

    def set_vring_err(self, index: int, fd: int | None) -> None:
        """Set the eventfd by which the back-end says that a ring is corrupt."""
        self._tell_eventfd(Request.SET_VRING_ERR, index, fd)

    def set_vring_enable(self, index: int, *, enable: bool = True) -> None:
        """Enable or disable a ring."""
        self.tell(Request.SET_VRING_ENABLE, VRING_STATE.pack(index, int(enable)))

    def get_config(self, offset: int = 0, size: int = 40) -> bytes:
        """Bytes of the configuration space; raises FrontendError where the back-end has none."""
        request = CONFIG.pack(offset, size, CONFIG_WRITABLE) + bytes(size)
        reply = self.ask(Request.GET_CONFIG, request)
        if len(reply) != CONFIG.size + size:
            raise FrontendError("GET_CONFIG was refused")
        return reply[CONFIG.size :]

    def set_config(self, offset: int, data: bytes) -> None:
        """Write the configuration space."""
        payload = CONFIG.pack(offset, len(data), CONFIG_WRITABLE) + data
        self.tell(Request.SET_CONFIG, payload)

    def get_shmem_config(self) -> list[int]:
        """Sizes of the shared-memory regions, by shmid; 0 where there is none."""
        _count, _padding, *sizes = SHMEM_CONFIG.unpack(self.ask(Request.GET_SHMEM_CONFIG))
        while sizes and not sizes[-1]:
            sizes.pop()
        return sizes

    def open_channel(self, timeout: float = 5.0) -> ChannelEnd:
        """Hand one end of a new socket pair over as the back-end channel; returns the other."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self.set_backend_req_fd(theirs.fileno())
        return ChannelEnd(ours, timeout)

    def set_backend_req_fd(self, fd: int) -> None:
        """Hand a socket over as the back-end channel; the caller keeps ``fd``."""
        self.tell(Request.SET_BACKEND_REQ_FD, b"", [fd])

    def reset_device(self) -> None:
        """Reset the device."""
        self.tell(Request.RESET_DEVICE)

    def start_ring(
        self, index: int, size: int, addresses: tuple[int, int, int], *, base: int = 0
    ) -> tuple[int, int, int]:
        """
        Configure and enable a ring at front-end addresses (desc, avail, used), as QEMU does.

        Returns new non-blocking (kick, call, err) eventfds, which belong to the caller.
        """
        kick, call, err = (os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(3))
        self.set_vring_num(index, size)
        self.set_vring_base(index, base)
        self.set_vring_addr(index, *addresses)
        self.set_vring_call(index, call)
        self.set_vring_err(index, err)
        self.set_vring_kick(index, kick)
        self.set_vring_enable(index)
        return kick, call, err

    def _reply(self, request: int) -> bytes:
        reply = self.receive()
        reply.close()
        if reply.request != request or reply.flags != VERSION | FLAG_REPLY:
            name = request_name(request)
            raise FrontendError(f"{name} answered with {reply.request}, flags {reply.flags:#x}")
        return reply.payload

    def _ask_u64(self, request: int) -> int:
        value: int = U64.unpack(self.ask(request))[0]
        return value

    def _tell_eventfd(self, request: int, index: int, fd: int | None) -> None:
        if fd is None:
            self.tell(request, U64.pack(index | VRING_NO_FD))
        else:
            self.tell(request, U64.pack(index), [fd])


def _region(spec: RegionSpec) -> tuple[int, int, int, int]:
    return spec.gpa, spec.size, spec.user_address, spec.file_offset
