"""From the payload of a virtio-media IOCTL command to an ioctl's argument, and back.

The argument is what the kernel would hand to a driver: the payload structure with the array that
it points to behind it, in one bytearray that the handler changes in place.
"""

from collections.abc import Callable, Sequence
from errno import EINVAL

from vmedia_bench.device.guest_buffer import GuestBuffer, GuestMemory, SgReader
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire import structs
from vmedia_bench.wire.ioctls import IOCTLS, VIDIOC_PREPARE_BUF, VIDIOC_QBUF, Direction, Shape
from vmedia_bench.wire.v4l2 import VIDEO_MAX_PLANES, Memory, is_multiplanar

MAX_CONTROLS = 1024  # V4L2_CID_MAX_CTRLS
HEADER_SIZE = 16

_USERPTR = int(Memory.USERPTR)
_BUFFER_SIZE = structs.BUFFER.size
_PLANE_SIZE = structs.PLANE.size
_CONTROLS_SIZE = structs.EXT_CONTROLS.size
_CONTROL_SIZE = structs.EXT_CONTROL.size
_TAKES_MEMORY = frozenset((VIDIOC_QBUF, VIDIOC_PREPARE_BUF))

User = Sequence[GuestBuffer | None]
Argument = tuple[bytearray, User]
Reader = Callable[[bytes, GuestMemory], Argument]

_NO_USER: User = ()


def _reader_of(number: int) -> Reader:
    ioctl = IOCTLS[number]
    if ioctl.shape is Shape.BUFFER:
        return read_buffer if number in _TAKES_MEMORY else read_buffer_only
    if ioctl.shape is Shape.EXT_CONTROLS:
        return read_ext_controls
    if ioctl.direction in {Direction.W, Direction.WR}:
        return _plain_reader(ioctl.size, ioctl.name)
    return lambda _request, _memory: (bytearray(ioctl.size), _NO_USER)


def _plain_reader(size: int, name: str) -> Reader:
    end = HEADER_SIZE + size

    def read(request: bytes, _memory: GuestMemory) -> Argument:
        if len(request) < end:
            raise V4l2Error(
                EINVAL, f"{name} came with {len(request) - HEADER_SIZE} of {size} bytes"
            )
        return bytearray(request[HEADER_SIZE:end]), _NO_USER

    return read


def read_buffer_only(request: bytes, _memory: GuestMemory) -> Argument:
    """The argument of QUERYBUF: v4l2_buffer and its planes; SG lists, if any, are passed over."""
    return _buffer_argument(request), _NO_USER


def read_buffer(request: bytes, memory: GuestMemory) -> Argument:
    """The argument of QBUF and PREPARE_BUF, and the memory of each SHARED_PAGES plane.

    V4l2Error: EINVAL for a payload cut short or too many planes, EFAULT for an SG entry outside
    guest memory.
    """
    arg = _buffer_argument(request)
    if int.from_bytes(arg[60:64], "little") != _USERPTR:
        return arg, _NO_USER
    lists = SgReader(memory, request[HEADER_SIZE + len(arg) :])
    if is_multiplanar(int.from_bytes(arg[4:8], "little")):
        lengths = [
            structs.PLANE.unpack_from(arg, at)[1]
            for at in range(_BUFFER_SIZE, len(arg), _PLANE_SIZE)
        ]
    else:
        lengths = [int.from_bytes(arg[72:76], "little")]
    return arg, [lists.take(length) if length else None for length in lengths]


def _buffer_argument(request: bytes) -> bytearray:
    end = HEADER_SIZE + _BUFFER_SIZE
    if len(request) < end:
        raise V4l2Error(EINVAL, f"v4l2_buffer cut short: {len(request) - HEADER_SIZE} of 88 bytes")
    if is_multiplanar(int.from_bytes(request[20:24], "little")):
        planes = int.from_bytes(request[88:92], "little")
        if planes > VIDEO_MAX_PLANES:
            raise V4l2Error(EINVAL, f"{planes} planes, at most {VIDEO_MAX_PLANES} exist")
        end += planes * _PLANE_SIZE
        if len(request) < end:
            raise V4l2Error(EINVAL, f"the array of {planes} v4l2_plane is cut short")
    return bytearray(request[HEADER_SIZE:end])


def read_ext_controls(request: bytes, memory: GuestMemory) -> Argument:
    """The argument of G/S/TRY_EXT_CTRLS, and the memory of each control with a `size`.

    V4l2Error: EINVAL for a payload cut short or a count beyond V4L2_CID_MAX_CTRLS, EFAULT for an
    SG entry outside guest memory.
    """
    end = HEADER_SIZE + _CONTROLS_SIZE
    if len(request) < end:
        raise V4l2Error(EINVAL, "v4l2_ext_controls cut short")
    count = int.from_bytes(request[HEADER_SIZE + 4 : HEADER_SIZE + 8], "little")
    if count > MAX_CONTROLS:
        raise V4l2Error(EINVAL, f"{count} controls in one request, at most {MAX_CONTROLS}")
    end += count * _CONTROL_SIZE
    if len(request) < end:
        raise V4l2Error(EINVAL, f"the array of {count} v4l2_ext_control is cut short")
    arg = bytearray(request[HEADER_SIZE:end])
    if not count:
        return arg, _NO_USER
    sizes = [
        int.from_bytes(arg[at + 4 : at + 8], "little")
        for at in range(_CONTROLS_SIZE, len(arg), _CONTROL_SIZE)
    ]
    if not any(sizes):
        return arg, [None] * count
    lists = SgReader(memory, request[end:])
    return arg, [lists.take(size) if size else None for size in sizes]


READERS: dict[int, Reader] = {number: _reader_of(number) for number in IOCTLS}
ANSWERED_WITH_PAYLOAD = frozenset(
    number for number, ioctl in IOCTLS.items() if ioctl.direction in {Direction.R, Direction.WR}
)
# Their error_idx says which control failed, so they are written back on errors too.
ANSWERED_ON_ERROR = frozenset(
    number for number, ioctl in IOCTLS.items() if ioctl.shape is Shape.EXT_CONTROLS
)
