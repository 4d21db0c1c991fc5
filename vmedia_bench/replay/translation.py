"""
A recorded guest's numbers as this guest's: session IDs, buffer offsets, mappings, memory.

Pointers of the recorded guest's programs (userptr, the arrays' addresses) mean nothing to a
device, which has to give them back as they were; they stay. What a device reads is translated.
"""

from collections.abc import Callable, Iterable
from typing import Final

from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Shape
from vmedia_bench.wire.v4l2 import Memory, is_multiplanar

_COMMAND: Final = media.CMD_SESSION.size
_ANSWER: Final = media.RESP_HEADER.size
_MMAP: Final = int(Memory.MMAP)
_BUFFER = structs.BUFFER
_PLANE = structs.PLANE
_MEMORY_AT, _M_AT, _LENGTH_AT = 60, 64, 72
"""Where v4l2_buffer has memory, m and length."""
_PLANE_M_AT = 8
NOBODY: Final = 0xFFFF_FF00
"""A session ID that no device has given."""


class Translation:
    """
    What is known about how the two guests' numbers go together.

    `allocate` makes guest memory of so many bytes and returns its address.
    """

    def __init__(self, allocate: Callable[[int], int]) -> None:
        self._allocate = allocate
        self.sessions: dict[int, int] = {}
        """This guest's ID of each session that the recorded guest has open."""
        self._offsets: dict[tuple[int, int], int] = {}
        self._addresses: dict[int, int] = {}
        self._memory: dict[tuple[int, int], int] = {}

    def forget(self) -> None:
        """The device was reset: sessions, offsets and mappings are gone, memory stays."""
        self.sessions.clear()
        self._offsets.clear()
        self._addresses.clear()

    def request(self, recorded: bytes) -> bytes:
        """A recorded command as this guest sends it."""
        data = bytearray(recorded)
        command = _word(data, 0)
        if len(data) < _COMMAND or command not in _WITH_SESSION | {media.CMD_MUNMAP}:
            return recorded
        if command == media.CMD_MUNMAP:
            address = int.from_bytes(data[8:16], "little")
            data[8:16] = self._addresses.get(address, address).to_bytes(8, "little")
            return bytes(data)
        session = _word(data, 8)
        _put(data, 8, self.sessions.get(session, NOBODY))
        if command == media.CMD_MMAP and len(data) >= media.MMAP_COMMAND.size:
            offset = _word(data, 16)
            _put(data, 16, self._offsets.get((session, offset), offset))
        elif command == media.CMD_IOCTL:
            self._payload(data, session)
        return bytes(data)

    def answered(self, recorded: bytes, response: bytes, replayed: bytes) -> None:
        """Learn from two answers to one recorded command, both of them good."""
        command = _word(recorded, 0)
        if command == media.CMD_MMAP and min(len(response), len(replayed)) >= 24:
            was = media.RESP_MMAP.unpack_from(response)[1]
            self._addresses[was] = media.RESP_MMAP.unpack_from(replayed)[1]
        elif command == media.CMD_IOCTL:
            row = IOCTLS.get(_word(recorded, 12))
            if row is not None and row.shape is Shape.BUFFER:
                session = _word(recorded, 8)
                pairs = zip(_offsets(response), _offsets(replayed), strict=False)
                self._offsets |= {(session, was): now for was, now in pairs}

    def _payload(self, data: bytearray, session: int) -> None:
        row = IOCTLS.get(_word(data, 12))
        if row is None or not row.direction & Direction.W:
            return
        if row.shape is Shape.BUFFER and len(data) >= _COMMAND + _BUFFER.size:
            for at in _offset_places(data, _COMMAND):
                offset = _word(data, at)
                _put(data, at, self._offsets.get((session, offset), offset))
            planes = _plane_count(data, _COMMAND)
            self._lists(data, _COMMAND + _BUFFER.size + planes * _PLANE.size)
        elif row.shape is Shape.EXT_CONTROLS:
            count = _word(data, _COMMAND + 4)
            controls = count * structs.EXT_CONTROL.size
            self._lists(data, _COMMAND + structs.EXT_CONTROLS.size + controls)

    def _lists(self, data: bytearray, start: int) -> None:
        """SG entries to the end of the command: each names memory of this guest instead."""
        size = media.SG_ENTRY.size
        for at in range(start, len(data) - size + 1, size):
            span = media.SG_ENTRY.unpack_from(data, at)
            address = self._memory.get(span)
            if address is None:
                address = self._memory[span] = self._allocate(span[1])
            data[at : at + 8] = address.to_bytes(8, "little")


_WITH_SESSION: Final = frozenset((media.CMD_CLOSE, media.CMD_IOCTL, media.CMD_MMAP))


def needed_memory(requests: Iterable[bytes]) -> int:
    """How many bytes of guest memory the SG lists of recorded commands name."""
    lengths: list[int] = []

    def note(length: int) -> int:
        lengths.append(length)
        return 0

    translation = Translation(note)
    for request in requests:
        translation.request(request)
    return sum(lengths)


def _offset_places(data: bytes | bytearray, start: int) -> list[int]:
    """Where a v4l2_buffer with its planes holds offsets of MMAP buffers."""
    if len(data) < start + _BUFFER.size or _word(data, start + _MEMORY_AT) != _MMAP:
        return []
    if not is_multiplanar(_word(data, start + 4)):
        return [start + _M_AT]
    first = start + _BUFFER.size + _PLANE_M_AT
    places = [first + place * _PLANE.size for place in range(_plane_count(data, start))]
    return [at for at in places if at + 4 <= len(data)]


def _plane_count(data: bytes | bytearray, start: int) -> int:
    if not is_multiplanar(_word(data, start + 4)):
        return 0
    return min(_word(data, start + _LENGTH_AT), media.MAX_PLANES)


def _offsets(response: bytes) -> list[int]:
    return [_word(response, at) for at in _offset_places(response, _ANSWER)]


def _word(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _put(data: bytearray, at: int, value: int) -> None:
    data[at : at + 4] = value.to_bytes(4, "little")
