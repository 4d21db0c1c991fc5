"""The bench itself: state, a picture of everything at once, waiting, shutdown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vmedia_bench.control.operation import Danger, Nothing, Operation
from vmedia_bench.control.operations.buffers import QueueState
from vmedia_bench.control.operations.controls import ControlState
from vmedia_bench.control.operations.faults import FaultRow
from vmedia_bench.control.operations.sessions import SessionRow


class VmState(StrEnum):
    """How far the VM has come."""

    WAITING = "waiting"
    """Nobody has connected yet."""
    CONNECTED = "connected"
    """A front-end is there; the guest's driver is not, or was reset."""
    READY = "ready"
    """The driver's rings run."""
    PAUSED = "paused"
    """The VM is paused: its rings stopped and may go on."""
    GONE = "gone"
    """The front-end has left; the bench listens for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingState:
    """One virtqueue."""

    index: Annotated[int, "0 is the commandq, 1 the eventq"]
    name: Annotated[str, "commandq or eventq"]
    size: Annotated[int, "Entries; 0 before the front-end has set it"]
    running: Annotated[bool, "Started and enabled"]
    stopped_by_operator: Annotated[bool, "A fault rule holds it"] = False
    avail_index: Annotated[int, "The device's next avail index, modulo 65,536"] = 0
    used_index: Annotated[int, "Used index the driver sees, modulo 65,536"] = 0
    in_flight: Annotated[int, "Chains popped and not yet given back"] = 0
    offered: Annotated[int, "Chains that wait to be popped"] = 0
    event_idx: Annotated[bool, "VIRTIO_RING_F_EVENT_IDX negotiated"] = False
    indirect: Annotated[bool, "VIRTIO_RING_F_INDIRECT_DESC negotiated"] = False
    error: Annotated[str, "Why it is corrupt; empty when it is not"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionState:
    """One region of guest memory."""

    guest_address: Annotated[int, "Guest physical address of its first byte"]
    size: Annotated[int, "Bytes"]
    mapped: Annotated[bool, "Mapped; False: read and written by pread and pwrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One buffer that the guest has mapped, or a block nobody has."""

    offset: Annotated[int, "Offset in the arena and in shared-memory region 0, bytes"]
    length: Annotated[int, "Bytes, as QUERYBUF says"]
    mapped: Annotated[int, "How many MMAPs have not been undone"]
    in_use: Annotated[bool, "A buffer still has it; False: only its mappings keep it"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What has happened since the bench started."""

    commands: int = 0
    errors: Annotated[int, "Commands answered with an errno"] = 0
    events: Annotated[int, "Events that reached the driver"] = 0
    frames: Annotated[int, "Buffers given back to the driver"] = 0
    frame_bytes: Annotated[int, "Bytes used in them"] = 0
    dropped: Annotated[int, "Frames lost: no buffer was queued, or the source was late"] = 0
    kicks: int = 0
    calls: int = 0
    connections: int = 0
    messages: Annotated[int, "vhost-user messages"] = 0
    messages_refused: int = 0
    chains_refused: int = 0
    ring_errors: int = 0
    faults_fired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchStatus:
    """The bench as it is now."""

    name: str
    version: str
    pid: int
    uptime_s: float
    socket: Annotated[str, "Where front-ends connect"]
    vm: VmState
    peer: Annotated[str, "The front-end's process; empty when there is none"]
    features: Annotated[tuple[str, ...], "Negotiated virtio features, by name"]
    protocol_features: Annotated[tuple[str, ...], "Negotiated vhost-user protocol features"]
    backend: Annotated[str, "Name in the backend registry"]
    card: Annotated[str, "The device's name, as the guest sees it"]
    rings: tuple[RingState, ...]
    regions: tuple[RegionState, ...]
    arena_size: Annotated[int, "Bytes of shared-memory region 0"]
    arena_used: Annotated[int, "Bytes of it in buffers"]
    mappings: tuple[Mapping, ...]
    sessions: Annotated[int, "Open sessions, failed ones included"]
    events_waiting: Annotated[int, "Events that wait for an event buffer"]
    faults_armed: int
    counters: Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotParams:
    """What to put in."""

    session: Annotated[int | None, "Only this session's buffers and controls"] = None
    controls: Annotated[bool, "With the values of all controls"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a screen shows at one moment, in one message."""

    at_ns: Annotated[int, "CLOCK_MONOTONIC of the bench"]
    status: BenchStatus
    sessions: tuple[SessionRow, ...]
    queues: tuple[QueueState, ...]
    faults: tuple[FaultRow, ...]
    controls: tuple[ControlState, ...]
    trace_last: Annotated[int, "Sequence number of the newest trace record, 0 for none"]
    log_last: Annotated[int, "Sequence number of the newest log line, 0 for none"]


class Condition(StrEnum):
    """What can be waited for."""

    LISTENING = "listening"
    CONNECTED = "connected"
    READY = "ready"
    PAUSED = "paused"
    GONE = "gone"
    SESSION = "session"
    """`count` sessions are open, or the one named by `session`."""
    NO_SESSION = "no-session"
    """No session is open, or the one named by `session` has gone."""
    STREAMING = "streaming"
    """A session streams (the one named by `session`)."""
    FRAMES = "frames"
    """`count` more frames were given back from now on (to the one named by `session`)."""
    COMMANDS = "commands"
    """`count` more commands were answered from now on."""
    ERRORS = "errors"
    """`count` more commands were answered with an errno from now on."""
    FAULTS = "faults"
    """Fault rules fired `count` more times from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitParams:
    """What to wait for, and how long."""

    condition: Annotated[Condition, "What to wait for"]
    count: Annotated[int, "How many, where the condition counts"] = 1
    session: Annotated[int | None, "Only this session, where the condition is about one"] = None
    timeout_s: Annotated[float, "Give up after this many seconds; error TIMEOUT"] = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitResult:
    """The condition holds."""

    condition: Condition
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownParams:
    """How to end."""

    force: Annotated[bool, "Even with a VM connected: QEMU aborts when its back-end ends"] = False


OPERATIONS = (
    Operation(
        "bench.status", "Show the bench, its VM, rings and memory.", Nothing, BenchStatus, "status"
    ),
    Operation(
        "bench.snapshot",
        "Give all that a screen shows, at one moment.",
        SnapshotParams,
        Snapshot,
        "status --all",
    ),
    Operation(
        "bench.wait", "Wait until something holds.", WaitParams, WaitResult, "wait {condition}"
    ),
    Operation("bench.shutdown", "End the bench.", ShutdownParams, Nothing, "stop", Danger.ENDS),
)
