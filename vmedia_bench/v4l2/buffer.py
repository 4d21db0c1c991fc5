"""
One buffer and its planes, and whose it is: the states a buffer goes through.

Source: the V4L2 UAPI documentation, "struct v4l2_buffer"; the states are videobuf2's, less those
that only exist between a kernel driver and its hardware.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from vmedia_bench.v4l2.memory import Allocation
from vmedia_bench.v4l2.planes import MappedPlane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmedia_bench.v4l2.source import Plane


class BufferState(StrEnum):
    """Whose a buffer is."""

    DEQUEUED = "dequeued"  # the guest's
    PREPARED = "prepared"  # the guest's, but checked and fixed
    QUEUED = "queued"  # ours


class Step(StrEnum):
    """What moves a buffer from one state to the next."""

    PREPARE = "prepare"
    QUEUE = "queue"
    COMPLETE = "complete"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[BufferState, Step], BufferState] = {
    (BufferState.DEQUEUED, Step.PREPARE): BufferState.PREPARED,
    (BufferState.DEQUEUED, Step.QUEUE): BufferState.QUEUED,
    (BufferState.PREPARED, Step.QUEUE): BufferState.QUEUED,
    (BufferState.QUEUED, Step.COMPLETE): BufferState.DEQUEUED,
    (BufferState.DEQUEUED, Step.CANCEL): BufferState.DEQUEUED,
    (BufferState.PREPARED, Step.CANCEL): BufferState.DEQUEUED,
    (BufferState.QUEUED, Step.CANCEL): BufferState.DEQUEUED,
}


class BufferPlane:
    """
    One memory plane of a buffer, in the words of struct v4l2_plane.

    `m` is the arena offset (MMAP) or the guest's own pointer (USERPTR, opaque to us); `minimum`
    is the least length a USERPTR plane must have.
    """

    __slots__ = ("allocation", "bytesused", "data_offset", "length", "m", "minimum")

    def __init__(self, length: int, allocation: Allocation | None) -> None:
        self.length = length
        self.minimum = length
        self.bytesused = 0
        self.data_offset = 0
        self.allocation = allocation
        self.m = allocation.offset if allocation else 0


class Buffer:
    """
    One buffer of a queue; the fields are those of struct v4l2_buffer.

    `targets` are its planes as a source sees them: none while a USERPTR buffer stands on nothing.
    """

    __slots__ = (
        "field",
        "flags",
        "index",
        "planes",
        "sequence",
        "state",
        "targets",
        "timecode",
        "timestamp_ns",
    )

    def __init__(self, index: int, planes: tuple[BufferPlane, ...]) -> None:
        self.index = index
        self.planes = planes
        self.state = BufferState.DEQUEUED
        self.flags = 0
        self.field = 0
        self.sequence = 0
        self.timestamp_ns = 0
        self.timecode = b""
        self.targets: Sequence[Plane] = [
            MappedPlane(plane.allocation.view) for plane in planes if plane.allocation
        ]

    def clear(self) -> None:
        """Forget what was captured or said of it; where its memory is stays."""
        self.flags = self.field = self.sequence = self.timestamp_ns = 0
        self.timecode = b""
        for plane in self.planes:
            plane.bytesused = plane.data_offset = 0
