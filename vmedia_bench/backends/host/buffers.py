"""The buffers of one queue on both sides: where their bytes lie, and whose they are."""

from collections.abc import Sequence
from enum import StrEnum

from vmedia_bench.backends.host.translate import PlanePlace
from vmedia_bench.v4l2.declarations import Format
from vmedia_bench.v4l2.memory import Allocation, GuestBuffer
from vmedia_bench.v4l2.planes import MappedPlane
from vmedia_bench.v4l2.snapshot import BufferSnapshot, PlaneState
from vmedia_bench.v4l2.source import Plane
from vmedia_bench.wire.v4l2 import Memory, is_multiplanar, is_output

MMAP = int(Memory.MMAP)
USERPTR = int(Memory.USERPTR)


class Whose(StrEnum):
    """Whose a buffer is."""

    GUEST = "dequeued"
    PREPARED = "prepared"
    HOST = "queued"


class PassedPlane:
    """
    One plane. `allocation` is its place in the arena, None for a guest's USERPTR plane whose
    bytes the driver keeps; `mapping` is the driver's own buffer, None where it fills ours.
    """

    __slots__ = ("allocation", "mapping", "place", "target")

    def __init__(
        self, place: PlanePlace, allocation: Allocation | None, mapping: memoryview | None
    ) -> None:
        self.place = place
        self.allocation = allocation
        self.mapping = mapping
        self.target: GuestBuffer | None = None

    @property
    def host_view(self) -> memoryview:
        """The bytes that the driver fills or takes."""
        if self.mapping is not None:
            return self.mapping
        assert self.allocation is not None
        return self.allocation.view

    def contents(self) -> Plane:
        """The bytes as the guest has them."""
        if self.target is not None:
            return self.target
        return MappedPlane(self.allocation.view if self.allocation else self.host_view)

    def bring(self, length: int) -> None:
        """Copy from the driver's memory to the guest's, where they are two."""
        length = min(length, self.place.host_length, self.place.length)
        if self.target is not None:
            self.target.write(0, self.host_view[:length])
        elif self.mapping is not None and self.allocation is not None:
            self.allocation.view[:length] = self.mapping[:length]

    def take(self, length: int) -> None:
        """Copy from the guest's memory to the driver's, where they are two."""
        length = min(length, self.place.host_length, self.place.length)
        if self.target is not None:
            self.host_view[:length] = self.target.read(0, length)
        elif self.mapping is not None and self.allocation is not None:
            self.mapping[:length] = self.allocation.view[:length]


class PassedBuffer:
    """One buffer, and what was last said of it."""

    __slots__ = (
        "bytesused",
        "field",
        "flags",
        "index",
        "planes",
        "sequence",
        "timestamp_ns",
        "whose",
    )

    def __init__(self, index: int, planes: tuple[PassedPlane, ...]) -> None:
        self.index = index
        self.planes = planes
        self.whose = Whose.GUEST
        self.flags = 0
        self.field = 0
        self.sequence = 0
        self.timestamp_ns = 0
        self.bytesused: tuple[int, ...] = (0,) * len(planes)

    @property
    def places(self) -> Sequence[PlanePlace]:
        """Its planes as the translation needs them."""
        return [plane.place for plane in self.planes]

    def snapshot(self) -> BufferSnapshot:
        """Describe it."""
        return BufferSnapshot(
            index=self.index,
            state=self.whose.value,
            flags=self.flags,
            field=self.field,
            sequence=self.sequence,
            timestamp_ns=self.timestamp_ns,
            planes=tuple(
                PlaneState(plane.place.m, plane.place.length, used, 0)
                for plane, used in zip(self.planes, self.bytesused, strict=True)
            ),
        )


class PassedQueue:
    """
    One queue of a session.

    `memory` is what the guest asked for, `host_memory` what the driver got instead, both 0
    without buffers. `running` since a buffer came back after STREAMON; `drained` after the one
    with the LAST flag, until the stream is started again.
    """

    def __init__(self, buf_type: int, fmt: Format) -> None:
        self.type = buf_type
        self.format = fmt
        self.is_output = is_output(buf_type)
        self.is_multiplanar = is_multiplanar(buf_type)
        self.memory = 0
        self.host_memory = 0
        self.buffers: dict[int, PassedBuffer] = {}
        self.queued = 0
        self.streaming = False
        self.running = False
        self.drained = False
        self.frames = 0
        self.dropped = 0
        self.sequence = 0

    @property
    def expects(self) -> bool:
        """Whether the driver has buffers that it will give back."""
        return self.streaming and self.queued > 0 and not self.drained

    @property
    def zero_copy(self) -> bool:
        """Whether the driver works on the guest's buffers themselves."""
        return self.memory == MMAP and self.host_memory == USERPTR

    def started(self) -> None:
        """STREAMON went well."""
        if not self.streaming:
            self.streaming, self.running, self.drained = True, False, False
            self.frames = self.dropped = self.sequence = 0

    def stopped(self) -> None:
        """STREAMOFF went well: every buffer is the guest's again."""
        self.streaming = self.running = self.drained = False
        self.queued = 0
        for buffer in self.buffers.values():
            buffer.whose = Whose.GUEST
            buffer.sequence = buffer.timestamp_ns = 0

    def lent(self, buffer: PassedBuffer) -> None:
        """QBUF went well."""
        buffer.whose = Whose.HOST
        self.queued += 1

    def returned(self, buffer: PassedBuffer) -> int:
        """DQBUF gave it back, its `sequence` is set; how many frames the driver dropped before."""
        buffer.whose = Whose.GUEST
        self.queued -= 1
        missed = 0
        if self.running and not self.is_output:
            gap = (buffer.sequence - self.sequence - 1) & 0xFFFFFFFF
            missed = gap if gap < 1 << 31 else 0
        self.running = True
        self.sequence = buffer.sequence
        self.frames += 1
        self.dropped += missed
        return missed

    def allocation_at(self, offset: int) -> Allocation | None:
        """The plane of a guest's MMAP buffer with this `mem_offset`."""
        if self.memory != MMAP:
            return None
        for buffer in self.buffers.values():
            for plane in buffer.planes:
                if plane.allocation is not None and plane.allocation.offset == offset:
                    return plane.allocation
        return None
