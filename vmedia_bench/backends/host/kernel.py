"""
V4L2 of this system, as few calls: so little that a test can play it.

ioctl request numbers are put together as `_IOC` of asm-generic/ioctl.h does, from the sizes in
`wire.ioctls`; payloads are V4L2's own 64-bit little-endian bytes, which this process shares with
the wire.
"""

import ctypes
import fcntl
import mmap
import os
from typing import Final, Protocol

from vmedia_bench.wire.ioctls import IOCTLS, VIDIOC_G_INPUT, VIDIOC_G_OUTPUT, Direction

_TYPE_V: Final = ord("V") << 8
_SIZE_SHIFT: Final = 16
_DIRECTION_SHIFT: Final = 30
# The Linux guest sends these two with a payload, so the wire has them as WR.
_READ_ONLY: Final = frozenset((VIDIOC_G_INPUT, VIDIOC_G_OUTPUT))


def request_code(number: int) -> int:
    """Give the ioctl request of videodev2.h, such as 0xc0cc5605 for VIDIOC_S_FMT."""
    row = IOCTLS[number]
    direction = Direction.R if number in _READ_ONLY else row.direction
    return int(direction) << _DIRECTION_SHIFT | row.size << _SIZE_SHIFT | _TYPE_V | number


REQUESTS: Final = {number: request_code(number) for number in IOCTLS}
"""ioctl number to request."""


class Kernel(Protocol):
    """What a pass-through asks of the system. Everything may raise OSError."""

    def open(self, path: str) -> int:
        """Open a device for reading and writing, non-blocking; gives a file descriptor."""
        ...

    def close(self, fd: int) -> None:
        """Close what `open` gave."""
        ...

    def ioctl(self, fd: int, number: int, arg: bytearray) -> None:
        """Run the ioctl of that number; `arg` is changed in place, on errors too."""
        ...

    def map(self, fd: int, length: int, offset: int) -> memoryview:
        """Map a buffer of a driver: `offset` is QUERYBUF's. `unmap` ends it."""
        ...

    def unmap(self, view: memoryview) -> None:
        """End a mapping; the view must not be used any more."""
        ...

    def address(self, memory: bytearray | memoryview) -> int:
        """Give the address of writable memory, valid while that memory lives and is not resized."""
        ...


class LinuxKernel:
    """The real one. Each call lets other threads run while the kernel is at it."""

    def open(self, path: str) -> int:
        """Open a device."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        """Close it."""
        os.close(fd)

    def ioctl(self, fd: int, number: int, arg: bytearray) -> None:
        """Run an ioctl."""
        fcntl.ioctl(fd, REQUESTS[number], arg, True)

    def map(self, fd: int, length: int, offset: int) -> memoryview:
        """Map a buffer."""
        return memoryview(mmap.mmap(fd, length, offset=offset))

    def unmap(self, view: memoryview) -> None:
        """Unmap it."""
        mapping = view.obj
        view.release()
        if isinstance(mapping, mmap.mmap):
            mapping.close()

    def address(self, memory: bytearray | memoryview) -> int:
        """Give an address."""
        return ctypes.addressof(ctypes.c_char.from_buffer(memory))
