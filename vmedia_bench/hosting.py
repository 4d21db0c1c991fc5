"""What the operating system and asyncio give to a device: memory for its arena, time, the loop."""

import asyncio
import fcntl
import logging
import mmap
import os
import time
import weakref
from collections.abc import Callable

from vmedia_bench.v4l2.ports import Cancel

log = logging.getLogger(__name__)

MADV_POPULATE_WRITE = 23
NS = 1_000_000_000


class ArenaFile:
    """The sealed memfd behind shared-memory region 0, mapped into this process.

    Sparse: pages come with the buffers that use them and go with them. `fd` is closed with the
    object, which an arena made of its methods keeps. OSError where this process may not have so
    much.
    """

    def __init__(self, size: int) -> None:
        self.fd = os.memfd_create("vmedia-bench-arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        weakref.finalize(self, os.close, self.fd)
        os.ftruncate(self.fd, size)
        fcntl.fcntl(
            self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        )
        try:
            self._map = mmap.mmap(self.fd, size)
        except OSError as problem:
            shown = f"{problem.strerror} for {size >> 20} MiB of shared memory"
            raise OSError(problem.errno, f"{shown}: a smaller --shmem-size") from problem
        self.view = memoryview(self._map)

    def discard(self, offset: int, length: int) -> None:
        """Give pages back; they read as zero from then on."""
        self._map.madvise(mmap.MADV_REMOVE, offset, length)

    def populate(self, offset: int, length: int) -> None:
        """Touch pages now, so that the first frame does not have to."""
        try:
            self._map.madvise(MADV_POPULATE_WRITE, offset, length)
        except OSError:
            # Kernels before 5.14 cannot: the first frames are slower there.
            log.debug("no MADV_POPULATE_WRITE on this kernel")


class FrameClock:
    """Calls `advance` at the time that was last armed; one deadline at a time.

    Deadlines are CLOCK_MONOTONIC nanoseconds, which is the loop's own clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.Handle | None = None
        self.advance: Callable[[], None] = lambda: None

    def arm(self, deadline_ns: int | None) -> None:
        """Take a new deadline, None for none; one that has passed comes as soon as may be."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if deadline_ns is None:
            return
        if deadline_ns <= time.monotonic_ns():
            self._handle = self._loop.call_soon(self._due)
        else:
            self._handle = self._loop.call_at(deadline_ns / NS, self._due)

    def _due(self) -> None:
        self._handle = None
        self.advance()


class LoopReactor:
    """The asyncio loop as nodes and sources see it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever `fd` can be read."""
        self._loop.add_reader(fd, readable)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`."""
        self._loop.remove_reader(fd)

    def later(self, delay_ns: int, call: Callable[[], None]) -> Cancel:
        """Call `call` once after a delay."""
        return self._loop.call_later(delay_ns / NS, call).cancel
