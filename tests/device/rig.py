"""A media device over a small camera, with everything around it played by plain objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tests.reactor import HandReactor
from vmedia_bench.device.arena import Arena
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.source import Filled, FormatDesc, Frame, Plane, PlaneFormat, VideoSource
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, Memory, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)
MMAP = int(Memory.MMAP)
USERPTR = int(Memory.USERPTR)
RAM_AT = 0x1_0000
RAM_SIZE = 0x10_0000
FRAME_SIZE = 32 * 32
NS = 1_000_000_000


class GreyCamera(VideoSource):
    """32x32 GREY; each frame is full of its sequence number."""

    card = "grey camera"
    controls = (
        ControlSpec.integer(Cid.BRIGHTNESS, minimum=0, maximum=255, step=1, default=128),
        ControlSpec.integer(Cid.CONTRAST, minimum=0, maximum=255, step=1, default=64),
    )

    def __init__(self, buf_type: int = CAPTURE) -> None:
        self.buf_types = (buf_type,)
        self.break_next = False

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return (FormatDesc(fourcc("GREY"), lambda w, h: (PlaneFormat(w, w * h),), ((32, 32),)),)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        return (Fraction(1, 30),)

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        planes[0].write(0, bytes([frame.sequence & 0xFF]) * FRAME_SIZE)
        return Filled((FRAME_SIZE,))

    def control_changed(self, cid: int, value: object) -> None:
        if self.break_next:
            self.break_next = False
            raise RuntimeError("the source is broken on purpose")


class Ram:
    """Guest memory: one region."""

    def __init__(self) -> None:
        self.bytes = bytearray(RAM_SIZE)

    def contains(self, gpa: int, length: int) -> bool:
        return gpa >= RAM_AT and gpa + length <= RAM_AT + RAM_SIZE

    def read(self, gpa: int, length: int) -> bytes:
        self._check(gpa, length)
        return bytes(self.bytes[gpa - RAM_AT : gpa - RAM_AT + length])

    def write(self, gpa: int, data: bytes | bytearray | memoryview) -> None:
        self._check(gpa, len(data))
        self.bytes[gpa - RAM_AT : gpa - RAM_AT + len(data)] = data

    def _check(self, gpa: int, length: int) -> None:
        if not self.contains(gpa, length):
            raise OSError(f"{gpa:#x} is outside guest memory")


@dataclass
class Transport:
    """The port: answers SHMEM requests at once unless told to keep them."""

    memory: Ram = field(default_factory=Ram)
    accept: bool = True
    keep: bool = False
    requests: list[tuple[str, int, int]] = field(default_factory=list)
    kept: list[Callable[[bool], None]] = field(default_factory=list)
    announced: int = 0
    config_changes: int = 0
    busy_with_events: bool = False
    until_events_taken: list[Callable[[], None]] = field(default_factory=list)

    def shmem_map(
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Callable[[bool], None],
    ) -> None:
        self.requests.append(("map", shm_offset, length))
        self._answer(done)

    def shmem_unmap(
        self, shmid: int, shm_offset: int, length: int, done: Callable[[bool], None]
    ) -> None:
        self.requests.append(("unmap", shm_offset, length))
        self._answer(done)

    def config_changed(self) -> None:
        self.config_changes += 1

    def events_ready(self) -> None:
        self.announced += 1

    def after_events(self, done: Callable[[], None]) -> None:
        if self.busy_with_events:
            self.until_events_taken.append(done)
        else:
            done()

    def _answer(self, done: Callable[[bool], None]) -> None:
        if self.keep:
            self.kept.append(done)
        else:
            done(self.accept)


class Rig:
    """The device, its transport and its clock; commands by name."""

    def __init__(
        self, *, buf_type: int = CAPTURE, max_sessions: int = 8, shmem_per_buffer: bool = False
    ) -> None:
        self.source = GreyCamera(buf_type)
        self.buf_type = buf_type
        self.clock_ns = 100 * NS
        self.deadline: int | None = None
        self.reactor = HandReactor()
        memory = bytearray(1 << 20)

        def discard(offset: int, length: int) -> None:
            memory[offset : offset + length] = bytes(length)

        self.arena = Arena(memoryview(memory), discard=discard, populate=lambda *_: None)
        self.device = MediaDevice(
            self.source,
            self.arena,
            99,
            now=lambda: self.clock_ns,
            arm=self._arm,
            reactor=self.reactor,
            max_sessions=max_sessions,
            shmem_per_buffer=shmem_per_buffer,
        )
        self.transport = Transport()
        self.device.attach(self.transport)

    def _arm(self, deadline: int | None) -> None:
        self.deadline = deadline

    def let_pass(self, seconds: float) -> None:
        """Let time pass; what is due happens when it is due."""
        end = self.clock_ns + int(seconds * NS)
        while self.deadline is not None and self.deadline <= end:
            self.clock_ns = max(self.clock_ns, self.deadline)
            self.deadline = None
            self.device.node.advance()
        self.clock_ns = end

    def execute(self, request: bytes, room: int = 4096) -> bytes:
        response = self.device.execute(request, room)
        if not isinstance(response, bytes):
            answers: list[bytes] = []
            response.then(answers.append)
            assert answers, "the answer is still pending"
            return answers[0]
        return response

    def open(self) -> int:
        status, session_id = media.RESP_OPEN.unpack(
            self.execute(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
        )
        assert status == 0
        return int(session_id)

    def close(self, session_id: int) -> bytes:
        return self.execute(media.CMD_SESSION.pack(media.CMD_CLOSE, session_id, 0))

    def ioctl(
        self, session_id: int, number: int, payload: bytes = b"", room: int = 4096
    ) -> tuple[int, bytes]:
        """Status and payload of the response."""
        request = media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, number) + payload
        response = self.execute(request, room)
        return int(media.RESP_HEADER.unpack_from(response)[0]), response[8:]

    def ok(self, session_id: int, number: int, payload: bytes = b"") -> bytes:
        status, answer = self.ioctl(session_id, number, payload)
        assert status == 0, status
        return answer

    def mmap(self, session_id: int, offset: int) -> tuple[int, int, int]:
        """Status, driver_addr and length (the last two 0 on errors)."""
        response = self.execute(media.MMAP_COMMAND.pack(media.CMD_MMAP, session_id, 1, offset))
        if len(response) < media.RESP_MMAP.size:
            return int(media.RESP_HEADER.unpack(response)[0]), 0, 0
        status, address, length = media.RESP_MMAP.unpack(response)
        return status, address, length

    def munmap(self, address: int) -> int:
        response = self.execute(media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, address))
        return int(media.RESP_HEADER.unpack(response)[0])

    def request_buffers(self, session_id: int, count: int, memory: int = MMAP) -> int:
        answer = self.ok(
            session_id,
            ioctls.VIDIOC_REQBUFS,
            structs.REQUESTBUFFERS.pack(count, self.buf_type, memory, 0, 0),
        )
        return int(structs.REQUESTBUFFERS.unpack(answer)[0])

    def offset_of(self, session_id: int, index: int) -> int:
        answer = self.ok(session_id, ioctls.VIDIOC_QUERYBUF, self.buffer(index))
        return int(structs.BUFFER.unpack_from(answer)[10]) & 0xFFFF_FFFF

    def buffer(self, index: int, memory: int = MMAP, m: int = 0, length: int = 0) -> bytes:
        return structs.BUFFER.pack(
            index, self.buf_type, 0, 0, 0, 0, 0, bytes(16), 0, memory, m, length, 0
        )

    def queue(self, session_id: int, index: int) -> None:
        self.ok(session_id, ioctls.VIDIOC_QBUF, self.buffer(index))

    def stream_on(self, session_id: int) -> None:
        self.ok(session_id, ioctls.VIDIOC_STREAMON, structs.U32.pack(self.buf_type))

    def stream_off(self, session_id: int) -> None:
        self.ok(session_id, ioctls.VIDIOC_STREAMOFF, structs.U32.pack(self.buf_type))

    def streaming(self, buffers: int = 4) -> int:
        """A session that streams with all its buffers queued."""
        session = self.open()
        for index in range(self.request_buffers(session, buffers)):
            self.queue(session, index)
        self.stream_on(session)
        return session

    def events(self) -> list[bytes]:
        """All events that wait."""
        return list(iter(lambda: self.device.take_event(media.EVENT_MAX_SIZE), None))
