"""What a client has not read yet: bytes, and file descriptors that travel with some of them."""

import os
import socket
from array import array
from collections import deque
from itertools import islice, takewhile

_NO_FD = -1
_MOST_TOGETHER = 64


class Outbox:
    """Messages in order, each with at most one file descriptor on its first byte."""

    def __init__(self) -> None:
        self._parts: deque[tuple[memoryview, int]] = deque()
        self.size = 0
        """Bytes that are still to be sent."""

    def add(self, data: bytes, fd: int = _NO_FD) -> None:
        """Queue a message; `fd` is the outbox's from now on, and closed once it is sent."""
        self._parts.append((memoryview(data), fd))
        self.size += len(data)

    def send(self, sock: socket.socket) -> bool:
        """Send what goes now; True when all is sent. Raises OSError when nobody is there."""
        while self._parts:
            _data, fd = self._parts[0]
            try:
                sent = _send(sock, self._together(), fd)
            except (BlockingIOError, InterruptedError):
                return False
            self._sent(sent)
        return True

    def _together(self) -> list[memoryview]:
        """The first message, and those behind it up to the next file descriptor."""
        first, *others = islice(self._parts, _MOST_TOGETHER)
        plain = takewhile(lambda part: part[1] == _NO_FD, others)
        return [first[0], *(data for data, _fd in plain)]

    def _sent(self, size: int) -> None:
        self.size -= size
        while size:
            data, fd = self._parts.popleft()
            _close(fd)
            if size < len(data):
                self._parts.appendleft((data[size:], _NO_FD))
            size -= min(size, len(data))

    def clear(self) -> None:
        """Drop everything."""
        for _data, fd in self._parts:
            _close(fd)
        self._parts.clear()
        self.size = 0


def _send(sock: socket.socket, parts: list[memoryview], fd: int) -> int:
    if fd == _NO_FD:
        return sock.sendmsg(parts)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [fd]))
    return sock.sendmsg(parts, [rights])


def _close(fd: int) -> None:
    if fd != _NO_FD:
        os.close(fd)
