"""A V4L2 program without anything in between: the same questions as a guest's, to the kernel."""

import ctypes
import fcntl
import mmap
import os
import select
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from errno import EAGAIN
from types import TracebackType
from typing import Any, Self

from vmedia_bench.backends.host.kernel import REQUESTS
from vmedia_bench.guest.buffers import Buffer, Plane, unpack_buffer
from vmedia_bench.guest.control_calls import ControlCalls
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.format_calls import FormatCalls
from vmedia_bench.wire import structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import IOCTLS, Shape, ioctl_name, ioctl_named
from vmedia_bench.wire.v4l2 import Memory, is_multiplanar, is_output

MMAP = int(Memory.MMAP)
Span = tuple[int, int]


class OwnMemory:
    """Memory of this process, with the interface of a guest's RAM."""

    def __init__(self) -> None:
        self._blocks: dict[int, Any] = {}

    def allocate(self, length: int, _alignment: int = 1) -> int:
        block = ctypes.create_string_buffer(max(length, 1))
        address = ctypes.addressof(block)
        self._blocks[address] = block
        return address

    def at(self, address: int, length: int) -> memoryview:
        return memoryview(self._blocks[address]).cast("B")[:length]

    def free(self, address: int) -> None:
        del self._blocks[address]


@dataclass(frozen=True)
class Taken:
    """A frame: its planes copied, bytesused long each."""

    buffer: Buffer
    planes: tuple[bytes, ...]


class Direct(FormatCalls, ControlCalls):
    """An open device. As a guest's session, but ioctls go to the kernel."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._ram = OwnMemory()
        self._maps: dict[int, list[mmap.mmap]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.fd)

    @property
    def ram(self) -> Any:
        return self._ram

    def ioctl(
        self,
        request: str | int,
        payload: bytes | bytearray | memoryview = b"",
        memory: Sequence[Sequence[Span]] = (),
    ) -> bytes:
        number = request if isinstance(request, int) else ioctl_named(request).number
        row = IOCTLS[number]
        data = bytearray(bytes(payload).ljust(row.size, b"\0"))
        head, array = bytearray(data[: row.size]), bytearray(data[row.size :])
        if row.shape is not Shape.PLAIN and array:
            where = ctypes.addressof(ctypes.c_char.from_buffer(array))
            at = 64 if row.shape is Shape.BUFFER else 24
            head[at : at + 8] = where.to_bytes(8, "little")
        if row.shape is Shape.EXT_CONTROLS:
            self._place_payloads(array, memory)
        try:
            fcntl.ioctl(self.fd, REQUESTS[number], head, True)
        except OSError as error:
            code = error.errno or 0
            raise GuestIoctlError(
                ioctl_name(number), code, errno_name(code), bytes(head + array)
            ) from error
        return bytes(head + array)

    @staticmethod
    def _place_payloads(array: bytearray, memory: Sequence[Sequence[Span]]) -> None:
        spans = iter(memory)
        for at in range(0, len(array), 20):
            if int.from_bytes(array[at + 4 : at + 8], "little"):
                array[at + 12 : at + 20] = next(spans)[0][0].to_bytes(8, "little")

    # Streaming, by mmap

    def start(self, buf_type: int, count: int = 4) -> None:
        """Buffers asked for, mapped, queued where the device fills them, streaming."""
        asked = structs.REQUESTBUFFERS.pack(count, buf_type, MMAP, 0, 0)
        got = structs.REQUESTBUFFERS.unpack(self.ioctl("REQBUFS", asked))[0]
        for index in range(got):
            known = self._query(index, buf_type)
            self._maps[index] = [
                mmap.mmap(self.fd, plane.length, offset=plane.m & 0xFFFFFFFF)
                for plane in known.memory_planes()
            ]
            if not is_output(buf_type):
                self.queue(index, buf_type)
        if not is_output(buf_type):
            self.ioctl("STREAMON", structs.U32.pack(buf_type))

    def _blank(self, index: int, buf_type: int, used: tuple[int, ...] = ()) -> Buffer:
        planes = 0
        if is_multiplanar(buf_type):
            planes = len(self._maps.get(index, ())) or len(self.get_format(buf_type).planes)
            found = tuple(
                Plane(used[n] if used else 0, len(self._maps[index][n]) if used else 0)
                for n in range(planes)
            )
            return Buffer(index, buf_type, MMAP, length=planes, planes=found)
        return Buffer(index, buf_type, MMAP, used[0] if used else 0)

    def _query(self, index: int, buf_type: int) -> Buffer:
        return unpack_buffer(self.ioctl("QUERYBUF", self._blank(index, buf_type).pack()))

    def queue(self, index: int, buf_type: int, used: tuple[int, ...] = ()) -> None:
        """QBUF."""
        self.ioctl("QBUF", self._blank(index, buf_type, used).pack())

    def memory_of(self, index: int) -> list[mmap.mmap]:
        """The planes of a buffer, to be filled."""
        return self._maps[index]

    def dequeue(self, buf_type: int, timeout: float = 30.0) -> Buffer:
        """DQBUF, waiting for a buffer. TimeoutError, and GuestIoctlError as DQBUF says."""
        poller = select.poll()
        poller.register(self.fd, select.POLLOUT if is_output(buf_type) else select.POLLIN)
        for _ in range(8):
            if not poller.poll(timeout * 1000):
                break
            try:
                blank = self._blank(0, buf_type)
                return unpack_buffer(self.ioctl("DQBUF", blank.pack()))
            except GuestIoctlError as error:
                if error.errno != EAGAIN:
                    raise
        raise TimeoutError(f"{self.path} gave nothing back in {timeout:g} s")

    def take(self, buf_type: int) -> Taken:
        """The next frame, copied; its buffer is queued again."""
        buffer = self.dequeue(buf_type)
        planes = tuple(
            bytes(memory[: plane.bytesused])
            for memory, plane in zip(self._maps[buffer.index], buffer.memory_planes(), strict=True)
        )
        self.queue(buffer.index, buf_type)
        return Taken(buffer, planes)

    def frames(self, buf_type: int, count: int) -> Generator[Taken, None, None]:
        """`count` frames of a stream of its own."""
        self.start(buf_type)
        try:
            for _ in range(count):
                yield self.take(buf_type)
        finally:
            self.stop(buf_type)

    def stop(self, buf_type: int) -> None:
        """STREAMOFF, all unmapped, REQBUFS(0)."""
        self.ioctl("STREAMOFF", structs.U32.pack(buf_type))
        for maps in self._maps.values():
            for mapping in maps:
                mapping.close()
        self._maps.clear()
        self.ioctl("REQBUFS", structs.REQUESTBUFFERS.pack(0, buf_type, MMAP, 0, 0))

    def next_event(self) -> tuple[int, int, bytes] | None:
        """DQEVENT: type, id and payload; None when there is none."""
        try:
            data = self.ioctl("DQEVENT")
        except GuestIoctlError:
            return None
        kind, payload, _, _, _, _, event_id = structs.EVENT.unpack(data)
        return kind, event_id, payload
