"""A video node on stand-ins for memory, sink and clock, and a guest that speaks in ioctls."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from tests.reactor import HandReactor
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.memory import GuestBuffer
from vmedia_bench.v4l2.node import VideoNode
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.v4l2.source import (
    Filled,
    Format,
    FormatDesc,
    Frame,
    Plane,
    PlaneFormat,
    SizeRange,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import (
    BUFFER,
    CREATE_BUFFERS,
    EVENT,
    EVENT_SUBSCRIPTION,
    PLANE,
    REMOVE_BUFFERS,
    REQUESTBUFFERS,
    U32,
)
from vmedia_bench.wire.v4l2 import BufType, Field, Memory, fourcc, is_multiplanar

CAPTURE = int(BufType.VIDEO_CAPTURE)
OUTPUT = int(BufType.VIDEO_OUTPUT)
CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)
OUTPUT_MPLANE = int(BufType.VIDEO_OUTPUT_MPLANE)
MMAP = int(Memory.MMAP)
USERPTR = int(Memory.USERPTR)

YUYV = fourcc("YUYV")
GREY = fourcc("GREY")
NM12 = fourcc("NM12")
MJPEG = fourcc("MJPG")
PAGE = 4096


def packed(bytes_per_pixel: int) -> Callable[[int, int], tuple[PlaneFormat, ...]]:
    return lambda w, h: (PlaneFormat(w * bytes_per_pixel, w * h * bytes_per_pixel),)


def two_planes(width: int, height: int) -> tuple[PlaneFormat, ...]:
    return (PlaneFormat(width, width * height), PlaneFormat(width, width * height // 2))


SIZES = SizeRange(16, 1920, 16, 1080, 2, 2)
YUYV_DESC = FormatDesc(YUYV, packed(2), SIZES)
GREY_DESC = FormatDesc(GREY, packed(1), ((64, 48), (320, 240)))
NM12_DESC = FormatDesc(NM12, two_planes, SIZES)


class Block:
    """One allocation of HeapMemory."""

    def __init__(self, offset: int, length: int) -> None:
        self.offset = offset
        self.length = length
        self.view = memoryview(bytearray(length))


class HeapMemory:
    """BufferMemory of at most `capacity` bytes; `mapped` holds what the guest maps."""

    def __init__(self, capacity: int = 1 << 30) -> None:
        self.capacity = capacity
        self.live: dict[int, Block] = {}
        self.mapped: set[int] = set()
        self._next = PAGE

    def allocate(self, length: int) -> Block:
        if sum(block.length for block in self.live.values()) + length > self.capacity:
            raise MemoryError
        block = Block(self._next, length)
        self._next += -(-length // PAGE) * PAGE
        self.live[block.offset] = block
        return block

    def release(self, allocation: Block) -> None:
        del self.live[allocation.offset]

    def is_mapped(self, allocation: Block) -> bool:
        return allocation.offset in self.mapped


class Pages:
    """GuestBuffer on plain bytes; `data` is what the guest sees."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.data = bytearray(length)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        assert offset + len(data) <= self.length
        self.data[offset : offset + len(data)] = data


class PlaneView(NamedTuple):
    bytesused: int
    length: int
    m: int
    data_offset: int


@dataclass(frozen=True)
class BufferView:
    """A struct v4l2_buffer with its planes, as the guest reads it."""

    index: int
    type: int
    bytesused: int
    flags: int
    field: int
    tv_sec: int
    tv_usec: int
    timecode: bytes
    sequence: int
    memory: int
    m: int
    length: int
    request_fd: int
    planes: tuple[PlaneView, ...] = ()

    @property
    def usec(self) -> int:
        return self.tv_sec * 1_000_000 + self.tv_usec


def buffer_view(buffer: bytes | bytearray, planes: bytes | bytearray = b"") -> BufferView:
    array = tuple(PlaneView(*plane) for plane in PLANE.iter_unpack(planes))
    return replace(BufferView(*BUFFER.unpack(buffer)), planes=array)


class EventView(NamedTuple):
    type: int
    union: bytes
    pending: int
    sequence: int
    tv_sec: int
    tv_nsec: int
    id: int


@dataclass
class Sink:
    """EventSink that remembers: (session, what) in the order they came."""

    dqbufs: list[tuple[int, BufferView]] = field(default_factory=list)
    events: list[tuple[int, EventView]] = field(default_factory=list)
    errors: list[tuple[int, int]] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)
    lost: int = 0
    lose: int = 0

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        self.dqbufs.append((session_id, buffer_view(buffer, planes)))

    def event(self, session_id: int, event: bytes) -> None:
        assert len(event) == 136
        self.events.append((session_id, EventView(*EVENT.unpack(event))))

    def error(self, session_id: int, errno: int) -> None:
        self.errors.append((session_id, errno))

    def drop_dqbufs(self, session_id: int, buf_type: int) -> None:
        self.dropped.append((session_id, buf_type))

    def frames_lost(self, count: int) -> None:
        self.lost += count

    def frame_wanted(self, session_id: int | None, buf_type: int) -> bool:
        if self.lose:
            self.lose -= 1
            return False
        return True

    def frames(self) -> list[BufferView]:
        return [view for _, view in self.dqbufs]


class Camera(VideoSource):
    """A source that writes the low byte of the sequence number at the start of each plane."""

    def __init__(self, *formats: FormatDesc, buf_type: int = CAPTURE) -> None:
        self.buf_types = (buf_type,)
        self.descs = formats or (YUYV_DESC, GREY_DESC)
        self.calls: list[tuple[object, ...]] = []
        self.filled: list[Frame] = []
        self.drained: list[tuple[Frame, list[bytes]]] = []
        self.host: SourceHost | None = None
        self.fails = 0
        self.empty = False
        self.refuses: Exception | None = None

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        assert buf_type in self.buf_types
        return self.descs

    def attach(self, host: SourceHost) -> None:
        self.host = host

    def detach(self) -> None:
        self.calls.append(("detach",))

    def configure(self, fmt: Format) -> None:
        self.calls.append(("configure", fmt.pixelformat, fmt.width, fmt.height))

    def start(self, fmt: Format, interval: Fraction) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.calls.append(("start", fmt.pixelformat, interval))

    def stop(self, buf_type: int) -> None:
        self.calls.append(("stop", buf_type))

    def set_input(self, index: int) -> None:
        self.calls.append(("input", index))

    def set_output(self, index: int) -> None:
        self.calls.append(("output", index))

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the lens cap is on")
        if self.empty:
            return None
        self.filled.append(frame)
        for plane in planes:
            plane.write(0, bytes((frame.sequence & 0xFF,)))
        return Filled(tuple(plane.length for plane in planes))

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        if self.empty:
            return False
        data = [bytes(p.read(0, used)) for p, used in zip(planes, bytesused, strict=True)]
        self.drained.append((frame, data))
        return None


class Rig:
    """The node under test with everything around it; `now` is its CLOCK_MONOTONIC in ns."""

    def __init__(
        self, source: VideoSource | None = None, *, capacity: int = 1 << 30, max_buffers: int = 32
    ) -> None:
        self.source = source or Camera()
        self.now = 1_000_000_000
        self.armed: int | None = None
        self.memory = HeapMemory(capacity)
        self.sink = Sink()
        self.reactor = HandReactor()
        self.node = VideoNode(
            self.source,
            NodePorts(self.memory, self.sink, lambda: self.now, self._arm, self.reactor),
            max_buffers=max_buffers,
        )
        self._sessions = 0

    def _arm(self, deadline: int | None) -> None:
        self.armed = deadline

    def open(self) -> "Guest":
        self._sessions += 1
        self.node.open(self._sessions)
        return Guest(self, self._sessions)

    def run(self, times: int = 1) -> None:
        """Let the loop come to the armed deadline, `times` times."""
        for _ in range(times):
            assert self.armed is not None, "nothing is due"
            self.now = max(self.now, self.armed)
            self.node.advance()

    def elapse(self, ns: int) -> None:
        """Let the loop sleep through `ns`, deadlines and all, then call it once."""
        self.now += ns
        self.node.advance()


class Guest:
    """One open session: ioctls as a program in the guest would make them."""

    def __init__(self, rig: Rig, session_id: int) -> None:
        self.rig = rig
        self.id = session_id
        self.type = int(rig.source.buf_types[0])

    def ioctl(
        self, number: int, payload: bytes | bytearray, user: Sequence[GuestBuffer | None] = ()
    ) -> bytearray:
        arg = bytearray(payload)
        size = len(arg)
        self.rig.node.ioctl(self.id, number, arg, user)
        assert len(arg) == size
        return arg

    def close(self) -> None:
        self.rig.node.close(self.id)

    # Buffers

    def reqbufs(self, count: int, memory: int = MMAP, *, buf_type: int | None = None) -> int:
        payload = REQUESTBUFFERS.pack(count, buf_type or self.type, memory, 0, 0xFF)
        answer = REQUESTBUFFERS.unpack(self.ioctl(ioctls.VIDIOC_REQBUFS, payload))
        assert answer[1:3] == (buf_type or self.type, memory)
        return int(answer[0])

    def create_bufs(self, count: int, fmt: bytes, memory: int = MMAP) -> tuple[int, int]:
        payload = CREATE_BUFFERS.pack(0xFFFF, count, memory, fmt, 0, 0xFFFF, 0xFFFF)
        answer = CREATE_BUFFERS.unpack(self.ioctl(ioctls.VIDIOC_CREATE_BUFS, payload))
        return answer[0], answer[1]

    def remove_bufs(self, index: int, count: int, *, buf_type: int | None = None) -> None:
        payload = REMOVE_BUFFERS.pack(index, count, self.type if buf_type is None else buf_type)
        self.ioctl(ioctls.VIDIOC_REMOVE_BUFS, payload)

    def querybuf(self, index: int, *, planes: int = 8) -> BufferView:
        return self._buffer_ioctl(ioctls.VIDIOC_QUERYBUF, self.buffer(index, planes=planes), ())

    def qbuf(
        self, index: int, user: Sequence[GuestBuffer | None] = (), **fields: Any
    ) -> BufferView:
        memory = USERPTR if user else MMAP
        return self.submit(ioctls.VIDIOC_QBUF, self.buffer(index, memory, **fields), user)

    def prepare(
        self, index: int, user: Sequence[GuestBuffer | None] = (), **fields: Any
    ) -> BufferView:
        memory = USERPTR if user else MMAP
        return self.submit(ioctls.VIDIOC_PREPARE_BUF, self.buffer(index, memory, **fields), user)

    def submit(
        self, number: int, arg: bytes, user: Sequence[GuestBuffer | None] = ()
    ) -> BufferView:
        return self._buffer_ioctl(number, arg, user)

    def _buffer_ioctl(
        self, number: int, arg: bytes, user: Sequence[GuestBuffer | None]
    ) -> BufferView:
        answer = self.ioctl(number, arg, user)
        view = buffer_view(answer[:88], answer[88:])
        return replace(view, planes=view.planes[: view.length])

    def buffer(
        self,
        index: int,
        memory: int = MMAP,
        *,
        planes: int = 8,
        plane_fields: Sequence[tuple[int, int, int, int]] = (),
        **fields: Any,
    ) -> bytes:
        """A struct v4l2_buffer; `planes` is the length of the array a multi-planar one has."""
        multiplanar = is_multiplanar(self.type)
        length = planes if multiplanar else 0
        view = replace(
            BufferView(index, self.type, 0, 0, 0, 0, 0, b"", 0, memory, 0, length, 0), **fields
        )
        array = b""
        if multiplanar:
            given = [*plane_fields, *[(0, 0, 0, 0)] * (view.length - len(plane_fields))]
            array = b"".join(PLANE.pack(*plane) for plane in given)
        return BUFFER.pack(*astuple(view)[:-1]) + array

    def streamon(self, buf_type: int | None = None) -> None:
        self.ioctl(ioctls.VIDIOC_STREAMON, U32.pack(buf_type or self.type))

    def streamoff(self, buf_type: int | None = None) -> None:
        self.ioctl(ioctls.VIDIOC_STREAMOFF, U32.pack(buf_type or self.type))

    def stream(self, count: int = 4) -> None:
        """REQBUFS, QBUF all, STREAMON."""
        for index in range(self.reqbufs(count)):
            self.qbuf(index)
        self.streamon()

    # Events

    def subscribe(self, kind: int, event_id: int = 0, flags: int = 0) -> None:
        payload = EVENT_SUBSCRIPTION.pack(kind, event_id, flags)
        self.ioctl(ioctls.VIDIOC_SUBSCRIBE_EVENT, payload)

    def unsubscribe(self, kind: int, event_id: int = 0) -> None:
        payload = EVENT_SUBSCRIPTION.pack(kind, event_id, 0)
        self.ioctl(ioctls.VIDIOC_UNSUBSCRIBE_EVENT, payload)


@contextmanager
def refused(errno: int) -> Iterator[None]:
    """What is inside must be answered with `errno`."""
    with pytest.raises(V4l2Error) as caught:
        yield
    assert caught.value.errno == errno, caught.value


PROGRESSIVE = int(Field.NONE)
