"""The composition root: builds a bench from its settings and runs it on one asyncio loop."""

import asyncio
import gc
import logging
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vmedia_bench.control.server.frame_rates import FrameRates
from vmedia_bench.control.server.listening import own_control_socket
from vmedia_bench.control.server.log_buffer import LogBuffer
from vmedia_bench.control.server.news import News
from vmedia_bench.control.server.server import ControlServer
from vmedia_bench.control.server.vm_watch import VmWatch
from vmedia_bench.control.server.waits import Waits
from vmedia_bench.control.server.workbench import Workbench
from vmedia_bench.device.arena import Arena
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.faults.engine import Engine
from vmedia_bench.hosting import ArenaFile, FrameClock, LoopReactor
from vmedia_bench.stage import BenchStage
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.v4l2.ports import NodeMaker
from vmedia_bench.v4l2.snapshot import QueueSnapshot
from vmedia_bench.vhost.observer import (
    DeviceReset,
    Event,
    FrontendGone,
    LoggingObserver,
    MessageReceived,
    all_of,
)
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What a bench is made of. Exactly one of `socket_path` and `fd` is set.

    `name` gives the control socket its name; `backend` is what the source is called in the
    registry.

    `shmem_size` is in bytes and a power of two (QEMU aborts on any other); `poll_us` is how long
    the device keeps looking at its ring after work before it sleeps. The trace in memory is
    bounded by `trace_records` and `trace_bytes`.
    """

    name: str = "cam0"
    backend: str = "pattern"
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


class Bench:
    """
    The parts of one bench on the running loop, from `start` to `close`.

    Raises OSError or ValueError where the source cannot be had.
    """

    def __init__(
        self, source: NodeMaker, settings: BenchSettings, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._loop = loop
        self._name = settings.name
        self.log = LogBuffer()
        self.trace = TraceRing(settings.trace_records, settings.trace_bytes)
        self.device = build_device(source, settings, loop)
        news = News()
        vm = VmWatch(news)
        observer = all_of(LoggingObserver(), partial(_note, self.trace), vm, self._guest_gone)
        self.transport = VhostServer(self.device, _transport(settings), observer, self.trace)
        stage = BenchStage(self.device, self.transport, self.trace, soon=loop.call_soon)
        self.faults = Engine(time.monotonic_ns, LoopReactor(loop).later, stage)
        stage.interceptor = self.faults
        self.workbench = Workbench(
            name=settings.name,
            backend=settings.backend,
            device=self.device,
            transport=self.transport,
            trace=self.trace,
            faults=self.faults,
            faults_fired=lambda: stage.fired_count,
            log=self.log,
            news=news,
            vm=vm,
            rates=FrameRates(self._queues, time.monotonic_ns, LoopReactor(loop).later),
            waits=Waits(news, self._activity),
            started_ns=time.monotonic_ns(),
            now=time.monotonic_ns,
            stop=self._stop_soon,
        )
        self._control: ControlServer | None = None

    def start(self) -> None:
        """Listen; raises SocketSetupError or ControlSocketError."""
        self.log.attach()
        control = ControlServer(own_control_socket(self._name), self.workbench)
        control.start()
        self._control = control
        self.transport.start()

    def close(self) -> None:
        """Part with everybody."""
        self.transport.close()
        if self._control is not None:
            self._control.close()
        self.workbench.rates.stop()
        self.device.node.detach()
        self.log.detach()

    def _stop_soon(self) -> None:
        """End, once the request that asked for it is answered."""
        self._loop.call_soon(self.transport.close)

    async def end_recording(self) -> None:
        """Finish the file that is being recorded, if any."""
        if self.workbench.recording is not None:
            await self.workbench.recording.stop()

    def _queues(self) -> tuple[QueueSnapshot, ...]:
        return self.device.node.queues()

    def _activity(self) -> object:
        return self.workbench.activity()

    def _guest_gone(self, event: Event) -> None:
        if isinstance(event, DeviceReset | FrontendGone):
            self.faults.guest_gone()


def run_bench(source: NodeMaker, settings: BenchSettings, *, insist: bool = False) -> None:
    """Host a device until SIGINT, SIGTERM or SIGHUP comes, or the one inherited connection is over.

    With `insist`, the first SIGINT while a VM is connected only warns: QEMU aborts when its
    back-end goes away. Raises SocketSetupError or ControlSocketError where a socket cannot be
    had.
    """
    asyncio.run(_serve(source, settings, insist))


async def _serve(source: NodeMaker, settings: BenchSettings, insist: bool) -> None:
    loop = asyncio.get_running_loop()
    bench = Bench(source, settings, loop)
    server = bench.transport
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
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # The terminal is closed; under nohup that is nothing.
        loop.add_signal_handler(signal.SIGHUP, server.close)
    try:
        bench.start()
        _spare_modules()
        await server.wait_finished()
    finally:
        await bench.end_recording()
        bench.close()


def _transport(settings: BenchSettings) -> Settings:
    return Settings(
        path=settings.socket_path,
        fd=settings.fd,
        shmem_bit=settings.shmem_bit,
        max_queue_size=settings.max_queue_size,
        poll_us=settings.poll_us,
    )


def _spare_modules() -> None:
    """What is loaded now stays: a collection that walks it all would stop the rings for 50 ms."""
    gc.collect()
    gc.freeze()


def _note(trace: TraceRing, event: Event) -> None:
    """Keep the transport's life in the trace; its messages would crowd out the commands."""
    if not isinstance(event, MessageReceived):
        trace.note(str(event))
