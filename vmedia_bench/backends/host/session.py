"""One guest session on the host's device: a file of its own, with its queues and subscriptions."""

import logging
import select
from collections.abc import Sequence
from dataclasses import dataclass, field
from errno import EAGAIN, EINVAL, EIO, EPIPE
from fractions import Fraction

from vmedia_bench.backends.host.buffers import PassedBuffer, PassedQueue
from vmedia_bench.backends.host.formats import (
    FORMAT_SIZE,
    PARM_SIZE,
    no_format,
    parse_format,
    parse_interval,
)
from vmedia_bench.backends.host.kernel import Kernel
from vmedia_bench.backends.host.place import Place
from vmedia_bench.backends.host.translate import HostBuffer, guest_flags, to_guest, to_host
from vmedia_bench.backends.host.worker import Call
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.v4l2.snapshot import QueueSnapshot, SessionSnapshot
from vmedia_bench.wire import structs
from vmedia_bench.wire.ioctls import (
    VIDIOC_DQBUF,
    VIDIOC_DQEVENT,
    VIDIOC_G_FMT,
    VIDIOC_G_PARM,
    VIDIOC_QBUF,
)
from vmedia_bench.wire.v4l2 import BufFlag

log = logging.getLogger(__name__)

# How much one turn of the loop takes from a device that has more.
MAX_BURST = 64

_LAST = int(BufFlag.LAST)
_ERROR = int(BufFlag.ERROR)
_FLAGS_OFFSET = 12


@dataclass(slots=True)
class Device:
    """
    What all sessions of one device share.

    `zero_copy` says for a queue's type whether the driver fills our memory itself; a type that
    nobody has tried is not in it.
    """

    place: Place
    kernel: Kernel
    types: tuple[int, ...]
    allow_zero_copy: bool = True
    zero_copy: dict[int, bool] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it was last."""
        return self.place.path


class HostSession:
    """
    An open session. `fd` is -1 until the device is open.

    Its methods run on the loop and do not wait; what they give as a Call may, and runs elsewhere.
    """

    def __init__(self, session_id: int, device: Device, ports: NodePorts) -> None:
        self.id = session_id
        self.device = device
        self.ports = ports
        self.kernel = device.kernel
        self.fd = -1
        self.interval = Fraction(0)
        self.queues = {kind: PassedQueue(kind, no_format(kind)) for kind in device.types}
        self.subscriptions: dict[tuple[int, int], int] = {}
        self.watched = select.EPOLLPRI

    # Calls

    def ioctl(self, number: int, arg: bytearray) -> Call:
        """An ioctl on the device."""
        return lambda: self.kernel.ioctl(self.fd, number, arg)

    def buffer_ioctl(self, number: int, buffer: HostBuffer) -> Call:
        """An ioctl on a v4l2_buffer with its planes."""

        def call() -> None:
            if buffer.planes:
                buffer.point_to_planes(self.kernel.address(buffer.planes))
            self.kernel.ioctl(self.fd, number, buffer.head)

        return call

    def ask_format(self, buf_type: int) -> bytearray | None:
        """G_FMT, None where the device has none; a Call's part."""
        arg = bytearray(FORMAT_SIZE)
        structs.U32.pack_into(arg, 0, buf_type)
        try:
            self.kernel.ioctl(self.fd, VIDIOC_G_FMT, arg)
        except OSError:
            return None
        return arg

    def ask_interval(self, buf_type: int) -> bytearray | None:
        """G_PARM, None where the device has none; a Call's part."""
        arg = bytearray(PARM_SIZE)
        structs.U32.pack_into(arg, 0, buf_type)
        try:
            self.kernel.ioctl(self.fd, VIDIOC_G_PARM, arg)
        except OSError:
            return None
        return arg

    def take_events(self) -> list[bytes]:
        """DQEVENT until there is none, at most MAX_BURST; a Call's part."""
        found = []
        for _ in range(MAX_BURST):
            arg = bytearray(structs.EVENT.size)
            try:
                self.kernel.ioctl(self.fd, VIDIOC_DQEVENT, arg)
            except OSError:
                break
            found.append(bytes(arg))
        return found

    # State

    def queue(self, buf_type: int) -> PassedQueue:
        """The queue of this type; V4l2Error(EINVAL) when the device has none."""
        queue = self.queues.get(buf_type)
        if queue is None:
            raise V4l2Error(EINVAL, f"the device has no queue of type {buf_type}")
        return queue

    def learn_format(self, arg: bytes | bytearray | None) -> None:
        """Remember what a G_FMT or S_FMT answered."""
        if arg is not None:
            fmt = parse_format(arg)
            if fmt.type in self.queues:
                self.queues[fmt.type].format = fmt

    def learn_interval(self, arg: bytes | bytearray | None) -> None:
        """Remember what a G_PARM or S_PARM answered."""
        if arg is not None:
            self.interval = parse_interval(arg)

    def buffers(self) -> list[PassedBuffer]:
        """All buffers of all queues."""
        return [buffer for queue in self.queues.values() for buffer in queue.buffers.values()]

    def is_mapped(self, buffer: PassedBuffer) -> bool:
        """Whether the guest maps one of its planes."""
        memory = self.ports.memory
        return any(
            plane.allocation is not None and memory.is_mapped(plane.allocation)
            for plane in buffer.planes
        )

    def release(self, buffers: Sequence[PassedBuffer]) -> None:
        """Give the arena memory of buffers back."""
        for buffer in buffers:
            for plane in buffer.planes:
                if plane.allocation is not None:
                    self.ports.memory.release(plane.allocation)
                    plane.allocation = None
                plane.target = None

    def wants(self) -> int:
        """The epoll events to be told of.

        Nothing that the device has no reason for: poll() for reading on a queue without buffers
        would start read() emulation in videobuf2, or fail at once, again and again.
        """
        wanted = select.EPOLLPRI
        for queue in self.queues.values():
            if queue.expects:
                wanted |= select.EPOLLOUT if queue.is_output else select.EPOLLIN
        return wanted

    # What the device has for us

    def pass_events(self) -> None:
        """Send on what DQEVENT gives."""
        for event in self.take_events():
            self.ports.sink.event(self.id, event)

    def pass_buffers(self) -> tuple[int, int]:
        """Send on what DQBUF gives on every queue: how many, and the errno that ended the session.

        An errno of 0: the session is well.
        """
        passed = 0
        for queue in self.queues.values():
            while queue.expects and passed < MAX_BURST:
                try:
                    self._pass_buffer(queue)
                except OSError as error:
                    if error.errno == EPIPE:
                        queue.drained = True
                    elif error.errno not in {EAGAIN, EINVAL}:
                        return passed, error.errno or EIO
                    break
                passed += 1
        return passed, 0

    def _pass_buffer(self, queue: PassedQueue) -> None:
        planes = len(next(iter(queue.buffers.values())).planes) if queue.is_multiplanar else 0
        answer = HostBuffer.blank(0, queue.type, queue.host_memory, planes)
        self.buffer_ioctl(VIDIOC_DQBUF, answer)()
        index, _, flags, buffer_sequence = answer.fields
        buffer = queue.buffers.get(index)
        if buffer is None:
            raise OSError(EIO, f"the driver gave buffer {index} back, which does not exist")
        buffer.sequence = buffer_sequence
        missed = queue.returned(buffer)
        if missed:
            self.ports.sink.frames_lost(missed)
        queue.drained = bool(flags & _LAST) and not queue.is_output
        if not queue.is_output:
            if not self.ports.sink.frame_wanted(self.id, queue.type):
                self._lend_again(queue, buffer)
                return
            self._bring(buffer, answer)
        self.note(queue, buffer, answer)
        self.ports.sink.dqbuf(
            self.id,
            *to_guest(
                answer, queue.memory, buffer.places, mapped=self.is_mapped(buffer), pointer=None
            ),
        )

    def _bring(self, buffer: PassedBuffer, answer: HostBuffer) -> None:
        try:
            for plane, used in zip(buffer.planes, answer.bytesused(), strict=False):
                plane.bring(used)
        except V4l2Error as error:
            log.warning("session %d: frame %d is lost: %s", self.id, buffer.sequence, error)
            flags = answer.fields[2] | _ERROR
            structs.U32.pack_into(answer.head, _FLAGS_OFFSET, flags)

    def _lend_again(self, queue: PassedQueue, buffer: PassedBuffer) -> None:
        """The frame in it is lost on purpose: the driver gets the buffer back."""
        planes = len(buffer.planes) if queue.is_multiplanar else 0
        arg = HostBuffer.blank(buffer.index, queue.type, queue.host_memory, planes)
        again = to_host(arg.head + arg.planes, queue.host_memory, buffer.places)
        self.buffer_ioctl(VIDIOC_QBUF, again)()
        queue.lent(buffer)
        queue.frames -= 1
        queue.dropped += 1
        self.ports.sink.frames_lost(1)

    def note(self, queue: PassedQueue, buffer: PassedBuffer, answer: HostBuffer) -> None:
        """Remember what the driver said of a buffer."""
        fields = structs.BUFFER.unpack_from(answer.head)
        buffer.flags = guest_flags(fields[3], mapped=self.is_mapped(buffer))
        buffer.field = fields[4]
        buffer.timestamp_ns = answer.timestamp_ns
        buffer.sequence = fields[8]
        if queue.is_output or buffer.flags & BufFlag.QUEUED == 0:
            buffer.bytesused = answer.bytesused()

    # Onlookers

    def snapshot(self) -> SessionSnapshot:
        """Describe the session."""
        owns = tuple(kind for kind, queue in self.queues.items() if queue.buffers)
        return SessionSnapshot(self.id, owns, tuple(self.subscriptions))

    def queue_snapshots(self) -> tuple[QueueSnapshot, ...]:
        """Describe its queues."""
        return tuple(
            QueueSnapshot(
                type=queue.type,
                owner=self.id if queue.buffers else None,
                memory=queue.memory,
                streaming=queue.streaming,
                running=queue.running,
                format=queue.format,
                interval=self.interval,
                queued=queue.queued,
                frames=queue.frames,
                dropped=queue.dropped,
                sequence=queue.sequence,
                buffers=tuple(queue.buffers[index].snapshot() for index in sorted(queue.buffers)),
            )
            for queue in self.queues.values()
        )
