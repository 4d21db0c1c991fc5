"""A scripted camera behind the scripted back-end: one format, obeys just enough of V4L2."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.guest.rig import FakeBackend


class ScriptedCamera:
    """
    A camera of one format that obeys just enough of V4L2; tests bend its fields.

    2x2 RGB3, four buffers of one page in an unsealed memfd, one integer, one string and one menu
    control. Buffers come back in the order of QBUF as soon as they stream.
    """

    page = 4096
    rate = 30

    def __init__(self, backend: FakeBackend) -> None:
        self.backend = backend
        self.fd = os.memfd_create("arena")
        os.ftruncate(self.fd, 4 * self.page)
        self.sessions = 0
        self.buffers = 0
        self.queued: list[bytes] = []
        self.streaming = False
        self.sequence = 0
        self.clock = 0
        self.value = -5
        self.title = b"camera"
        self.mapped: set[int] = set()
        # What a test may bend.
        self.map_length = self.page
        self.close_answer = b""
        self.first_sequence = 0
        self.sequence_step = 1
        self.clock_step = 1
        self.repeat = 1
        self.bytesused = 12
        self.late = False
        self.writes_planes = True
        self.userptr_answer: int | None = None

    def __call__(self, request: bytes, room: int) -> bytes:
        if len(request) < 8:
            return _status(22)
        (command,) = struct.unpack_from("<I", request)
        if command == 3:
            return self._ioctl(request) if len(request) >= 16 else _status(22)
        return self._command(command, request)

    def _command(self, command: int, request: bytes) -> bytes:
        if command == 1:
            self.sessions += 1
            return struct.pack("<IIII", 0, 0, self.sessions, 0)
        if command == 2:
            return self.close_answer
        if command == 4:
            return self._mmap(struct.unpack_from("<I", request, 16)[0])
        if command == 5:
            known = struct.unpack_from("<Q", request, 8)[0] in self.mapped
            return _status(0 if known else 22)
        return _status(25)

    def _mmap(self, offset: int) -> bytes:
        if offset >= self.buffers * self.page or offset % self.page:
            return _status(22)
        if offset not in self.mapped:
            fields = (0, offset, offset, self.page, 1)
            if self.backend.shmem(9, self.fd, fields):
                return _status(12)
            self.mapped.add(offset)
        return _status(0) + struct.pack("<QQ", offset, self.map_length)

    def _ioctl(self, request: bytes) -> bytes:
        _, _, session, number = struct.unpack_from("<IIII", request)
        if session > self.sessions:
            return _status(22)
        handler = getattr(self, f"_ioctl_{number}", None)
        if handler is None:
            return _status(25)
        answer: bytes = handler(request[16:])
        if answer == EINVAL:
            return _status(22)
        return answer if number == 71 and answer[0] == 22 else _status(0) + answer

    def _ioctl_2(self, data: bytes) -> bytes:
        index, kind = struct.unpack_from("<II", data)
        if index or kind != 1:
            return EINVAL
        return struct.pack("<III32sII12x", 0, 1, 0, b"24-bit RGB", 0x33424752, 0)

    def _ioctl_4(self, data: bytes) -> bytes:
        if len(data) < 208 or data[0] not in {1, 9}:
            return EINVAL
        if data[0] == 9:
            plane = struct.pack("<II12x", 12, 6) + bytes(140)
            head = struct.pack("<5I", 2, 2, 0x33424752, 1, 8)
            return struct.pack("<I4x", 9) + head + plane + bytes((1, 0, 0, 0, 0)) + bytes(15)
        pixels = struct.pack("<12I", 2, 2, 0x33424752, 1, 6, 12, 8, 0xFEEDCAFE, 0, 0, 0, 0)
        return struct.pack("<I4x", 1) + pixels + bytes(152)

    _ioctl_5 = _ioctl_64 = _ioctl_4

    def _ioctl_21(self, data: bytes) -> bytes:
        return data[:4] + struct.pack("<6I", 0x1000, 0, 1, 30, 0, 0) + data[28:]

    _ioctl_22 = _ioctl_21

    def _ioctl_74(self, data: bytes) -> bytes:
        if struct.unpack_from("<I", data)[0]:
            return EINVAL
        return data[:8] + struct.pack("<III", 1, 2, 2) + data[20:]

    def _ioctl_75(self, data: bytes) -> bytes:
        index = struct.unpack_from("<I", data)[0]
        if index > 1:
            return EINVAL
        return data[:16] + struct.pack("<III", 1, 1, (30, 60)[index]) + data[28:]

    def _ioctl_26(self, data: bytes) -> bytes:
        if data[0]:
            return EINVAL
        return struct.pack("<I32sIIIQII12x4x", 0, b"Camera 1", 2, 0, 0, 0, 0, 0)

    def _ioctl_8(self, data: bytes) -> bytes:
        count, kind, memory = struct.unpack_from("<III", data)
        self.buffers = min(count, 4)
        self.streaming = self.streaming and count > 0
        self.queued.clear()
        return struct.pack("<IIIIB3x", self.buffers, kind, memory, 3, 0)

    def _ioctl_9(self, data: bytes) -> bytes:
        index = data[0]
        if index >= self.buffers:
            return EINVAL
        if data[4] == 9:
            plane = struct.pack("<IIQI44x", 0, self.page, index * self.page, 0)
            return data[:88] + plane + data[152:]
        return data[:64] + struct.pack("<QI", index * self.page, self.page) + data[76:]

    def _ioctl_15(self, data: bytes) -> bytes:
        buffer = data[:88]
        if buffer[0] >= self.buffers:
            return EINVAL
        answer = buffer[:12] + struct.pack("<I", 2) + buffer[16:]
        if self.userptr_answer is not None:
            answer = answer[:64] + struct.pack("<Q", self.userptr_answer) + answer[72:]
        self.queued.append(data)
        self._produce()
        return answer + data[88:152] if data[4] == 9 and self.writes_planes else answer

    def _ioctl_18(self, data: bytes) -> bytes:
        self.streaming, self.sequence = True, self.first_sequence
        self._produce()
        return b""

    def _ioctl_19(self, data: bytes) -> bytes:
        self.streaming = False
        if self.late:
            self.backend.message_events.append(self._dqbuf(bytes(88)))
        return b""

    def _produce(self) -> None:
        while self.streaming and self.queued:
            data = self.queued.pop(0)
            picture = bytes(range(12))
            if struct.unpack_from("<I", data, 60)[0] == 1:
                os.pwrite(self.fd, picture, data[0] * self.page)
            else:
                at = 88
                while picture:
                    address, length = struct.unpack_from("<QI", data, at)
                    self.backend.at(address, length)[: len(picture)] = picture[:length]
                    picture, at = picture[length:], at + 16
            self.backend.events += [self._dqbuf(data)] * self.repeat

    def _dqbuf(self, data: bytes) -> bytes:
        head = struct.pack("<5I", data[0], data[4] or 1, self.bytesused, 0x2000, 1)
        seconds, micros = divmod(self.clock * 1_000_000 // self.rate, 1_000_000)
        stamp = struct.pack("<4xqq16sI", seconds, micros, bytes(16), self.sequence)
        self.sequence = (self.sequence + self.sequence_step) & 0xFFFFFFFF
        self.clock += self.clock_step
        planes = struct.pack("<IIQI44x", self.bytesused, self.page, 0, 0) + bytes(448)
        length = 1 if data[4] == 9 else self.page
        buffer = head + stamp + data[60:64] + bytes(8) + struct.pack("<I", length) + bytes(12)
        return struct.pack("<II", 1, self.sessions) + buffer + planes

    def _ioctl_103(self, data: bytes) -> bytes:
        (asked,) = struct.unpack_from("<I", data)
        ids = sorted(CONTROLS)
        plain = asked & 0x3FFFFFFF
        found = [cid for cid in ids if cid > plain] if asked >> 30 else [plain]
        if not found or found[0] not in CONTROLS:
            return EINVAL
        kind, name, low, high, flags, size = CONTROLS[found[0]]
        numbers = (low, high, 1, 0, flags, size, 1, 0, 0, 0, 0, 0)
        return struct.pack("<II32sqqQqIIII4I128x", found[0], kind, name, *numbers)

    def _ioctl_37(self, data: bytes) -> bytes:
        cid, index = struct.unpack_from("<II", data)
        return EINVAL if index == 1 else struct.pack("<II32s4x", cid, index, b"item %d" % index)

    def _ioctl_71(self, data: bytes) -> bytes:
        cid, size = struct.unpack_from("<II", data, 32)
        if cid not in CONTROLS:
            return struct.pack("<II", 22, 0) + data[:8] + struct.pack("<I", 1) + data[12:]
        if size:
            address, length = struct.unpack_from("<QI", data, 52)
            self.backend.at(address, length)[: len(self.title) + 1] = self.title + b"\0"
            return data[:52]
        return data[:44] + struct.pack("<q", self.value & 0xFFFFFFFF)

    def _ioctl_72(self, data: bytes) -> bytes:
        _, size = struct.unpack_from("<II", data, 32)
        if size:
            address, length = struct.unpack_from("<QI", data, 52)
            self.title = bytes(self.backend.at(address, length)).rstrip(b"\0")
            return data[:52]
        (self.value,) = struct.unpack_from("<i", data, 44)
        return data[:52]

    def _ioctl_90(self, data: bytes) -> bytes:
        kind, cid, _ = struct.unpack_from("<III", data)
        event = struct.pack("<I4x64sIIqqI32x4x", kind, bytes(64), 0, 0, 1, 5, cid)
        self.backend.events.append(struct.pack("<II", 2, self.sessions) + event)
        return b""


EINVAL = struct.pack("<I", 22)
CONTROLS = {
    0x980900: (1, b"Brightness", -10, 10, 0, 4),
    0x980910: (7, b"Title", 0, 31, 0x100, 32),
    0x980920: (3, b"Pattern", 0, 2, 0, 4),
}


def _status(errno: int) -> bytes:
    return struct.pack("<II", errno, 0)
