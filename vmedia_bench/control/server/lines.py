"""Bytes of a stream, cut into lines."""

from collections.abc import Iterator


class LineTooLongError(Exception):
    """The other end sends more bytes without a newline than are taken."""


class LineReader:
    """
    Collects bytes until there is a line; `limit` bytes at most, the newline included.

    Whole lines come out however the bytes were cut up on the way.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the lines that `data` completes, without newlines; blank ones are left out.

        Raises LineTooLongError behind the last good line.
        """
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if len(self._tail) + end - start >= self._limit:
                raise LineTooLongError
            line = bytes(self._tail) + data[start:end]
            self._tail.clear()
            start = end + 1
            if line.strip():
                yield line
        self._tail += data[start:]
        if len(self._tail) >= self._limit:
            raise LineTooLongError

    def rest(self) -> bytes:
        """What stands behind the last newline: at the end of a stream, a line as well."""
        line = bytes(self._tail).strip()
        self._tail.clear()
        return line
