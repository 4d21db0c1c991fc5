"""What a client has not read yet: bytes, and file descriptors that travel with some of them."""

import os
import socket
from array import array
from collections import deque

_NO_FD = -1


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
            data, fd = self._parts[0]
            try:
                sent = _send(sock, data, fd)
            except (BlockingIOError, InterruptedError):
                return False
            self.size -= sent
            _close(fd)
            if sent == len(data):
                self._parts.popleft()
            else:
                self._parts[0] = (data[sent:], _NO_FD)
        return True

    def clear(self) -> None:
        """Drop everything."""
        for _data, fd in self._parts:
            _close(fd)
        self._parts.clear()
        self.size = 0


def _send(sock: socket.socket, data: memoryview, fd: int) -> int:
    if fd == _NO_FD:
        return sock.send(data)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [fd]))
    return sock.sendmsg([data], [rights])


def _close(fd: int) -> None:
    if fd != _NO_FD:
        os.close(fd)
