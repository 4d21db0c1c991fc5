"""The composition root: builds a bench from its settings and runs it on one asyncio loop."""

import asyncio
import fcntl
import logging
import mmap
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmedia_bench.device.arena import Arena
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.v4l2.ports import Cancel, NodeMaker
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

log = logging.getLogger(__name__)

MADV_POPULATE_WRITE = 23
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What a bench is made of. Exactly one of `socket_path` and `fd` is set.

    `shmem_size` is in bytes and a power of two (QEMU aborts on any other); `poll_us` is how long
    the device keeps looking at its ring after work before it sleeps.
    """

    name: str = "cam0"
    socket_path: Path | None = None
    fd: int | None = None
    shmem_size: int = 1 << 30
    shmem_per_buffer: bool = False
    shmem_bit: int = 22
    max_sessions: int = 256
    max_queue_size: int = 32768
    poll_us: int = 100


class ArenaFile:
    """The sealed memfd behind shared-memory region 0, mapped into this process.

    Sparse: pages come with the buffers that use them and go with them.
    """

    def __init__(self, size: int) -> None:
        self.fd = os.memfd_create("vmedia-bench-arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        fcntl.fcntl(
            self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        )
        self._map = mmap.mmap(self.fd, size)
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


def build_device(
    source: NodeMaker, settings: BenchSettings, loop: asyncio.AbstractEventLoop
) -> MediaDevice:
    """A media device over `source`, its arena made and its frames paced by `loop`."""
    clock = FrameClock(loop)
    file = ArenaFile(settings.shmem_size)
    arena = Arena(file.view, discard=file.discard, populate=file.populate)
    device = MediaDevice(
        source,
        arena,
        file.fd,
        now=time.monotonic_ns,
        arm=clock.arm,
        reactor=LoopReactor(loop),
        max_sessions=settings.max_sessions,
        shmem_per_buffer=settings.shmem_per_buffer,
    )
    clock.advance = device.advance
    return device


def run_bench(source: NodeMaker, settings: BenchSettings, *, insist: bool = False) -> None:
    """Host a device until SIGINT or SIGTERM comes, or the one inherited connection is over.

    With `insist`, the first SIGINT while a VM is connected only warns: QEMU aborts when its
    back-end goes away. Raises SocketSetupError where the socket cannot be had.
    """
    asyncio.run(_serve(source, settings, insist))


async def _serve(source: NodeMaker, settings: BenchSettings, insist: bool) -> None:
    loop = asyncio.get_running_loop()
    device = build_device(source, settings, loop)
    transport = Settings(
        path=settings.socket_path,
        fd=settings.fd,
        shmem_bit=settings.shmem_bit,
        max_queue_size=settings.max_queue_size,
        poll_us=settings.poll_us,
    )
    server = VhostServer(device, transport)
    warned = not insist

    def interrupted() -> None:
        nonlocal warned
        if server.connected and not warned:
            warned = True
            log.warning(
                "a VM is connected, and QEMU aborts when its back-end ends: Ctrl-C again ends it"
            )
        else:
            server.close()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, server.close)
    server.start()
    try:
        await server.wait_finished()
    finally:
        server.close()
