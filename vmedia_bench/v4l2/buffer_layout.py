"""
A buffer as the guest sees it: struct v4l2_buffer with its array of struct v4l2_plane.

Pointers come back as they were given: `planes` is not touched, and a USERPTR buffer keeps the
pointer it was queued or prepared with ("Shared Pages" in the virtio specification).
"""

from vmedia_bench.v4l2.buffer import Buffer, BufferState
from vmedia_bench.v4l2.queue import Queue
from vmedia_bench.wire.structs import BUFFER, PLANE
from vmedia_bench.wire.v4l2 import BufFlag

NSEC_PER_USEC = 1_000
USEC_PER_SEC = 1_000_000

_MAPPED = int(BufFlag.MAPPED)
_STATE_FLAGS = {
    BufferState.DEQUEUED: 0,
    BufferState.PREPARED: int(BufFlag.PREPARED),
    BufferState.QUEUED: int(BufFlag.QUEUED),
}
_BUFFER_SIZE = BUFFER.size
_PLANE_SIZE = PLANE.size
_POINTER_OFFSET = 64  # v4l2_buffer.m
_POINTER_END = 72


def flags_of(queue: Queue, buffer: Buffer) -> int:
    """Give the BufFlag bits of a buffer as they are now."""
    flags = buffer.flags | queue.timestamp_flags | _STATE_FLAGS[buffer.state]
    return flags | _MAPPED if queue.is_mapped(buffer) else flags


def show(queue: Queue, buffer: Buffer, arg: bytearray) -> None:
    """Write a buffer into the argument of a buffer ioctl: 88 bytes, and 64 a plane."""
    flags = flags_of(queue, buffer)
    planes = buffer.planes
    usec = buffer.timestamp_ns // NSEC_PER_USEC
    if queue.is_multiplanar:
        m = int.from_bytes(arg[_POINTER_OFFSET:_POINTER_END], "little")
        bytesused, length = 0, len(planes)
        at = _BUFFER_SIZE
        for plane in planes:
            PLANE.pack_into(arg, at, plane.bytesused, plane.length, plane.m, plane.data_offset)
            at += _PLANE_SIZE
    else:
        plane = planes[0]
        bytesused, m, length = plane.bytesused, plane.m, plane.length
    BUFFER.pack_into(
        arg,
        0,
        buffer.index,
        queue.type,
        bytesused,
        flags,
        buffer.field,
        usec // USEC_PER_SEC,
        usec % USEC_PER_SEC,
        buffer.timecode,
        buffer.sequence,
        queue.memory,
        m,
        length,
        0,
    )


def dqbuf_event(queue: Queue, buffer: Buffer) -> tuple[bytes, bytes]:
    """
    Give the v4l2_buffer (88 bytes) and planes (64 bytes each, none when single-planar) of a DQBUF.

    Pointers and offsets are 0: the driver has its own ("Dequeue buffer" in the specification).
    """
    planes = buffer.planes
    if queue.is_multiplanar:
        bytesused, length = 0, len(planes)
        packed = b"".join(
            [PLANE.pack(plane.bytesused, plane.length, 0, plane.data_offset) for plane in planes]
        )
    else:
        bytesused, length, packed = planes[0].bytesused, planes[0].length, b""
    usec = buffer.timestamp_ns // NSEC_PER_USEC
    return (
        BUFFER.pack(
            buffer.index,
            queue.type,
            bytesused,
            flags_of(queue, buffer),
            buffer.field,
            usec // USEC_PER_SEC,
            usec % USEC_PER_SEC,
            buffer.timecode,
            buffer.sequence,
            queue.memory,
            0,
            length,
            0,
        ),
        packed,
    )
