"""The states of queues, buffers and records as the control API tells them."""

from vmedia_bench.control.operations.buffers import BufferState, PlaneState, QueueState
from vmedia_bench.control.operations.trace import RecordKind, TraceRecord
from vmedia_bench.control.server.quick import quick
from vmedia_bench.control.server.spelling import buffer_flag_names, name_of
from vmedia_bench.control.server.workbench import Workbench
from vmedia_bench.trace.record import Record
from vmedia_bench.v4l2.snapshot import BufferSnapshot, QueueSnapshot
from vmedia_bench.wire.v4l2 import BufFlag, BufType, Field, Memory, fourcc_name

_MAPPED = int(BufFlag.MAPPED)
_ERROR = int(BufFlag.ERROR)
_BufferState = quick(BufferState)
_PlaneState = quick(PlaneState)
_QueueState = quick(QueueState)
_TraceRecord = quick(TraceRecord)

Waiting = frozenset[tuple[int, int, int]]
"""(session, buffer type, index) of buffers whose DQBUF has not been taken."""


def queue_states(bench: Workbench, session: int | None = None) -> tuple[QueueState, ...]:
    """All queues, or those that a session works on."""
    waiting = bench.device.events.waiting_dqbufs()
    return tuple(queue_state(queue, waiting) for queue in bench.device.node.queues(session))


def queue_state(queue: QueueSnapshot, waiting: Waiting) -> QueueState:
    """One queue."""
    return _QueueState(
        session=queue.owner,
        type=name_of(BufType, queue.type),
        memory=memory_name(queue),
        streaming=queue.streaming,
        format=fourcc_name(queue.format.pixelformat),
        width=queue.format.width,
        height=queue.format.height,
        fps=_frames_a_second(queue),
        frames=queue.frames,
        dropped=queue.dropped,
        sequence=queue.sequence,
        buffers=tuple(_buffer_state(queue, buffer, waiting) for buffer in queue.buffers),
    )


def _frames_a_second(queue: QueueSnapshot) -> float:
    """What was negotiated; 0 for none."""
    interval = queue.interval
    return interval.denominator / interval.numerator if interval else 0.0


def memory_name(queue: QueueSnapshot) -> str:
    """MMAP or USERPTR; empty without buffers."""
    return name_of(Memory, queue.memory) if queue.memory else ""


def trace_record(record: Record) -> TraceRecord:
    """A record of the trace ring as the control API has it."""
    return _TraceRecord(
        seq=record.seq,
        kind=RecordKind(record.kind),
        start_ns=record.start_ns,
        end_ns=record.end_ns,
        ring=record.ring,
        head=record.head,
        readable=record.readable,
        writable=record.writable,
        used=record.used,
        request=record.request,
        response=record.response,
        note=record.note,
        session=record.session,
        rule=record.rule,
    )


def _buffer_state(queue: QueueSnapshot, buffer: BufferSnapshot, waiting: Waiting) -> BufferState:
    return _BufferState(
        index=buffer.index,
        state=_state_name(queue, buffer, waiting),
        flags=buffer_flag_names(buffer.flags),
        field=name_of(Field, buffer.field),
        sequence=buffer.sequence,
        timestamp_ns=buffer.timestamp_ns,
        mapped=bool(buffer.flags & _MAPPED),
        planes=tuple(
            _PlaneState(
                offset=plane.m,
                length=plane.length,
                bytesused=plane.bytesused,
                data_offset=plane.data_offset,
            )
            for plane in buffer.planes
        ),
    )


def _state_name(queue: QueueSnapshot, buffer: BufferSnapshot, waiting: Waiting) -> str:
    if buffer.state != "dequeued" or queue.owner is None:
        return buffer.state
    if (queue.owner, queue.type, buffer.index) in waiting:
        return "done"
    return "error" if buffer.flags & _ERROR else buffer.state
