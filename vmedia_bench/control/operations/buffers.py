"""Queues and their buffers."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneState:
    """One memory plane."""

    offset: Annotated[int, "Arena offset (MMAP) or the guest's pointer (USERPTR)"]
    length: Annotated[int, "Bytes"]
    bytesused: int
    data_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferState:
    """One buffer, as QUERYBUF has it and a little more."""

    index: int
    state: Annotated[
        str, "dequeued, prepared, queued, filling, done (DQBUF not taken yet) or error"
    ]
    flags: Annotated[tuple[str, ...], "V4L2_BUF_FLAG_* names without the prefix"]
    field: str
    sequence: int
    timestamp_ns: int
    mapped: Annotated[bool, "Whether the guest has it mapped"]
    planes: tuple[PlaneState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """One queue of a session."""

    session: Annotated[int | None, "Its owner; none while nobody has buffers"]
    type: Annotated[str, "VIDEO_CAPTURE, VIDEO_OUTPUT_MPLANE, ..."]
    memory: Annotated[str, "MMAP or USERPTR; empty without buffers"]
    streaming: bool
    format: str
    width: int
    height: int
    fps: Annotated[float, "As negotiated; 0 where the device has no rate"]
    frames: int
    dropped: int
    sequence: int
    buffers: tuple[BufferState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferParams:
    """Whose buffers."""

    session: Annotated[int | None, "Only this session's"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueList:
    """Queues with their buffers."""

    queues: tuple[QueueState, ...]


OPERATIONS = (
    Operation("buffers.list", "List queues and their buffers.", BufferParams, QueueList, "buffers"),
)
