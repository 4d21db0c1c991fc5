"""Notifications, log and the events' history."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from vmedia_bench.control.operation import Operation


class Topic(StrEnum):
    """What can be subscribed to. Items are in the `live` notification's params."""

    VM = "vm"
    """{state, reason}: connected, ready, paused, gone."""
    SESSION = "session"
    """{session, what: opened|closed|failed, errno}."""
    BUFFER = "buffer"
    """A QueueState whenever it changed, coalesced."""
    COMMAND = "command"
    """A TraceRecord of kind command."""
    EVENT = "event"
    """A TraceRecord of kind event."""
    FAULT = "fault"
    """A TraceRecord of kind fault."""
    LOG = "log"
    """A LogLine."""
    SNAPSHOT = "snapshot"
    """The Snapshot of the moment (no controls): at once, then each interval. None is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeParams:
    """What to be told. Each call replaces the former; no topics: nothing any more."""

    topics: tuple[Topic, ...]
    session: Annotated[int | None, "Only what concerns this session"] = None
    interval_ms: Annotated[int, "A batch at once, then each so many ms, 10 to 10,000"] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """What is told from now on."""

    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Params of the `live` notification: one batch of one topic, oldest first."""

    topic: Topic
    items: tuple[Any, ...]
    lost: Annotated[int, "Items of this topic that this client was too slow for, since the last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of the bench's log."""

    seq: int
    time: Annotated[float, "Seconds since 1970"]
    level: Annotated[str, "DEBUG, INFO, WARNING or ERROR"]
    room: Annotated[str, "The part of the bench that says it, such as vhost"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParams:
    """Which lines."""

    after: Annotated[int, "Lines with a higher seq"] = 0
    limit: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Log lines, oldest first."""

    lines: tuple[LogLine, ...]


OPERATIONS = (
    Operation(
        "live.subscribe", "Be told what happens.", SubscribeParams, Subscribed, "events --follow"
    ),
    Operation("log.read", "Read the bench's log.", LogParams, Log, "log"),
)
