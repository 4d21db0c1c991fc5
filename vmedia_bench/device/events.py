"""The events that wait for an event buffer of the driver.

Bounded by construction: a session has at most one pending DQBUF a buffer, one V4L2 event a
subscription and one ERROR; a newer one takes the place of the older.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count

from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import EventType

_HEADER = media.EVENT_HEADER
# Their payload begins with the bits of what changed.
_TELL_CHANGES = frozenset((int(EventType.CTRL), int(EventType.SOURCE_CHANGE)))
_CHANGES = slice(8, 12)
_NO_PLANES = bytes(media.EVENT_DQBUF_SIZE - media.EVENT_HEADER.size - 88)

_NO_SESSION = 0
_RAW = -1

Key = tuple[int, int, int, int]


class EventQueue:
    """Pending events of all sessions, oldest first.

    A key is (session, event kind, queue type or V4L2 event type, buffer index or event id).
    `filter` may give other events in place of one; the first of them takes its key.
    """

    def __init__(self) -> None:
        self.filter: Callable[[bytes], Sequence[bytes] | None] | None = None
        self._pending: OrderedDict[Key, bytes] = OrderedDict()
        self._withheld: dict[Key, bytes] = {}
        self._serials = count()

    def __len__(self) -> int:
        return len(self._pending)

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        """Queue a DQBUF event: `buffer` is a v4l2_buffer of 88 bytes, `planes` n x 64 bytes."""
        index = int.from_bytes(buffer[0:4], "little")
        buf_type = int.from_bytes(buffer[4:8], "little")
        header = _HEADER.pack(media.EVT_DQBUF, session_id)
        event = b"".join((header, buffer, planes, _NO_PLANES[len(planes) :]))
        self._put((session_id, media.EVT_DQBUF, buf_type, index), event)

    def event(self, session_id: int, event: bytes) -> None:
        """Queue a v4l2_event of 136 bytes; one of the same type and id that waits is merged."""
        kind = int.from_bytes(event[0:4], "little")
        event_id = int.from_bytes(event[96:100], "little")
        key = (session_id, media.EVT_EVENT, kind, event_id)
        older = self._pending.pop(key, None)
        if older is not None and kind in _TELL_CHANGES:
            event = _with_changes_of(older[_HEADER.size :], event)
        self._put(key, _HEADER.pack(media.EVT_EVENT, session_id) + event)

    def error(self, session_id: int, errno: int) -> None:
        """Queue an ERROR event; what else waits for the session is void and dropped."""
        self.forget(session_id)
        event = media.EVENT_ERROR.pack(media.EVT_ERROR, session_id, errno)
        self._put((session_id, media.EVT_ERROR, 0, 0), event)

    def raw(self, event: bytes) -> None:
        """Queue an event as it is; only `clear` takes it back."""
        self._pending[_NO_SESSION, _RAW, next(self._serials), 0] = event

    def release(self, event: bytes) -> bool:
        """Queue an event that `filter` kept back; False when it is void, or a newer one waits."""
        for key, withheld in self._withheld.items():
            if withheld == event:
                del self._withheld[key]
                return self._pending.setdefault(key, event) is event
        return False

    def forget(self, session_id: int) -> None:
        """Drop all that waits for a session."""
        for events in (self._pending, self._withheld):
            for key in [key for key in events if key[0] == session_id]:
                del events[key]

    def drop_dqbufs(self, session_id: int, buf_type: int) -> None:
        """Drop the DQBUF events of one queue: none may follow the response to STREAMOFF."""
        wanted = (session_id, media.EVT_DQBUF, buf_type)
        for events in (self._pending, self._withheld):
            for key in [key for key in events if key[:3] == wanted]:
                del events[key]

    def clear(self) -> None:
        """Drop everything."""
        self._pending.clear()
        self._withheld.clear()

    def take(self, room: int) -> bytes | None:
        """The oldest event; None when there is none, b"" when it does not fit `room` bytes."""
        if not self._pending:
            return None
        key = next(iter(self._pending))
        if len(self._pending[key]) > room:
            return b""
        return self._pending.pop(key)

    def _put(self, key: Key, event: bytes) -> None:
        if self.filter is not None:
            instead = self.filter(event)
            if instead is not None:
                self._put_instead(key, event, instead)
                return
        self._pending[key] = event

    def _put_instead(self, key: Key, event: bytes, instead: Sequence[bytes]) -> None:
        if not instead:
            self._withheld[key] = event
            return
        self._pending[key] = instead[0]
        for other in instead[1:]:
            self.raw(other)

    def waiting_dqbufs(self) -> frozenset[tuple[int, int, int]]:
        """(session, buffer type, index) of the buffers whose DQBUF waits."""
        return frozenset(
            (session, buf_type, index)
            for session, kind, buf_type, index in self._pending
            if kind == media.EVT_DQBUF
        )

    def waiting(self, session_id: int) -> int:
        """How many events wait for a session."""
        return sum(key[0] == session_id for key in self._pending)


def _with_changes_of(older: bytes, newer: bytes) -> bytes:
    """An event that also reports what an undelivered older one reported."""
    changes = int.from_bytes(older[_CHANGES], "little") | int.from_bytes(newer[_CHANGES], "little")
    return newer[: _CHANGES.start] + changes.to_bytes(4, "little") + newer[_CHANGES.stop :]
