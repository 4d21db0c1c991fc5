"""v4l2_buffer and v4l2_plane as values, packed to and from the wire."""

from dataclasses import dataclass

from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import is_multiplanar

BUFFER_SIZE = structs.BUFFER.size
PLANE_SIZE = structs.PLANE.size

_NO_TIMECODE = bytes(16)
_unpack_buffer = structs.BUFFER.unpack_from
_unpack_plane = structs.PLANE.unpack_from


@dataclass(frozen=True, slots=True)
class Plane:
    """One v4l2_plane; sizes in bytes, `m` is mem_offset (low 32 bits) or userptr."""

    bytesused: int = 0
    length: int = 0
    m: int = 0
    data_offset: int = 0

    def pack(self) -> bytes:
        """Its 64 bytes."""
        return structs.PLANE.pack(self.bytesused, self.length, self.m, self.data_offset)


@dataclass(frozen=True, slots=True)
class Buffer:
    """
    One v4l2_buffer with its planes.

    For a multi-planar type `length` is the number of planes and `m` the planes pointer; else
    `length` is in bytes and `m` is mem_offset (low 32 bits) or userptr.
    """

    index: int
    type: int
    memory: int
    bytesused: int = 0
    flags: int = 0
    field: int = 0
    timestamp_ns: int = 0
    sequence: int = 0
    m: int = 0
    length: int = 0
    planes: tuple[Plane, ...] = ()

    def pack(self) -> bytes:
        """Its 88 bytes, and 64 for each plane, as an ioctl's payload."""
        seconds, rest = divmod(self.timestamp_ns, 1_000_000_000)
        head = structs.BUFFER.pack(
            self.index,
            self.type,
            self.bytesused,
            self.flags,
            self.field,
            seconds,
            rest // 1000,
            _NO_TIMECODE,
            self.sequence,
            self.memory,
            self.m,
            self.length,
            0,
        )
        return head + b"".join(plane.pack() for plane in self.planes)

    @property
    def mem_offset(self) -> int:
        """m.offset: the number MMAP takes, for a single-planar MMAP buffer."""
        return self.m & 0xFFFFFFFF

    def memory_planes(self) -> tuple[Plane, ...]:
        """Its planes; a single-planar buffer is shown as one plane."""
        if is_multiplanar(self.type):
            return self.planes
        return (Plane(self.bytesused, self.length, self.m),)


def unpack_buffer(data: bytes | bytearray | memoryview, offset: int = 0) -> Buffer:
    """
    The buffer at `offset`, with as many planes as it says and `data` holds (at most 8).

    Raises struct.error when `data` is shorter than a v4l2_buffer.
    """
    values = _unpack_buffer(data, offset)
    index, buf_type, bytesused, flags, field, seconds, micros = values[:7]
    sequence, memory, m, length = values[8:12]
    planes: tuple[Plane, ...] = ()
    if is_multiplanar(buf_type):
        start = offset + BUFFER_SIZE
        held = min(length, 8, (len(data) - start) // PLANE_SIZE)
        planes = tuple(Plane(*_unpack_plane(data, start + i * PLANE_SIZE)) for i in range(held))
    stamp = seconds * 1_000_000_000 + micros * 1000
    return Buffer(
        index, buf_type, memory, bytesused, flags, field, stamp, sequence, m, length, planes
    )
