"""
The buffer ioctls: REQBUFS, CREATE_BUFS, REMOVE_BUFS, QUERYBUF, PREPARE_BUF, QBUF, STREAMON/OFF.

Source: the V4L2 UAPI documentation, the pages of these names; the checks, their order and their
errnos are those of the kernel's videobuf2-v4l2.
"""

from collections.abc import Sequence
from errno import EBADR, EINVAL
from typing import Any

from vmedia_bench.v4l2.buffer import Buffer, BufferState, Step
from vmedia_bench.v4l2.buffer_layout import NSEC_PER_USEC, USEC_PER_SEC, show
from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.formats import created_sizes
from vmedia_bench.v4l2.memory import GuestBuffer
from vmedia_bench.v4l2.queue import CAPABILITIES, USERPTR, Queue, check_memory_type
from vmedia_bench.wire.structs import (
    BUFFER,
    CREATE_BUFFERS,
    PLANE,
    REMOVE_BUFFERS,
    REQUESTBUFFERS,
    U32,
)
from vmedia_bench.wire.v4l2 import BufFlag, Field

_TIMESTAMP_COPY = int(BufFlag.TIMESTAMP_COPY)
_TSTAMP_SRC_MASK = int(BufFlag.TSTAMP_SRC_MASK)
_TIMECODE = int(BufFlag.TIMECODE)
_REQUEST_FD = int(BufFlag.REQUEST_FD)
# What a guest may say of an output buffer. Cache hints are dropped: we give no such capability.
_OUTPUT_FLAGS = int(BufFlag.KEYFRAME | BufFlag.PFRAME | BufFlag.BFRAME | BufFlag.TIMECODE)
_ALTERNATE = int(Field.ALTERNATE)
_NS_MASK = (1 << 63) - 1  # a guest may say any time; ours must fit the structure again
_SINGLE_FIELDS = frozenset((int(Field.TOP), int(Field.BOTTOM)))

_BUFFER_SIZE = BUFFER.size
_PLANE_SIZE = PLANE.size

User = Sequence[GuestBuffer | None]
Fields = tuple[Any, ...]
"""A struct v4l2_buffer, unpacked by BUFFER."""
Given = tuple[int, int, int, int]
"""Of one plane, as the guest gave it: bytesused, length, m, data_offset."""


def reqbufs(context: Context, session_id: int, arg: bytearray) -> None:
    """VIDIOC_REQBUFS; DQBUFs that are not delivered yet are void once it succeeded."""
    count, buf_type, memory, _, _ = REQUESTBUFFERS.unpack_from(arg)
    queue = context.queue(buf_type)
    allocated = queue.request(session_id, count, memory)
    context.sink.drop_dqbufs(session_id, buf_type)
    REQUESTBUFFERS.pack_into(arg, 0, allocated, buf_type, memory, CAPABILITIES, 0)


def create_bufs(context: Context, session_id: int, arg: bytearray) -> None:
    """VIDIOC_CREATE_BUFS; a count of 0 only asks whether this memory type would do."""
    _, count, memory, fmt, _, _, _ = CREATE_BUFFERS.unpack_from(arg)
    (buf_type,) = U32.unpack_from(fmt)
    queue = context.queue(buf_type)
    check_memory_type(memory)
    first, allocated = len(queue.buffers), 0
    if count:
        queue.check_owner(session_id)
        sizes = created_sizes(queue.format, fmt)
        first, allocated = queue.create(session_id, count, memory, sizes)
    CREATE_BUFFERS.pack_into(
        arg, 0, first, allocated, memory, fmt, CAPABILITIES, 0, queue.max_buffers
    )


def remove_bufs(context: Context, session_id: int, arg: bytearray) -> None:
    """VIDIOC_REMOVE_BUFS."""
    start, count, buf_type = REMOVE_BUFFERS.unpack_from(arg)
    context.queue(buf_type).remove(session_id, start, count)
    REMOVE_BUFFERS.pack_into(arg, 0, start, count, buf_type)


def querybuf(context: Context, arg: bytearray) -> None:
    """VIDIOC_QUERYBUF; any session may ask."""
    index, buf_type = BUFFER.unpack_from(arg)[:2]
    queue = context.queue(buf_type)
    buffer = queue.buffer(index)
    if queue.is_multiplanar:
        _check_planes_array(buffer, arg)
    show(queue, buffer, arg)


def prepare_buf(context: Context, session_id: int, arg: bytearray, user: User) -> None:
    """VIDIOC_PREPARE_BUF."""
    fields = BUFFER.unpack_from(arg)
    queue, buffer = _submitted(context, session_id, arg, fields)
    if fields[3] & _REQUEST_FD:
        raise V4l2Error(EINVAL, "PREPARE_BUF with a request")
    if buffer.state is not BufferState.DEQUEUED:
        raise V4l2Error(EINVAL, f"buffer {buffer.index} is {buffer.state}: cannot prepare it")
    _take(queue, buffer, arg, fields, user)
    queue.move(buffer, Step.PREPARE)
    show(queue, buffer, arg)


def qbuf(context: Context, session_id: int, arg: bytearray, user: User) -> None:
    """
    VIDIOC_QBUF.

    Of a prepared buffer only the index counts, and for an output that copies timestamps its time
    and timecode; the rest was settled then.
    """
    fields = BUFFER.unpack_from(arg)
    queue, buffer = _submitted(context, session_id, arg, fields)
    if fields[3] & _REQUEST_FD:
        raise V4l2Error(EBADR, "QBUF with a request: the Request API is not supported")
    if buffer.state is BufferState.QUEUED:
        raise V4l2Error(EINVAL, f"buffer {buffer.index} is queued already")
    if buffer.state is BufferState.DEQUEUED:
        _take(queue, buffer, arg, fields, user)
    if queue.is_output and queue.timestamp_flags & _TIMESTAMP_COPY:
        buffer.timestamp_ns = (fields[5] * USEC_PER_SEC + fields[6]) * NSEC_PER_USEC & _NS_MASK
        buffer.flags |= fields[3] & (_TSTAMP_SRC_MASK | _TIMECODE)
        if fields[3] & _TIMECODE:
            buffer.timecode = fields[7]
    queue.enqueue(buffer)
    show(queue, buffer, arg)
    context.streams[queue.type].wake()


def streamon(context: Context, session_id: int, arg: bytearray) -> None:
    """VIDIOC_STREAMON."""
    context.queue(U32.unpack_from(arg)[0]).stream_on(session_id)


def streamoff(context: Context, session_id: int, arg: bytearray) -> None:
    """VIDIOC_STREAMOFF; no DQBUF of the queue follows it."""
    (buf_type,) = U32.unpack_from(arg)
    queue = context.queue(buf_type)
    queue.check_owner(session_id)
    queue.stream_off()
    context.sink.drop_dqbufs(session_id, buf_type)


def _submitted(
    context: Context, session_id: int, arg: bytearray, fields: Fields
) -> tuple[Queue, Buffer]:
    """Find the buffer that QBUF or PREPARE_BUF names; EBUSY or EINVAL when it cannot be."""
    queue = context.queue(fields[1])
    queue.check_owner(session_id)
    buffer = queue.buffer(fields[0])
    if fields[9] != queue.memory:
        raise V4l2Error(EINVAL, f"memory type {fields[9]}, the queue has {queue.memory}")
    if queue.is_multiplanar:
        _check_planes_array(buffer, arg)
    return queue, buffer


def _take(queue: Queue, buffer: Buffer, arg: bytearray, fields: Fields, user: User) -> None:
    """Check what the guest says of the buffer and remember it; EINVAL changes nothing."""
    given: list[Given] = (
        _given_planes(buffer, arg)
        if queue.is_multiplanar
        else [(fields[2], fields[11], fields[10], 0)]
    )
    if queue.memory == USERPTR:
        _check_user_memory(buffer, given, user)
    field, flags = 0, 0
    if queue.is_output:
        _check_lengths(queue, buffer, given)
        field = _output_field(fields[4], queue.format.field)
        flags = fields[3] & _OUTPUT_FLAGS
    # Nothing fails from here on.
    buffer.field, buffer.flags = field, flags
    buffer.timecode = fields[7] if flags & _TIMECODE else b""
    buffer.sequence = buffer.timestamp_ns = 0
    if queue.memory == USERPTR:
        for plane, (_, length, m, _) in zip(buffer.planes, given, strict=True):
            plane.length, plane.m = length, m
        buffer.targets = [memory for memory in user if memory is not None][: len(given)]
    for plane, (bytesused, _, _, data_offset) in zip(buffer.planes, given, strict=True):
        plane.bytesused = (bytesused or plane.length) if queue.is_output else 0
        plane.data_offset = data_offset if queue.is_output else 0


def _check_planes_array(buffer: Buffer, arg: bytearray) -> None:
    """EINVAL for a multi-planar argument whose array has no room for every plane."""
    room = (len(arg) - _BUFFER_SIZE) // _PLANE_SIZE
    if room < len(buffer.planes):
        raise V4l2Error(EINVAL, f"an array of {room} planes, the buffer has {len(buffer.planes)}")


def _given_planes(buffer: Buffer, arg: bytearray) -> list[Given]:
    end = _BUFFER_SIZE + len(buffer.planes) * _PLANE_SIZE
    return [PLANE.unpack_from(arg, at) for at in range(_BUFFER_SIZE, end, _PLANE_SIZE)]


def _check_user_memory(buffer: Buffer, given: list[Given], user: User) -> None:
    """EINVAL for a USERPTR plane without its memory, or with less than the format needs."""
    for number, (plane, (_, length, _, _)) in enumerate(zip(buffer.planes, given, strict=True)):
        memory = user[number] if number < len(user) else None
        if length < plane.minimum or memory is None or memory.length != length:
            raise V4l2Error(EINVAL, f"{length} bytes lent for a plane of {plane.minimum}")


def _check_lengths(queue: Queue, buffer: Buffer, given: list[Given]) -> None:
    """EINVAL for an output buffer with more in it than it is long, or data_offset past that."""
    for plane, (bytesused, given_length, _, data_offset) in zip(buffer.planes, given, strict=True):
        length = given_length if queue.memory == USERPTR else plane.length
        if bytesused > length:
            raise V4l2Error(EINVAL, f"{bytesused} bytes used of a plane of {length}")
        if data_offset and data_offset >= (bytesused or length):
            raise V4l2Error(EINVAL, f"data_offset {data_offset} is past the data")


def _output_field(given: int, negotiated: int) -> int:
    """An output buffer has the format's field; of ALTERNATE it must say which one."""
    if given == _ALTERNATE or (negotiated == _ALTERNATE and given not in _SINGLE_FIELDS):
        raise V4l2Error(EINVAL, f"field {given} in an output buffer")
    return given if negotiated == _ALTERNATE else negotiated
