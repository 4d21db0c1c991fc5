"""
Streaming: buffers asked for, mapped, queued, and frames taken, with the checks of a strict driver.

A back-end's slips do not stop the stream: they are collected, in words, in `violations`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from time import monotonic, monotonic_ns
from types import TracebackType
from typing import Self

from vmedia_bench.guest.buffers import BUFFER_SIZE, Buffer, Plane, unpack_buffer
from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.ram import Span
from vmedia_bench.guest.session import Session
from vmedia_bench.wire.ioctls import VIDIOC_QBUF
from vmedia_bench.wire.v4l2 import BufFlag, Memory, is_multiplanar

# What a program's planes array would be at; the device must give it back untouched.
PLANES_POINTER = 0x7FFC_5000_6000
USERPTR_POINTER = 0x7FFC_7000_0000

_QUEUED = BufFlag.QUEUED.value
_ERROR = BufFlag.ERROR.value
_LAST = BufFlag.LAST.value
_TIMESTAMP_MASK = BufFlag.TIMESTAMP_MASK.value
_MONOTONIC = BufFlag.TIMESTAMP_MONOTONIC.value
_MMAP = Memory.MMAP.value
_USERPTR = Memory.USERPTR.value


@dataclass(frozen=True, slots=True)
class Frame:
    """
    A filled buffer. `planes` are views of its memory planes, each cut to its bytesused.

    The views show the buffer itself: copy them before `Stream.requeue`. They are empty for a
    USERPTR plane that is scattered; `Stream.copy` reads those.
    """

    index: int
    sequence: int
    timestamp_ns: int
    flags: int
    bytesused: tuple[int, ...]
    planes: tuple[memoryview, ...]

    @property
    def error(self) -> bool:
        """Whether the device says that the content is bad."""
        return bool(self.flags & _ERROR)

    @property
    def last(self) -> bool:
        """Whether it is the last one of a drained queue."""
        return bool(self.flags & _LAST)


@dataclass(slots=True)
class _Slot:
    """One buffer of the queue: its planes as they are queued, where they lie, who has it."""

    planes: tuple[Plane, ...]
    views: list[memoryview] = field(default_factory=list)
    spans: list[tuple[Span, ...]] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    queued: bool = False
    command: PreparedCommand | None = None


class Stream:
    """
    A queue of a session, from REQBUFS to its end; leaving its `with` block frees everything.

    `buf_type` and `memory` as in V4L2. `sizes` are the planes' bytes for USERPTR buffers, each
    made of up to `scatter` spans of guest memory. `violations` lists what the back-end did wrong,
    `missed` counts frames that the device dropped for want of a buffer in time.
    """

    def __init__(
        self,
        session: Session,
        buf_type: int,
        *,
        memory: int = _MMAP,
        count: int = 4,
        sizes: tuple[int, ...] = (),
        scatter: int = 1,
    ) -> None:
        self.session = session
        self.type = buf_type
        self.memory = memory
        self.violations: list[str] = []
        self.missed = 0
        self.streaming = False
        self._mplane = is_multiplanar(buf_type)
        self._last_sequence = -1
        self._started_ns = 0
        self._last_timestamp = 0
        if memory == _USERPTR and not sizes:
            sizes = tuple(p.sizeimage for p in session.get_format(buf_type).planes)
        self._sizes = sizes
        got, self.capabilities = session.request_buffers(count, buf_type, memory)
        self._slots: list[_Slot] = []
        try:
            for index in range(got):
                self._slots.append(_Slot(()))
                self._fill(self._slots[-1], index, scatter)
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """Buffers there are."""
        return len(self._slots)

    @property
    def idle(self) -> list[int]:
        """The buffers that the device does not have."""
        return [index for index, slot in enumerate(self._slots) if not slot.queued]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, GuestIoctlError):
            # What a session that has ended refuses is no mistake of who asked.
            self.session.check_alive()
        if kind is None or not issubclass(kind, BackendError):
            self.close()

    def _fill(self, slot: _Slot, index: int, scatter: int) -> None:
        """Find or make the memory of one buffer."""
        if self.memory == _USERPTR:
            self._fill_userptr(slot, scatter)
            return
        planes = len(self.session.get_format(self.type).planes) if self._mplane else 0
        known = self.session.query_buffer(index, self.type, self.memory, planes)
        slot.planes = known.memory_planes()
        for number, plane in enumerate(slot.planes):
            address, view = self.session.mmap(plane.m & 0xFFFFFFFF)
            slot.addresses.append(address)
            slot.views.append(view)
            if len(view) != plane.length:
                self.violations.append(
                    f"MMAP of buffer {index} plane {number} answered {len(view)} bytes, "
                    f"QUERYBUF says {plane.length}"
                )

    def _fill_userptr(self, slot: _Slot, scatter: int) -> None:
        ram = self.session.ram
        planes = []
        for number, size in enumerate(self._sizes):
            spans = ram.allocate_scattered(size, scatter)
            slot.spans.append(spans)
            slot.views.append(ram.at(*spans[0]) if len(spans) == 1 else memoryview(b""))
            # Any number will do: the device must use the SG list and give this one back.
            pointer = USERPTR_POINTER + spans[0][0] + 0x10_0000_0000 * number
            planes.append(Plane(length=size, m=pointer))
        slot.planes = tuple(planes)

    # -- queueing ----------------------------------------------------------------------------

    def queue(
        self,
        index: int,
        bytesused: tuple[int, ...] = (),
        *,
        timestamp_ns: int = 0,
        flags: int = 0,
    ) -> Buffer:
        """QBUF; what is said of the frame is for output queues. Raises GuestIoctlError."""
        slot = self._slots[index]
        asked = self._as_buffer(index, slot, bytesused)
        if timestamp_ns or flags:
            asked = replace(asked, timestamp_ns=timestamp_ns, flags=flags)
        # The event may come before the answer.
        slot.queued = True
        try:
            answer = self._send(slot, asked)
        except Exception:
            slot.queued = False
            raise
        self._check_answer(asked, answer)
        return answer

    def _send(self, slot: _Slot, asked: Buffer) -> Buffer:
        """QBUF by the chain that was built at the buffer's first QBUF."""
        session = self.session
        spans = slot.spans if self.memory == _USERPTR else ()
        if slot.command is None:
            slot.command = session.prepare_buffer(VIDIOC_QBUF, asked, spans)
            if slot.command is None:
                return session.buffer_ioctl("QBUF", asked, spans)
        else:
            data = asked.pack()
            slot.command.parts[0][:] = data[:BUFFER_SIZE]
            if self._mplane:
                slot.command.parts[1][:] = data[BUFFER_SIZE:]
        return unpack_buffer(session.finish(VIDIOC_QBUF, slot.command))

    def queue_all(self) -> None:
        """QBUF of every buffer the device does not have."""
        for index, slot in enumerate(self._slots):
            if not slot.queued:
                self.queue(index)

    def _as_buffer(self, index: int, slot: _Slot, bytesused: tuple[int, ...]) -> Buffer:
        used = bytesused or (0,) * len(slot.planes)
        if self._mplane:
            planes = tuple(
                Plane(n, plane.length, plane.m) for n, plane in zip(used, slot.planes, strict=True)
            )
            return Buffer(
                index, self.type, self.memory, m=PLANES_POINTER, length=len(planes), planes=planes
            )
        plane = slot.planes[0]
        return Buffer(index, self.type, self.memory, used[0], m=plane.m, length=plane.length)

    def _check_answer(self, asked: Buffer, answer: Buffer) -> None:
        name = f"QBUF of buffer {asked.index}"
        if not answer.flags & _QUEUED:
            self._note(f"{name} answered without the QUEUED flag")
        if len(answer.planes) < len(asked.planes):
            self._note(f"{name} answered without its planes")
        if self._mplane and answer.m != asked.m:
            self._note(f"{name} changed the planes pointer {asked.m:#x} to {answer.m:#x}")
        if self.memory == _USERPTR:
            pairs = zip(asked.memory_planes(), answer.memory_planes(), strict=False)
            for number, (before, after) in enumerate(pairs):
                if before.m != after.m:
                    self._note(
                        f"{name} changed userptr of plane {number} from {before.m:#x} "
                        f"to {after.m:#x}"
                    )

    def _note(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)

    def stream_on(self) -> None:
        """
        STREAMON; sequence numbers are expected to begin at 0, or later by as many frames as were
        due since. Raises GuestIoctlError.
        """
        self._started_ns = monotonic_ns()
        self.session.stream_on(self.type)
        self.streaming = True
        self._last_sequence = -1

    def stream_off(self) -> None:
        """STREAMOFF: the buffers are ours again, and none may come back afterwards."""
        self.session.stream_off(self.type)
        self.streaming = False
        for slot in self._slots:
            slot.queued = False

    def check_silence(self, timeout: float) -> None:
        """Note each buffer that comes back in `timeout` seconds although nothing streams."""
        end = monotonic() + timeout
        self.session.driver.collect()
        while (left := end - monotonic()) > 0 and self.session.driver.wait_event(left):
            pass
        for late in [b for b in self.session.dqbufs if b.type == self.type]:
            self.session.dqbufs.remove(late)
            self._note(f"buffer {late.index} was dequeued after the answer to STREAMOFF")

    # -- frames ------------------------------------------------------------------------------

    def next_frame(self, timeout: float = 5.0) -> Frame:
        """
        The next buffer the device gives back, waiting `timeout` seconds at most.

        Raises BackendTimeoutError when none comes, BackendError when the session died.
        """
        session = self.session
        end = monotonic() + timeout
        while True:
            while (buffer := self._next_dqbuf()) is not None:
                frame = self._take(buffer)
                if frame is not None:
                    return frame
            session.check_alive()
            left = end - monotonic()
            if left <= 0 or not session.driver.wait_event(left):
                raise BackendTimeoutError(f"back-end gave no frame back in {timeout:g} s")

    def _next_dqbuf(self) -> Buffer | None:
        """The oldest buffer that came back; None when none did."""
        dqbufs = self.session.dqbufs
        return dqbufs.popleft() if dqbufs else None

    def frames(self, count: int, timeout: float = 5.0) -> Iterator[Frame]:
        """`count` frames; each is queued again when the next one is asked for."""
        for _ in range(count):
            frame = self.next_frame(timeout)
            yield frame
            self.requeue(frame)

    def requeue(self, frame: Frame) -> None:
        """QBUF of a frame's buffer; its views show the next frame soon."""
        self.queue(frame.index)

    def copy(self, frame: Frame) -> tuple[bytes, ...]:
        """The bytes of each plane, bytesused long, wherever they lie."""
        slot = self._slots[frame.index]
        if self.memory != _USERPTR:
            return tuple(bytes(view) for view in frame.planes)
        ram = self.session.ram
        whole = (b"".join(bytes(ram.at(*span)) for span in spans) for spans in slot.spans)
        return tuple(data[:used] for data, used in zip(whole, frame.bytesused, strict=False))

    def memory_of(self, index: int) -> tuple[memoryview, ...]:
        """The planes of a buffer in full, for an output queue to fill."""
        return tuple(self._slots[index].views)

    def spans_of(self, index: int) -> tuple[tuple[Span, ...], ...]:
        """The guest memory of each plane of a USERPTR buffer."""
        return tuple(self._slots[index].spans)

    def _take(self, buffer: Buffer) -> Frame | None:
        """The frame in a dequeued buffer, or None for one that must not be used."""
        if buffer.type != self.type:
            self._note(f"a buffer of type {buffer.type} was dequeued, the queue's is {self.type}")
            return None
        if buffer.index >= len(self._slots):
            self._note(f"buffer {buffer.index} was dequeued, there are {len(self._slots)}")
            return None
        slot = self._slots[buffer.index]
        if not slot.queued:
            why = "twice" if self.streaming else "after the answer to STREAMOFF"
            self._note(f"buffer {buffer.index} was dequeued {why}")
            return None
        slot.queued = False
        self._check_frame(buffer)
        planes = buffer.memory_planes()
        if len(planes) != len(slot.planes):
            self._note(f"buffer {buffer.index} came back with {len(planes)} planes")
        views = []
        for number, (plane, known) in enumerate(zip(planes, slot.planes, strict=False)):
            if not 0 < plane.bytesused <= known.length and not buffer.flags & (_ERROR | _LAST):
                self._note(
                    f"buffer {buffer.index} plane {number}: bytesused {plane.bytesused} "
                    f"of length {known.length}"
                )
            views.append(slot.views[number][: plane.bytesused])
        used = tuple(plane.bytesused for plane in planes)
        return Frame(
            buffer.index, buffer.sequence, buffer.timestamp_ns, buffer.flags, used, tuple(views)
        )

    def _check_frame(self, buffer: Buffer) -> None:
        wanted = (self._last_sequence + 1) & 0xFFFFFFFF
        if buffer.sequence != wanted and not buffer.flags & _LAST:
            missed = (buffer.sequence - wanted) & 0xFFFFFFFF
            if self._time_passed_for(missed, buffer):
                self.missed += missed
            else:
                self.violations.append(f"sequence {buffer.sequence} came, {wanted} was due")
        self._last_sequence = buffer.sequence
        if buffer.flags & _QUEUED:
            self._note(f"buffer {buffer.index} was dequeued with the QUEUED flag set")
        if buffer.memory != self.memory:
            self._note(f"buffer {buffer.index} was dequeued as memory {buffer.memory}")
        if buffer.flags & _TIMESTAMP_MASK == _MONOTONIC:
            if buffer.timestamp_ns < self._last_timestamp:
                self._note(f"the timestamp of sequence {buffer.sequence} went backwards")
            self._last_timestamp = buffer.timestamp_ns

    def _time_passed_for(self, missed: int, buffer: Buffer) -> bool:
        """Whether the timestamps leave room for so many frames between this one and the last.

        A device that finds no buffer, or no time, drops frames, and sequence counts them (V4L2
        UAPI, struct v4l2_buffer); a sequence that jumps faster than the frames' clock is wrong.
        Frame 0 is not due before STREAMON.
        """
        if buffer.flags & _TIMESTAMP_MASK != _MONOTONIC:
            return False
        try:
            interval = self.session.get_interval(self.type)
        except GuestIoctlError:
            return False
        # From the last frame to this one are missed + 1 intervals; half of one for jitter.
        least = (missed + Fraction(1, 2)) * interval * 1_000_000_000
        passed: Fraction | int = buffer.timestamp_ns - self._last_timestamp
        if self._last_sequence < 0:
            passed = buffer.timestamp_ns - self._started_ns + interval * 1_000_000_000
        return interval > 0 and passed >= least

    def close(self) -> None:
        """STREAMOFF if needed, MUNMAP of each plane, REQBUFS(0). Raises GuestIoctlError."""
        if self.streaming:
            self.stream_off()
        for slot in self._slots:
            while slot.addresses:
                self.session.munmap(slot.addresses.pop())
            slot.views.clear()
            if slot.command is not None:
                slot.command.close()
                slot.command = None
        self.session.request_buffers(0, self.type, self.memory)
        for slot in self._slots:
            for span in (span for spans in slot.spans for span in spans):
                self.session.ram.free(span[0])
        self._slots.clear()
