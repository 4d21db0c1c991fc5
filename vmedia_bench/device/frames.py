"""Which frames went back to the driver: how many, and where the newest ones are."""

from struct import Struct
from typing import NamedTuple

_BUFFER = Struct("<III").unpack_from  # index, type, bytesused
_PLANE_USED = Struct("<I").unpack_from
_PLANE_SIZE = 64


class FrameMark(NamedTuple):
    """Where a frame is: `serial` counts the device's frames from 1."""

    serial: int
    session: int
    type: int
    buffer: int


class FrameLog:
    """Counts frames, their bytes and those lost, and keeps a mark of the newest one a session."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self.dropped = 0
        self._newest: dict[int, FrameMark] = {}

    def note(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        """A DQBUF of 88 bytes of v4l2_buffer and 64 bytes a plane."""
        index, buf_type, used = _BUFFER(buffer)
        for at in range(0, len(planes), _PLANE_SIZE):
            used += _PLANE_USED(planes, at)[0]
        self.count += 1
        self.bytes += used
        self._newest[session_id] = FrameMark(self.count, session_id, buf_type, index)

    def newest(self, session_id: int | None = None) -> FrameMark | None:
        """The newest frame of one session, or of all that are open."""
        if session_id is not None:
            return self._newest.get(session_id)
        return max(self._newest.values(), default=None)

    def forget(self, session_id: int) -> None:
        """A session has ended: its buffers are gone."""
        self._newest.pop(session_id, None)

    def clear(self) -> None:
        """All sessions have ended."""
        self._newest.clear()
