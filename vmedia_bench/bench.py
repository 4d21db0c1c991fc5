"""The composition root: builds a bench from its settings and runs it on one asyncio loop."""

import asyncio
import logging
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vmedia_bench.device.arena import Arena
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.hosting import ArenaFile, FrameClock, LoopReactor
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.v4l2.ports import NodeMaker
from vmedia_bench.vhost.observer import Event, LoggingObserver, MessageReceived, all_of
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What a bench is made of. Exactly one of `socket_path` and `fd` is set.

    `shmem_size` is in bytes and a power of two (QEMU aborts on any other); `poll_us` is how long
    the device keeps looking at its ring after work before it sleeps. The trace in memory is
    bounded by `trace_records` and `trace_bytes`.
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
    trace_records: int = 100_000
    trace_bytes: int = 64 << 20


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
    trace = TraceRing(settings.trace_records, settings.trace_bytes)
    observer = all_of(LoggingObserver(), partial(_note, trace))
    server = VhostServer(device, transport, observer, trace)
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


def _note(trace: TraceRing, event: Event) -> None:
    """Keep the transport's life in the trace; its messages would crowd out the commands."""
    if not isinstance(event, MessageReceived):
        trace.note(str(event))
