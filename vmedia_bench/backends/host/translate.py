"""
v4l2_buffer and v4l2_ext_controls between guest and host: bytes in, bytes out.

The guest's pointers mean nothing here and never reach the host's kernel; ours never reach the
guest. Whatever else the two say to each other stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from errno import EBADR, EINVAL

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import BUFFER, EXT_CONTROL, EXT_CONTROLS, PLANE, U32
from vmedia_bench.wire.v4l2 import BufFlag, CtrlWhich, is_multiplanar

BUFFER_SIZE = BUFFER.size
PLANE_SIZE = PLANE.size
CONTROLS_SIZE = EXT_CONTROLS.size
CONTROL_SIZE = EXT_CONTROL.size
# The payloads of one request; a kernel allocates as much.
MAX_PAYLOAD = 16 << 20

_MAPPED = int(BufFlag.MAPPED)
_REQUEST_FD = int(BufFlag.REQUEST_FD)
# Of the host's own making: its mappings are ours, and there are no requests.
_HOSTS_FLAGS = int(BufFlag.MAPPED | BufFlag.IN_REQUEST | BufFlag.REQUEST_FD)
_CACHE_HINTS = int(BufFlag.NO_CACHE_INVALIDATE | BufFlag.NO_CACHE_CLEAN)
_REQUEST_VAL = int(CtrlWhich.REQUEST_VAL)
_POINTER = slice(64, 72)  # v4l2_buffer.m


@dataclass(slots=True)
class PlanePlace:
    """
    One plane of a buffer on both sides.

    `address` is where the host's kernel writes (USERPTR) or 0 (MMAP), `host_length` how much it
    may; `m` and `length` are what the guest has for the plane: its arena offset or its pointer.
    """

    address: int
    host_length: int
    m: int
    length: int


@dataclass(slots=True)
class HostBuffer:
    """A v4l2_buffer for the host's kernel; `planes` is the array behind it, empty: none."""

    head: bytearray
    planes: bytearray

    @classmethod
    def blank(cls, index: int, buf_type: int, memory: int, planes: int) -> "HostBuffer":
        """For QUERYBUF and DQBUF; `planes` 0 for a single-planar type."""
        head = BUFFER.pack(index, buf_type, 0, 0, 0, 0, 0, b"", 0, memory, 0, planes, 0)
        return cls(bytearray(head), bytearray(planes * PLANE_SIZE))

    def point_to_planes(self, address: int) -> None:
        """Set `m.planes`."""
        self.head[_POINTER] = address.to_bytes(8, "little")

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """index, bytesused, flags, sequence."""
        index, _, bytesused, flags, _, _, _, _, sequence, *_ = BUFFER.unpack_from(self.head)
        return index, bytesused, flags, sequence

    @property
    def timestamp_ns(self) -> int:
        """When the frame was taken, on the host's clock."""
        seconds, micros = BUFFER.unpack_from(self.head)[5:7]
        return int(seconds) * 1_000_000_000 + int(micros) * 1000

    def bytesused(self) -> tuple[int, ...]:
        """Bytes in use of each memory plane."""
        if not self.planes:
            return (self.fields[1],)
        return tuple(
            U32.unpack_from(self.planes, at)[0] for at in range(0, len(self.planes), PLANE_SIZE)
        )


def to_host(arg: bytearray, memory: int, places: Sequence[PlanePlace]) -> HostBuffer:
    """
    What QBUF and PREPARE_BUF hand to the host's kernel for the guest's `arg`.

    V4l2Error: EBADR for a request, EINVAL when the planes array has no room for every plane.
    """
    fields = list(BUFFER.unpack_from(arg))
    if fields[3] & _REQUEST_FD:
        raise V4l2Error(EBADR, "this device takes no requests")
    fields[3] &= ~(_HOSTS_FLAGS | _CACHE_HINTS)
    fields[9], fields[12] = memory, 0
    if not is_multiplanar(fields[1]):
        fields[10], fields[11] = places[0].address, places[0].host_length
        return HostBuffer(bytearray(BUFFER.pack(*fields)), bytearray())
    room = (len(arg) - BUFFER_SIZE) // PLANE_SIZE
    if room < len(places):
        raise V4l2Error(EINVAL, f"an array of {room} planes, the buffer has {len(places)}")
    planes = bytearray(len(places) * PLANE_SIZE)
    for number, place in enumerate(places):
        used, _, _, data_offset = PLANE.unpack_from(arg, BUFFER_SIZE + number * PLANE_SIZE)
        PLANE.pack_into(
            planes, number * PLANE_SIZE, used, place.host_length, place.address, data_offset
        )
    fields[10], fields[11] = 0, len(places)
    return HostBuffer(bytearray(BUFFER.pack(*fields)), planes)


def guest_flags(flags: int, *, mapped: bool) -> int:
    """The guest's V4L2_BUF_FLAG_* for the host's; MAPPED says whether the guest maps the buffer."""
    return flags & ~_HOSTS_FLAGS | (_MAPPED if mapped else 0)


def to_guest(
    answer: HostBuffer,
    memory: int,
    places: Sequence[PlanePlace],
    *,
    mapped: bool,
    pointer: int | None,
) -> tuple[bytes, bytes]:
    """
    Give the guest's v4l2_buffer (88 bytes) and planes (64 each) for what the host's kernel said.

    `pointer` is the guest's own `m.planes`, which it gets back; None for a DQBUF event, where
    every `m` is 0.
    """
    fields = list(BUFFER.unpack_from(answer.head))
    fields[3] = guest_flags(fields[3], mapped=mapped)
    fields[9], fields[12] = memory, 0
    if not answer.planes:
        fields[10], fields[11] = 0 if pointer is None else places[0].m, places[0].length
        return BUFFER.pack(*fields), b""
    fields[10], fields[11] = pointer or 0, len(places)
    planes = bytearray(len(places) * PLANE_SIZE)
    for number, place in enumerate(places):
        at = number * PLANE_SIZE
        used, _, _, data_offset = PLANE.unpack_from(answer.planes, at)
        m = 0 if pointer is None else place.m
        PLANE.pack_into(planes, at, used, place.length, m, data_offset)
    return BUFFER.pack(*fields), bytes(planes)


def pointer_of(arg: bytearray) -> int:
    """`m` of the guest's v4l2_buffer: `m.planes` when it is multi-planar."""
    return int.from_bytes(arg[_POINTER], "little")


class HostControls:
    """
    A batch of controls for the host's kernel: `head`, and `array` with `payloads` behind it.

    `payloads` has one bytearray for each control with a size, None for the others. V4l2Error:
    EINVAL for a request, and for payloads that are too large together.
    """

    def __init__(self, arg: bytearray, payloads: Sequence[bytearray | None]) -> None:
        which, count, _, self.request_fd, self.pointer = EXT_CONTROLS.unpack_from(arg)
        self.arg = arg
        self.count = count
        self.payloads = payloads
        if which == _REQUEST_VAL:
            U32.pack_into(arg, 8, count)
            raise V4l2Error(EINVAL, "this device takes no requests")
        self.head = bytearray(EXT_CONTROLS.pack(which, count, 0, 0, 0))
        self.array = bytearray(arg[CONTROLS_SIZE:])

    @staticmethod
    def sizes(arg: bytearray) -> list[int]:
        """Payload bytes of each control in a guest's argument; V4l2Error(EINVAL) beyond sense."""
        sizes = [
            int(EXT_CONTROL.unpack_from(arg, at)[1])
            for at in range(CONTROLS_SIZE, len(arg), CONTROL_SIZE)
        ]
        if sum(sizes) > MAX_PAYLOAD:
            raise V4l2Error(EINVAL, f"{sum(sizes)} bytes of control payload")
        return sizes

    def point_to(self, array: int, payloads: Sequence[int]) -> None:
        """Set the address of the array, and of each payload (0 where there is none)."""
        self.head[24:32] = array.to_bytes(8, "little")
        for number, address in enumerate(payloads):
            if address:
                at = number * CONTROL_SIZE
                self.array[at + 12 : at + 20] = address.to_bytes(8, "little")

    def answer(self) -> None:
        """Write what the host's kernel said into the guest's argument, its pointers untouched."""
        which, _, error_idx, _, _ = EXT_CONTROLS.unpack_from(self.head)
        EXT_CONTROLS.pack_into(
            self.arg, 0, which, self.count, error_idx, self.request_fd, self.pointer
        )
        for number, payload in enumerate(self.payloads):
            at = number * CONTROL_SIZE
            there = CONTROLS_SIZE + at
            kept = self.arg[there + 12 : there + 20]
            self.arg[there : there + CONTROL_SIZE] = self.array[at : at + CONTROL_SIZE]
            if payload is not None:
                self.arg[there + 12 : there + 20] = kept
