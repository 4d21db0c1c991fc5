"""A driver for tests: what Linux's videobuf2 does to a camera's ioctls, in this process's memory.

It stands in for the kernel where a real one cannot be had or made to misbehave; tests/vm has the
real one. A device's file descriptor is one end of a socket pair, readable while frames are ready.
"""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from errno import EAGAIN, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY

from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import BufCap, BufFlag, BufType, Cap, Memory, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
MMAP, USERPTR = int(Memory.MMAP), int(Memory.USERPTR)
WIDTH, HEIGHT = 32, 16
SIZE = WIDTH * HEIGHT
CAMERA = int(Cap.VIDEO_CAPTURE | Cap.STREAMING | Cap.READWRITE | Cap.DEVICE_CAPS)
_FORMAT = structs.PIX_FORMAT.pack(WIDTH, HEIGHT, fourcc("GREY"), 1, WIDTH, SIZE, 1, 0, 0, 0, 0, 0)
_PAGE = 4096


@dataclass
class OpenFile:
    """One open device: its buffers, and the socket that says that frames are ready."""

    near: socket.socket
    far: socket.socket
    memory: int = 0
    addresses: dict[int, int] = field(default_factory=dict)
    queued: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    streaming: bool = False
    sequence: int = 0


class FakeKernel:
    """Satisfies backends.host.kernel.Kernel; `calls` are the ioctls that were made, by name.

    `takes_memory` says whether QBUF accepts memory that is not the driver's; `before` is called
    with each ioctl's number and may raise or wait.
    """

    def __init__(self, *, capabilities: int = int(BufCap.SUPPORTS_MMAP)) -> None:
        self.capabilities = capabilities
        self.takes_memory = True
        self.before: Callable[[int], None] = lambda _number: None
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.open_error = 0
        self.files: dict[int, OpenFile] = {}
        self.closed: list[int] = []
        self.mapped: dict[int, bytearray] = {}
        self.memories: dict[int, bytearray | memoryview] = {}
        self.arguments: list[bytes] = []

    # The port

    def open(self, path: str) -> int:
        if self.open_error:
            raise OSError(self.open_error, os.strerror(self.open_error), path)
        near, far = socket.socketpair()
        self.files[near.fileno()] = OpenFile(near, far)
        return near.fileno()

    def close(self, fd: int) -> None:
        file = self.files.pop(fd)
        file.near.close()
        file.far.close()
        self.closed.append(fd)

    def ioctl(self, fd: int, number: int, arg: bytearray) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append(ioctls.ioctl_name(number))
        self.arguments.append(bytes(arg))
        self.before(number)
        handler = getattr(self, f"_{ioctls.ioctl_name(number).lower()}", None)
        if handler is None:
            raise OSError(ENOTTY, "Inappropriate ioctl for device")
        handler(self.files[fd], arg)

    def map(self, fd: int, length: int, offset: int) -> memoryview:
        self.mapped[offset] = bytearray(length)
        return memoryview(self.mapped[offset])

    def unmap(self, view: memoryview) -> None:
        for offset, memory in list(self.mapped.items()):
            if memory is view.obj:
                del self.mapped[offset]
        view.release()

    def address(self, memory: bytearray | memoryview) -> int:
        address = 0x10_0000 * (len(self.memories) + 1)
        self.memories[address] = memory
        return address

    # What the camera does

    def frame(self, fd: int, data: bytes) -> None:
        """The camera has a frame."""
        file = self.files[fd]
        index = file.queued.pop(0)
        target = (
            self.memories[file.addresses[index]]
            if file.memory == USERPTR
            else self.mapped[index * _PAGE]
        )
        target[: len(data)] = data
        file.done.append(index)
        file.far.send(b"!")

    # ioctls

    def _fail(self, errno: int) -> OSError:
        return OSError(errno, os.strerror(errno))

    def _querycap(self, _file: OpenFile, arg: bytearray) -> None:
        arg[:] = structs.CAPABILITY.pack(b"fake", b"Fake Camera", b"usb-1", 1, CAMERA, CAMERA)

    def _g_fmt(self, _file: OpenFile, arg: bytearray) -> None:
        (buf_type,) = structs.U32.unpack_from(arg)
        if buf_type != CAPTURE:
            raise self._fail(EINVAL)
        structs.PIX_FORMAT.pack_into(arg, 8, *structs.PIX_FORMAT.unpack(_FORMAT))

    def _reqbufs(self, file: OpenFile, arg: bytearray) -> None:
        count, buf_type, memory, _, _ = structs.REQUESTBUFFERS.unpack(arg)
        wanted = {MMAP: BufCap.SUPPORTS_MMAP, USERPTR: BufCap.SUPPORTS_USERPTR}.get(memory, 0)
        if buf_type != CAPTURE or not self.capabilities & int(wanted):
            raise self._fail(EINVAL)
        if file.streaming:
            raise self._fail(EBUSY)
        file.memory = memory if count else 0
        file.addresses = dict.fromkeys(range(count), 0)
        file.queued.clear()
        arg[:] = structs.REQUESTBUFFERS.pack(count, buf_type, memory, self.capabilities, 0)

    def _querybuf(self, file: OpenFile, arg: bytearray) -> None:
        index, *_ = structs.BUFFER.unpack(arg)
        if index not in file.addresses:
            raise self._fail(EINVAL)
        flags = int(BufFlag.TIMESTAMP_MONOTONIC) | (BufFlag.MAPPED if self.mapped else 0)
        arg[:] = structs.BUFFER.pack(
            index, CAPTURE, 0, flags, 0, 0, 0, b"", 0, file.memory, index * _PAGE, SIZE, 0
        )

    def _qbuf(self, file: OpenFile, arg: bytearray) -> None:
        fields = list(structs.BUFFER.unpack(arg))
        if fields[9] != file.memory or (file.memory == USERPTR and not self.takes_memory):
            raise self._fail(EINVAL)
        file.addresses[fields[0]] = fields[10]
        file.queued.append(fields[0])
        fields[3] = int(BufFlag.TIMESTAMP_MONOTONIC | BufFlag.QUEUED | BufFlag.MAPPED)
        arg[:] = structs.BUFFER.pack(*fields)

    def _dqbuf(self, file: OpenFile, arg: bytearray) -> None:
        if not file.done:
            raise self._fail(EAGAIN)
        file.near.recv(1)
        index = file.done.pop(0)
        flags = int(BufFlag.TIMESTAMP_MONOTONIC | BufFlag.MAPPED | BufFlag.KEYFRAME)
        arg[:] = structs.BUFFER.pack(
            index, CAPTURE, SIZE, flags, 1, 5, 250_000, b"", file.sequence, file.memory,
            file.addresses[index], SIZE, 0,
        )  # fmt: skip
        file.sequence += 1

    def _streamon(self, file: OpenFile, _arg: bytearray) -> None:
        file.streaming, file.sequence = True, 0

    def _streamoff(self, file: OpenFile, _arg: bytearray) -> None:
        file.streaming = False
        file.queued.clear()
        file.done.clear()

    def _g_ext_ctrls(self, _file: OpenFile, arg: bytearray) -> None:
        _, count, _, _, pointer = structs.EXT_CONTROLS.unpack(arg)
        array = self.memories[pointer]
        for number in range(count):
            cid, size, where = structs.EXT_CONTROL.unpack_from(array, number * 20)
            if cid == 0xBAD:
                structs.U32.pack_into(arg, 8, number)
                raise self._fail(EINVAL)
            if size:
                self.memories[where][:size] = bytes(range(size))
            else:
                structs.EXT_CONTROL.pack_into(array, number * 20, cid, 0, 77)
        structs.U32.pack_into(arg, 8, count)

    def _subscribe_event(self, _file: OpenFile, arg: bytearray) -> None:
        if structs.EVENT_SUBSCRIPTION.unpack(arg)[0] == 99:
            raise self._fail(EINVAL)
        self.initial = True

    def _dqevent(self, _file: OpenFile, arg: bytearray) -> None:
        if not getattr(self, "initial", False):
            raise self._fail(ENOENT)
        self.initial = False
        arg[:] = structs.EVENT.pack(3, b"state", 0, 0, 1, 2, 0x980900)

    def _enuminput(self, _file: OpenFile, _arg: bytearray) -> None:
        raise self._fail(ENODEV)
