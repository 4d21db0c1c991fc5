"""Which frames went back to the driver: how many, and where the newest ones are."""

from collections import Counter
from struct import Struct
from typing import NamedTuple

_BUFFER = Struct("<III").unpack_from  # index, type, bytesused
_PLANE_USED = Struct("<I").unpack_from
_PLANE_SIZE = 64


class FrameMark(NamedTuple):
    """
    Where a frame is, and what its DQBUF said of it: a v4l2_buffer of 88 bytes, 64 bytes a plane.

    `serial` counts the device's frames from 1. The buffer keeps the frame when the guest has
    queued it again, until the next one is written into it.
    """

    serial: int
    session: int
    type: int
    buffer: int
    info: bytes
    planes: bytes


class FrameLog:
    """Counts frames, their bytes and those lost, and keeps a mark of each buffer's newest one."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self.dropped = 0
        self._counts: Counter[int] = Counter()
        self._newest: dict[tuple[int, int], FrameMark] = {}
        self._of_buffers: dict[tuple[int, int, int], FrameMark] = {}

    def note(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        """A DQBUF of 88 bytes of v4l2_buffer and 64 bytes a plane."""
        index, buf_type, used = _BUFFER(buffer)
        for at in range(0, len(planes), _PLANE_SIZE):
            used += _PLANE_USED(planes, at)[0]
        self.count += 1
        self.bytes += used
        self._counts[session_id] += 1
        mark = FrameMark(self.count, session_id, buf_type, index, buffer, planes)
        self._newest[session_id, buf_type] = mark
        self._of_buffers[session_id, buf_type, index] = mark

    def count_of(self, session_id: int) -> int:
        """How many frames a session has got since it was opened; 0 once it is closed."""
        return self._counts[session_id]

    def newest(self, session_id: int | None = None) -> FrameMark | None:
        """The newest frame of one session, or of all that are open."""
        if session_id is not None:
            return max(self.newest_of_queues(session_id), default=None)
        return max(self._newest.values(), default=None)

    def newest_of_queues(self, session_id: int) -> list[FrameMark]:
        """The newest frame of each queue of a session: a codec has two."""
        return [mark for (session, _type), mark in self._newest.items() if session == session_id]

    def of_buffer(self, session_id: int, index: int) -> FrameMark | None:
        """The newest frame in the buffers of that index, of all queues of a session."""
        found = (
            mark
            for (session, _type, number), mark in self._of_buffers.items()
            if session == session_id and number == index
        )
        return max(found, default=None)

    def forget(self, session_id: int, buf_type: int | None = None) -> None:
        """Buffers of a session are gone: those of one queue, or all."""
        for key in [key for key in self._of_buffers if key[0] == session_id]:
            if buf_type in {None, key[1]}:
                del self._of_buffers[key]
        for queue in [queue for queue in self._newest if queue[0] == session_id]:
            if buf_type in {None, queue[1]}:
                del self._newest[queue]
        if buf_type is None:
            del self._counts[session_id]

    def clear(self) -> None:
        """All sessions have ended."""
        self._counts.clear()
        self._newest.clear()
        self._of_buffers.clear()
