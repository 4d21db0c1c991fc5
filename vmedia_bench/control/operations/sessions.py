"""The guest's open sessions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vmedia_bench.control.operation import Nothing, Operation


class SessionPhase(StrEnum):
    """What a session is at."""

    OPEN = "open"
    """Opened; it owns no buffers."""
    BUFFERS = "buffers"
    """It owns buffers and does not stream."""
    STREAMING = "streaming"
    FAILED = "failed"
    """It got EVT_ERROR; its ID stays taken until the driver's CLOSE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session in short."""

    id: int
    phase: SessionPhase
    age_s: float
    queue: Annotated[str, "Types of the queues it owns, such as VIDEO_CAPTURE; empty for none"]
    format: Annotated[str, "Four-character code; of the node where it owns none"]
    width: int
    height: int
    fps: Annotated[float, "Frames given back in the last second"]
    buffers: int
    queued: Annotated[int, "Buffers the device holds"]
    done: Annotated[int, "DQBUF events that the driver has not taken yet"]
    frames: Annotated[int, "Frames since STREAMON"]
    dropped: Annotated[int, "Frames lost since STREAMON, as the numbers of those that came show"]
    commands: int
    last_errno: Annotated[str, "Name of the last errno it was answered; empty for none"]
    failed_with: Annotated[str, "Errno name of its EVT_ERROR; empty while it works"]
    preview: Annotated[bool, "Whether it has a frame to look at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """The open sessions, by ID."""

    sessions: tuple[SessionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParams:
    """Which session."""

    session: Annotated[int, "Session ID"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One V4L2 event that a session subscribed to."""

    session: int
    type: Annotated[str, "CTRL, EOS, SOURCE_CHANGE, FRAME_SYNC, ..."]
    id: Annotated[int, "Control ID or input; 0 where the type has none"]
    name: Annotated[str, "What the id stands for, such as V4L2_CID_BRIGHTNESS; empty for none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetail:
    """One session in full; its buffers are in buffers.list."""

    session: SessionRow
    subscriptions: tuple[Subscription, ...]
    interval_s: Annotated[float, "Seconds a frame"]
    bytesperline: tuple[int, ...]
    sizeimage: Annotated[tuple[int, ...], "Bytes a memory plane"]
    field: str
    colorspace: str
    memory: Annotated[str, "MMAP or USERPTR; empty without buffers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionParams:
    """Whose subscriptions."""

    session: Annotated[int | None, "Only this session's"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionList:
    """V4L2 event subscriptions."""

    subscriptions: tuple[Subscription, ...]


OPERATIONS = (
    Operation("sessions.list", "List the open sessions.", Nothing, SessionList, "sessions"),
    Operation(
        "sessions.show", "Show one session.", SessionParams, SessionDetail, "session show {session}"
    ),
    Operation(
        "subscriptions.list",
        "List the V4L2 events that sessions subscribed to.",
        SubscriptionParams,
        SubscriptionList,
        "subscriptions",
    ),
)
