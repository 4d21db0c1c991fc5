"""Messages between the bench and a worker: packets over a SOCK_SEQPACKET pair."""

import array
import select
import socket
from collections.abc import Sequence
from typing import NamedTuple

MESSAGE_LIMIT = 192 << 10
"""Bytes of the longest message; the kernel's buffer for a socket is a little larger."""

_FD_LIMIT = 8
_FD_SPACE = socket.CMSG_SPACE(_FD_LIMIT * array.array("i").itemsize)


class Message(NamedTuple):
    """What one `send` sent; the descriptors belong to who received them."""

    data: bytes
    fds: tuple[int, ...] = ()


class Channel:
    """One end. `takes_fds`: whether descriptors are accepted; others are closed by the kernel."""

    def __init__(self, sock: socket.socket, *, takes_fds: bool = False) -> None:
        self._socket = sock
        self._takes_fds = takes_fds
        self._buffer = bytearray(MESSAGE_LIMIT)

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._socket.fileno()

    def send(self, data: bytes, fds: Sequence[int] = (), *, wait: bool = True) -> None:
        """
        Send one message, waiting for room unless told not to.

        Raises BlockingIOError when there is none, OSError when the other end is gone or the
        message is longer than MESSAGE_LIMIT.
        """
        if len(data) > MESSAGE_LIMIT:
            raise OSError(f"a message of {len(data)} bytes is longer than {MESSAGE_LIMIT}")
        flags = socket.MSG_NOSIGNAL | (0 if wait else socket.MSG_DONTWAIT)
        if fds:
            socket.send_fds(self._socket, [data], list(fds), flags)
        else:
            self._socket.send(data, flags)

    def receive(self, *, wait: bool = True) -> Message | None:
        """
        Give the next message; None when the other end is gone for good.

        Raises BlockingIOError when there is none now and `wait` is not set.
        """
        flags = 0 if wait else socket.MSG_DONTWAIT
        room = _FD_SPACE if self._takes_fds else 0
        try:
            size, extra, _, _ = self._socket.recvmsg_into([self._buffer], room, flags)
        except ConnectionError:
            return None
        fds = _descriptors(extra)
        if not size:
            return None
        return Message(bytes(self._buffer[:size]), fds)

    def wait(self, timeout: float) -> bool:
        """Wait for a message or the end, at most `timeout` seconds; False when none came."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


def _descriptors(extra: list[tuple[int, int, bytes]]) -> tuple[int, ...]:
    found = array.array("i")
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return tuple(found)
