"""bench.*"""

import os
from collections.abc import Awaitable, Callable

from vmedia_bench import __version__
from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.bench import (
    BenchStatus,
    Condition,
    Counters,
    Mapping,
    RegionState,
    RingState,
    ShutdownParams,
    Snapshot,
    SnapshotParams,
    VmState,
    WaitParams,
    WaitResult,
)
from vmedia_bench.control.operations.controls import ControlState
from vmedia_bench.control.operations.sessions import SessionPhase
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.describe import queue_states
from vmedia_bench.control.server.handlers.controls import control_states
from vmedia_bench.control.server.handlers.faults import fault_rows
from vmedia_bench.control.server.handlers.sessions import open_session, session_rows
from vmedia_bench.control.server.quick import quick
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.vhost.server import TransportStatus
from vmedia_bench.vhost.vring import RingStatus

_RING_NAMES = ("commandq", "eventq")
_BenchStatus = quick(BenchStatus)
_Counters = quick(Counters)
_Mapping = quick(Mapping)
_RegionState = quick(RegionState)
_RingState = quick(RingState)
_Snapshot = quick(Snapshot)


def status(bench: Workbench, _params: Nothing) -> BenchStatus:
    """bench.status"""
    device, transport = bench.device, bench.transport.status()
    arena = device.arena
    return _BenchStatus(
        name=bench.name,
        version=__version__,
        pid=os.getpid(),
        uptime_s=(bench.now() - bench.started_ns) / 1e9,
        socket=transport.where,
        vm=bench.vm.state,
        peer=transport.peer or "",
        features=transport.features,
        protocol_features=transport.protocol_features,
        backend=bench.backend,
        card=device.node.card,
        rings=tuple(_ring(ring) for ring in transport.rings),
        regions=tuple(
            _RegionState(guest_address=region.gpa, size=region.size, mapped=region.mapped)
            for region in transport.regions
        ),
        arena_size=arena.size,
        arena_used=arena.size - arena.free_bytes(),
        mappings=tuple(
            _Mapping(
                offset=block.offset,
                length=block.length,
                mapped=block.mappings,
                in_use=block.owned,
            )
            for block in arena.blocks()
        ),
        sessions=len(device.sessions),
        events_waiting=len(device.events),
        faults_armed=sum(row.armed and not row.spent for row in fault_rows(bench)),
        counters=_counters(bench, transport),
    )


def _ring(ring: RingStatus) -> RingState:
    return _RingState(
        index=ring.index,
        name=_RING_NAMES[ring.index],
        size=ring.size,
        running=ring.started and ring.enabled and not ring.error,
        stopped_by_operator=ring.held,
        avail_index=ring.last_avail,
        used_index=ring.used_idx,
        in_flight=ring.in_flight,
        offered=ring.offered,
        event_idx=ring.event_idx,
        indirect=ring.indirect,
        error=ring.error,
    )


def _counters(bench: Workbench, transport: TransportStatus) -> Counters:
    device, wire = bench.device, transport.counters
    return _Counters(
        commands=wire.commands,
        errors=device.counters.errors,
        events=wire.events,
        frames=device.frames.count,
        frame_bytes=device.frames.bytes,
        dropped=device.frames.dropped,
        kicks=wire.kicks,
        calls=wire.calls,
        connections=wire.connections,
        messages=wire.messages,
        messages_refused=wire.messages_refused,
        chains_refused=wire.chains_refused,
        ring_errors=wire.ring_errors,
        faults_fired=bench.faults_fired(),
    )


def snapshot(bench: Workbench, params: SnapshotParams) -> Snapshot | Awaitable[Snapshot]:
    """bench.snapshot; without controls it is there at once."""
    if params.session is not None:
        open_session(bench, params.session)
    return _with_controls(bench, params) if params.controls else picture(bench, params.session)


async def _with_controls(bench: Workbench, params: SnapshotParams) -> Snapshot:
    # A device of the host may take its time over its controls; all else is of one moment.
    controls = await control_states(bench, params.session)
    return picture(bench, params.session, controls)


def picture(
    bench: Workbench, session: int | None, controls: tuple[ControlState, ...] = ()
) -> Snapshot:
    """All that a screen shows: of one session, open or not, or of all."""
    return _Snapshot(
        at_ns=bench.now(),
        status=status(bench, Nothing()),
        sessions=tuple(row for row in session_rows(bench) if session in {None, row.id}),
        queues=tuple(state for state in queue_states(bench) if session in {None, state.session}),
        faults=fault_rows(bench),
        controls=controls,
        trace_last=bench.trace.last,
        log_last=bench.log.last,
    )


async def _wait(bench: Workbench, params: WaitParams) -> WaitResult:
    started = bench.now()
    holds = _condition(bench, params)
    try:
        await bench.waits.until(holds, params.timeout_s)
    except TimeoutError:
        limit = f"{round(params.timeout_s, 3):g} s"
        raise RpcError(ErrorCode.TIMEOUT, f"{_described(params)} did not come in {limit}") from None
    return WaitResult(condition=params.condition, waited_s=(bench.now() - started) / 1e9)


def _described(params: WaitParams) -> str:
    words = [params.condition.value]
    if params.count != 1:
        words.append(f"({params.count})")
    if params.session is not None:
        of = "" if params.condition in {Condition.SESSION, Condition.NO_SESSION} else "of session "
        words.append(f"{of}{params.session}")
    return " ".join(words)


_VM_STATES = {
    Condition.CONNECTED: frozenset((VmState.CONNECTED, VmState.READY, VmState.PAUSED)),
    Condition.READY: frozenset((VmState.READY,)),
    Condition.PAUSED: frozenset((VmState.PAUSED,)),
    Condition.GONE: frozenset((VmState.GONE,)),
}


_OF_A_SESSION = frozenset(
    (Condition.SESSION, Condition.NO_SESSION, Condition.STREAMING, Condition.FRAMES)
)


def _condition(bench: Workbench, params: WaitParams) -> Callable[[], bool]:
    """What has to hold; what is counted counts from now on."""
    condition = params.condition
    if params.session is not None and condition not in _OF_A_SESSION:
        raise RpcError(
            ErrorCode.INVALID_PARAMS,
            f"session: {condition.value} is about the whole bench: leave it out",
            {"field": "session"},
        )
    if params.count < 1:
        raise RpcError(ErrorCode.INVALID_PARAMS, "count: at least 1", {"field": "count"})
    states = _VM_STATES.get(condition)
    if states is not None:
        return lambda: bench.vm.state in states
    if condition is Condition.LISTENING:
        return lambda: bench.transport.status().listening
    sessions = _session_condition(bench, params)
    if sessions is not None:
        return sessions
    counted = _counter(bench, params)
    goal = counted() + params.count
    return lambda: counted() >= goal


def _session_condition(bench: Workbench, params: WaitParams) -> Callable[[], bool] | None:
    wanted, sessions = params.session, bench.device.sessions
    match params.condition:
        case Condition.SESSION if wanted is not None:
            return lambda: sessions.get(wanted) is not None
        case Condition.SESSION:
            return lambda: len(sessions) >= params.count
        case Condition.NO_SESSION if wanted is not None:
            return lambda: sessions.get(wanted) is None
        case Condition.NO_SESSION:
            return lambda: not len(sessions)
        case Condition.STREAMING:
            return lambda: any(
                row.phase is SessionPhase.STREAMING and wanted in {None, row.id}
                for row in session_rows(bench)
            )
        case _:
            return None


def _counter(bench: Workbench, params: WaitParams) -> Callable[[], int]:
    """A counter of what is waited for; of one session where that is asked."""
    counters, frames, wanted = bench.device.counters, bench.device.frames, params.session
    match params.condition:
        case Condition.FRAMES if wanted is not None:
            return lambda: frames.count_of(wanted)
        case Condition.FRAMES:
            return lambda: frames.count
        case Condition.COMMANDS:
            return lambda: counters.commands
        case Condition.ERRORS:
            return lambda: counters.errors
        case _:
            return bench.faults_fired


def _shutdown(bench: Workbench, params: ShutdownParams) -> Nothing:
    if bench.transport.connected and not params.force:
        raise RpcError(
            ErrorCode.REFUSED,
            "a VM is connected, and QEMU aborts when its back-end ends: "
            "stop the VM first, or allow it (--force)",
        )
    bench.stop()
    return Nothing()


HANDLERS: Handlers = {
    "bench.status": status,
    "bench.snapshot": snapshot,
    "bench.wait": _wait,
    "bench.shutdown": _shutdown,
}
