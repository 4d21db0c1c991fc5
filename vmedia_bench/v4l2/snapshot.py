"""
The node's state for onlookers: frozen, and without a way back.

Tuples, as they are made many times a second: a frozen dataclass costs ten times as much.
"""

from fractions import Fraction
from typing import NamedTuple

from vmedia_bench.v4l2.buffer import Buffer
from vmedia_bench.v4l2.buffer_layout import flags_of
from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.queue import Queue
from vmedia_bench.v4l2.source import Format


class PlaneState(NamedTuple):
    """One plane: `m` is the arena offset (MMAP) or the guest's pointer (USERPTR); bytes."""

    m: int
    length: int
    bytesused: int
    data_offset: int


class BufferSnapshot(NamedTuple):
    """One buffer: `state` is dequeued, prepared or queued; `flags` BufFlag bits as QUERYBUF's."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    state: str
    flags: int
    field: int
    sequence: int
    timestamp_ns: int
    planes: tuple[PlaneState, ...]


class QueueSnapshot(NamedTuple):
    """
    One queue: `memory` is a Memory, 0 while there are no buffers; `streaming` since STREAMON,
    `running` since enough buffers are queued. `frames` and `dropped` count since then.
    """

    type: int
    owner: int | None
    memory: int
    streaming: bool
    running: bool
    format: Format
    interval: Fraction
    queued: int
    frames: int
    dropped: int
    sequence: int
    buffers: tuple[BufferSnapshot, ...]


class SessionSnapshot(NamedTuple):
    """One open session: the types of the queues it owns, and its (event type, id) pairs."""

    id: int
    owns: tuple[int, ...]
    subscriptions: tuple[tuple[int, int], ...]


def session_snapshot(context: Context, session_id: int) -> SessionSnapshot:
    """Describe one session."""
    owns = tuple(
        buf_type for buf_type, queue in context.queues.items() if queue.owner == session_id
    )
    return SessionSnapshot(session_id, owns, context.events.subscriptions(session_id))


def queue_snapshots(context: Context) -> tuple[QueueSnapshot, ...]:
    """Describe every queue of a context."""
    return tuple(_queue(context, queue) for queue in context.queues.values())


def _queue(context: Context, queue: Queue) -> QueueSnapshot:
    stream = context.streams[queue.type]
    return QueueSnapshot(
        type=queue.type,
        owner=queue.owner,
        memory=queue.memory,
        streaming=queue.streaming,
        running=queue.running,
        format=queue.format,
        interval=context.interval,
        queued=len(queue.queued),
        frames=stream.frames,
        dropped=stream.dropped,
        sequence=stream.sequence,
        buffers=tuple(_buffer(queue, queue.buffers[index]) for index in sorted(queue.buffers)),
    )


def _buffer(queue: Queue, buffer: Buffer) -> BufferSnapshot:
    return BufferSnapshot(
        index=buffer.index,
        state=buffer.state.value,
        flags=flags_of(queue, buffer),
        field=buffer.field,
        sequence=buffer.sequence,
        timestamp_ns=buffer.timestamp_ns,
        planes=tuple(
            PlaneState(plane.m, plane.length, plane.bytesused, plane.data_offset)
            for plane in buffer.planes
        ),
    )
