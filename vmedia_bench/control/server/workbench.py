"""What the control API works on: the parts of a running bench."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.frame_rates import FrameRates
from vmedia_bench.control.server.log_buffer import LogBuffer
from vmedia_bench.control.server.news import News
from vmedia_bench.control.server.vm_watch import VmWatch
from vmedia_bench.control.server.waits import Waits
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.faults.engine import Engine
from vmedia_bench.trace.recording import Recording
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.vhost.server import VhostServer

Call = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Runs an operation by name; its result as JSON would have it, or RpcError."""


async def _not_served(method: str, params: Mapping[str, Any]) -> Any:
    raise RpcError(ErrorCode.FAILED, f"{method} {params}: no control server runs")


@dataclass(slots=True, kw_only=True)
class Workbench:
    """
    The parts of one bench. `started_ns` is CLOCK_MONOTONIC; `backend` a name in the registry.

    `now` gives CLOCK_MONOTONIC in ns; `faults_fired` how often rules acted since the start;
    `stop` ends the bench, in its own time. `recording` is the newest one, at work or not;
    `switching` is held while the backend changes; `call` is the control server's.
    """

    name: str
    backend: str
    device: MediaDevice
    transport: VhostServer
    trace: TraceRing
    faults: Engine
    faults_fired: Callable[[], int]
    log: LogBuffer
    news: News
    vm: VmWatch
    rates: FrameRates
    waits: Waits
    started_ns: int
    now: Callable[[], int]
    stop: Callable[[], None]
    recording: Recording | None = None
    switching: asyncio.Lock = field(default_factory=asyncio.Lock)
    call: Call = _not_served

    def activity(self) -> object:
        """Give something that differs once the guest or a source has done anything."""
        return activity_of(self.device)


def activity_of(device: MediaDevice) -> tuple[int, ...]:
    """Give counters of which one at least moves when anything happens on a device."""
    return (
        device.counters.commands,
        device.counters.events,
        device.frames.count,
        len(device.events),
        len(device.sessions),
    )


Handlers = Mapping[str, Callable[[Workbench, Any], Any]]
"""By method: takes the bench and the params; gives the result, or an awaitable of it."""
