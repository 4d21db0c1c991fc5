"""Where notifications come from, a feed a topic: each bounded, each counting what it lost."""

from abc import ABC, abstractmethod
from collections import deque
from typing import Any

from vmedia_bench.control.operations.buffers import QueueState
from vmedia_bench.control.operations.live import LogLine, Topic
from vmedia_bench.control.server.describe import queue_states, trace_record
from vmedia_bench.control.server.handlers.bench import picture
from vmedia_bench.control.server.log_buffer import LogBuffer
from vmedia_bench.control.server.workbench import Workbench
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.wire import media

MAX_BEHIND = 10_000
"""Trace records that a client may be behind, of all kinds, before it loses the oldest."""
MAX_NEWS = 1_000
"""Items of the vm and session topics that wait for a client."""

Items = tuple[Any, ...]


class Feed(ABC):
    """One topic for one client."""

    @abstractmethod
    def take(self, limit: int) -> tuple[Items, int]:
        """Give what is new, oldest first and at most `limit`, and how many were lost before."""

    def keep_up(self) -> None:
        """Count what is lost by now; called each interval, also while nothing can be sent."""
        return


class NewsFeed(Feed):
    """Things that are told as they happen."""

    def __init__(self) -> None:
        self._waiting: deque[dict[str, Any]] = deque()
        self._lost = 0

    def add(self, item: dict[str, Any]) -> None:
        """One more; the oldest goes when there are too many."""
        if len(self._waiting) >= MAX_NEWS:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(item)

    def take(self, limit: int) -> tuple[Items, int]:
        """Give what has happened since."""
        items = tuple(self._waiting.popleft() for _ in range(min(limit, len(self._waiting))))
        lost, self._lost = self._lost, 0
        return items, lost


class TraceFeed(Feed):
    """Records of one kind, read from the trace ring when they are wanted."""

    def __init__(self, trace: TraceRing, kind: Kind, session: int | None = None) -> None:
        self._trace = trace
        self._kinds = (kind,)
        self._session = session
        self._after = self._trace.last
        self._lost = 0

    def keep_up(self) -> None:
        """Give up what the client is too far behind with."""
        behind = self._trace.last - self._after
        if behind > MAX_BEHIND:
            skipped = self._trace.last - MAX_BEHIND
            self._lost += self._trace.count(self._after, skipped, self._kinds)
            self._after = skipped

    def take(self, limit: int) -> tuple[Items, int]:
        """Give the next records."""
        last = self._trace.last
        if last == self._after:
            return (), 0
        kept = self._trace.read(self._after, limit, self._kinds)
        full = len(kept.records) == limit
        self._after = kept.records[-1].seq if full else last
        lost, self._lost = self._lost, 0
        return tuple(trace_record(each) for each in kept.records if self._wants(each)), lost

    def _wants(self, record: Record) -> bool:
        return self._session is None or session_of(record) == self._session


class LogFeed(Feed):
    """Lines of the log."""

    def __init__(self, log: LogBuffer) -> None:
        self._log = log
        self._after = self._log.last

    def take(self, limit: int) -> tuple[Items, int]:
        """Give the next lines."""
        lines: tuple[LogLine, ...] = self._log.read(self._after, limit)
        if not lines:
            return (), 0
        lost = lines[0].seq - self._after - 1
        self._after = lines[-1].seq
        return lines, lost


class QueueFeed(Feed):
    """Queues that have changed: their state now, not each state in between."""

    def __init__(self, bench: Workbench, session: int | None) -> None:
        self._bench = bench
        self._session = session
        self._activity: object = None
        self._told: dict[tuple[int | None, str], QueueState] = {}

    def take(self, limit: int) -> tuple[Items, int]:
        """Give each queue that is not as it was told last."""
        activity = self._bench.activity()
        if activity == self._activity:
            return (), 0
        self._activity = activity
        states = {(each.session, each.type): each for each in queue_states(self._bench)}
        changed = [
            state
            for key, state in states.items()
            if self._told.get(key) != state and self._session in {None, state.session}
        ]
        self._told = states
        return tuple(changed[:limit]), max(0, len(changed) - limit)


class SnapshotFeed(Feed):
    """Everything as it is now; what was not taken in time is not missed."""

    def __init__(self, bench: Workbench, session: int | None) -> None:
        self._bench = bench
        self._session = session

    def take(self, limit: int) -> tuple[Items, int]:
        """Give the one of this moment."""
        del limit
        return (picture(self._bench, self._session),), 0


def feed_of(topic: Topic, bench: Workbench, session: int | None) -> Feed:
    """Give a topic's feed, beginning now."""
    match topic:
        case Topic.VM | Topic.SESSION:
            return NewsFeed()
        case Topic.BUFFER:
            return QueueFeed(bench, session)
        case Topic.LOG:
            return LogFeed(bench.log)
        case Topic.SNAPSHOT:
            return SnapshotFeed(bench, session)
        case _:
            return TraceFeed(bench.trace, Kind(topic.value), session)


def session_of(record: Record) -> int:
    """Give the session that a record is about, 0 where it tells none (MUNMAP)."""
    if record.kind is Kind.EVENT:
        data = record.response
        return int.from_bytes(data[4:8], "little") if len(data) >= media.EVENT_HEADER.size else 0
    if record.kind is not Kind.COMMAND:
        return record.session
    if len(record.request) < media.CMD_SESSION.size:
        opened = len(record.response) >= media.RESP_OPEN.size
        return media.RESP_OPEN.unpack_from(record.response)[1] if opened else 0
    command, session, _code = media.CMD_SESSION.unpack_from(record.request)
    return 0 if command == media.CMD_MUNMAP else session
