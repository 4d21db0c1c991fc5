"""Which session IDs are in use, and what became of them."""

from dataclasses import dataclass
from errno import EBUSY

from vmedia_bench.v4l2.errors import V4l2Error

_LAST_ID = 0xFFFF_FFFF


@dataclass(slots=True)
class Session:
    """An open session. `failed_with` is the errno of its EVT_ERROR, 0 while it works."""

    id: int
    opened_ns: int
    commands: int = 0
    last_errno: int = 0
    failed_with: int = 0


class SessionTable:
    """Sessions from OPEN to the driver's CLOSE, at most `limit` of them.

    An ID is not used again before the driver has closed it, failed or not (virtio specification,
    Device-side error), and, as long as the 32 bits last, not after that either.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._sessions: dict[int, Session] = {}
        self.get = self._sessions.get
        """The open session of an ID, failed ones included; None when there is none."""
        self._next_id = 1

    def open(self, now_ns: int) -> Session:
        """A new session. V4l2Error(EBUSY) when `limit` of them are open."""
        if len(self._sessions) >= self.limit:
            raise V4l2Error(EBUSY, f"{self.limit} sessions are open already (--max-sessions)")
        while self._next_id in self._sessions:
            self._advance()
        session = Session(self._next_id, now_ns)
        self._sessions[session.id] = session
        self._advance()
        return session

    def close(self, session_id: int) -> Session | None:
        """Forget a session; None when there was none."""
        return self._sessions.pop(session_id, None)

    def all(self) -> list[Session]:
        """All sessions, by ID."""
        return [self._sessions[session_id] for session_id in sorted(self._sessions)]

    def clear(self) -> None:
        """Forget all sessions; IDs go on from where they were."""
        self._sessions.clear()

    def __len__(self) -> int:
        return len(self._sessions)

    def _advance(self) -> None:
        self._next_id = self._next_id + 1 if self._next_id < _LAST_ID else 1
