"""Frames in sealed memfds, for clients to map."""

import fcntl
import os
from collections.abc import Iterator, Sequence

from vmedia_bench.v4l2.source import Plane

MOST_PARTS = 1024
"""How much one writev takes (IOV_MAX)."""
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

Part = tuple[int, int, int]
"""Memory plane, offset, length: bytes to copy."""


def frame_file(planes: Sequence[Plane], parts: Sequence[Part]) -> int:
    """
    A memfd with `parts` one after another; nobody can change it any more.

    Copied straight from the buffer by the kernel. Raises OSError, and V4l2Error for guest
    memory that is not there.
    """
    fd = os.memfd_create("vmedia-bench-frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for some in _views(planes, parts):
            _write_all(fd, some)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _views(planes: Sequence[Plane], parts: Sequence[Part]) -> Iterator[list[bytes | memoryview]]:
    for first in range(0, len(parts), MOST_PARTS):
        some = parts[first : first + MOST_PARTS]
        yield [planes[plane].read(offset, length) for plane, offset, length in some]


def _write_all(fd: int, views: list[bytes | memoryview]) -> None:
    """A memfd takes it all at once; where memory runs out, what is left is tried again."""
    written = os.writev(fd, views)
    total = sum(len(view) for view in views)
    if written == total:
        return
    rest = memoryview(b"".join(views))[written:]
    while rest:
        rest = rest[os.write(fd, rest) :]
