"""Memory that a bench and its worker share: slots of one frame each."""

import fcntl
import mmap
import os
from typing import Self


class SharedFrames:
    """
    `count` slots of `size` bytes in one memfd.

    The bench creates it, sealed so that nobody can make a mapping fault by cutting it; the child
    attaches what it was sent. Who may write a slot is a matter of the messages between them.
    """

    def __init__(self, fd: int, count: int, size: int) -> None:
        self.fd = fd
        self.count = count
        self.size = size
        self._stride = -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._map = mmap.mmap(fd, count * self._stride)
        self._view = memoryview(self._map)

    @classmethod
    def create(cls, count: int, size: int) -> Self:
        """Make new ones; OSError when there is no memory."""
        fd = os.memfd_create("vmedia-bench-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, count * -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
            return cls(fd, count, size)
        except BaseException:
            os.close(fd)
            raise

    def slot(self, index: int) -> memoryview:
        """Give the bytes of one slot, writable; IndexError when there is no such slot."""
        if not 0 <= index < self.count:
            raise IndexError(f"there is no slot {index}")
        start = index * self._stride
        return self._view[start : start + self.size]

    def close(self) -> None:
        """Let go; the memory goes when nobody looks at it any more. Harmless twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
