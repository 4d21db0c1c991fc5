"""A pass-through node over a fake driver, with everything around it played by plain objects."""

import os
import select
from collections.abc import Callable, Sequence
from errno import EFAULT
from typing import Any

from tests.backends.host.driver import CAMERA, CAPTURE, MMAP, FakeKernel
from tests.reactor import HandReactor
from vmedia_bench.backends.host.discovery import HostDevice
from vmedia_bench.backends.host.node import HostNode
from vmedia_bench.backends.host.place import Place
from vmedia_bench.device.arena import Arena
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import Memory

LIMIT_S = 20
TIME_LIMIT_NS = 4_000_000_000
USERPTR = int(Memory.USERPTR)


class Sink:
    """Keeps what the node sends."""

    def __init__(self) -> None:
        self.dqbufs: list[tuple[int, bytes, bytes]] = []
        self.events: list[tuple[int, bytes]] = []
        self.errors: list[tuple[int, int]] = []
        self.lost = 0
        self.lose = False

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        self.dqbufs.append((session_id, buffer, planes))

    def event(self, session_id: int, event: bytes) -> None:
        self.events.append((session_id, event))

    def error(self, session_id: int, errno: int) -> None:
        self.errors.append((session_id, errno))

    def drop_dqbufs(self, session_id: int, buf_type: int) -> None:
        self.dqbufs = [item for item in self.dqbufs if item[0] != session_id]

    def frame_wanted(self, session_id: int | None, buf_type: int) -> bool:
        return not self.lose

    def frames_lost(self, count: int) -> None:
        self.lost += count


class Lent:
    """Guest memory that a USERPTR buffer lends."""

    def __init__(self, length: int) -> None:
        self.bytes = bytearray(length)
        self.length = length
        self.gone = False

    def read(self, offset: int, length: int) -> bytes:
        self._check()
        return bytes(self.bytes[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._check()
        self.bytes[offset : offset + len(data)] = data

    def _check(self) -> None:
        if self.gone:
            raise V4l2Error(EFAULT, "the guest's memory is gone")


class Rig:
    """The node; `ioctl` waits for its end as the device would."""

    def __init__(
        self,
        kernel: FakeKernel | None = None,
        *,
        arena: int = 1 << 20,
        zero_copy: bool = True,
        place: Place | None = None,
    ) -> None:
        self.kernel = kernel or FakeKernel()
        self.sink = Sink()
        self.reactor = HandReactor()
        memory = bytearray(arena)

        def discard(offset: int, length: int) -> None:
            memory[offset : offset + length] = bytes(length)

        self.arena = Arena(memoryview(memory), discard=discard, populate=lambda *_: None)
        ports = NodePorts(self.arena, self.sink, lambda: 0, lambda _deadline: None, self.reactor)
        found = HostDevice("/dev/video0", "Fake Camera", "fake", "usb-1", CAMERA)
        self.node = HostNode(
            found,
            place or Place(found, self.kernel),
            self.kernel,
            ports,
            zero_copy=zero_copy,
            time_limit_ns=TIME_LIMIT_NS,
        )

    def turn(self) -> None:
        """One turn of the loop: wait until some watched descriptor can be read, and serve it."""
        ready, _, _ = select.select(list(self.reactor.watched), [], [], LIMIT_S)
        assert ready, f"nothing happened in {LIMIT_S} s"
        for fd in ready:
            if fd in self.reactor.watched:
                self.reactor.readable(fd)

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.turn()

    def settle(self, later: Later | None) -> None:
        """Wait for the end; raises the error that it ended with."""
        if later is None:
            return
        ends: list[V4l2Error | None] = []
        later.then(ends.append)
        self.until(lambda: ends)
        if ends[0] is not None:
            raise ends[0]

    def open(self, session_id: int = 1) -> int:
        self.settle(self.node.open(session_id))
        return session_id

    def ioctl(
        self, session_id: int, number: int, arg: bytes, user: Sequence[Any] = ()
    ) -> bytearray:
        """Run one; `arg` as it is afterwards."""
        given = bytearray(arg)
        self.settle(self.node.ioctl(session_id, number, given, user))
        return given

    def request(self, session_id: int, count: int, memory: int = MMAP) -> tuple[int, int]:
        """REQBUFS: how many, capabilities."""
        asked = structs.REQUESTBUFFERS.pack(count, CAPTURE, memory, 0, 0)
        answer = self.ioctl(session_id, ioctls.VIDIOC_REQBUFS, asked)
        fields = structs.REQUESTBUFFERS.unpack(answer)
        return int(fields[0]), int(fields[3])

    def buffer(self, index: int, memory: int = MMAP, m: int = 0, length: int = 0) -> bytes:
        return structs.BUFFER.pack(index, CAPTURE, 0, 0, 0, 0, 0, b"", 0, memory, m, length, 0)

    def stream(self, session_id: int, count: int = 2, memory: int = MMAP) -> None:
        """Buffers asked for and queued, streaming."""
        self.request(session_id, count, memory)
        for index in range(count):
            self.ioctl(session_id, ioctls.VIDIOC_QBUF, self.buffer(index, memory))
        self.ioctl(session_id, ioctls.VIDIOC_STREAMON, structs.U32.pack(CAPTURE))

    @property
    def fd(self) -> int:
        """The device's descriptor, of the only session."""
        (fd,) = self.kernel.files
        return fd

    def close(self) -> None:
        self.node.detach()
        os.sched_yield()
