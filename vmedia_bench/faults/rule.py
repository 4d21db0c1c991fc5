"""What a fault rule is: match, action, schedule. Plain data, so that it goes through JSON."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated


class On(StrEnum):
    """Where a rule looks."""

    COMMAND = "command"
    """A command of the driver."""
    EVENT = "event"
    """An event on its way to the driver."""
    FRAME = "frame"
    """A frame that is due on a queue."""
    SHMEM_MAP = "shmem-map"
    """A SHMEM_MAP request to the front-end."""
    NOW = "now"
    """At once when armed (`from_s` seconds later), without waiting for anything."""


class Do(StrEnum):
    """What a rule does when it fires. Those from SESSION_ERROR on need no command or event: they
    go with `on` NOW, or follow a command or an event that matches.
    """

    ERRNO = "errno"
    """Command: do not execute it, answer `errno`."""
    DELAY = "delay"
    """Command: execute it, answer `delay_ms` late. Event: send it `delay_ms` late."""
    NEVER = "never"
    """Command: neither execute nor answer it. Its chain is lost until the next reset."""
    USED_LENGTH = "used-length"
    """Command: give the chain back with used length `length`, whatever was written. Event: send
    only its first `length` bytes."""
    HEADER_ONLY = "header-only"
    """Command: answer the 8 bytes of the header and no payload."""
    CORRUPT = "corrupt"
    """Command: overwrite part of the response; event: of the event. `field` = `value`, or `hex` at
    `offset`."""
    DROP = "drop"
    """Event: it is never sent. Frame: it is lost, its buffer stays queued."""
    DUPLICATE = "duplicate"
    """Event: it is sent twice."""
    REORDER = "reorder"
    """Event: it is sent after the session's next one, or `delay_ms` (1000) late if none comes."""
    FLAG = "flag"
    """Event DQBUF: add `flags` (ERROR, LAST ...), put `bytesused`, `sequence`, `timestamp_ns`; with
    `running` the buffers that follow go on from there."""
    REFUSE = "refuse"
    """SHMEM_MAP: as if the front-end had refused it."""
    STALL = "stall"
    """SHMEM_MAP: ask the front-end `delay_ms` late; 0: as if it never answered, so that the guest
    gets ENOMEM after 4 s."""
    SESSION_ERROR = "session-error"
    """EVT_ERROR with `errno` for `session`."""
    DQBUF = "dqbuf"
    """A DQBUF event nobody asked for: buffer `buffer` of `session`."""
    SOURCE_CHANGE = "source-change"
    """V4L2_EVENT_SOURCE_CHANGE for `session`."""
    EOS = "eos"
    """V4L2_EVENT_EOS for `session`."""
    CONTROL = "control"
    """V4L2_EVENT_CTRL of control `control` with `value` for `session`."""
    STOP_RING = "stop-ring"
    """Serve `ring` no more until the rule is removed or disarmed, or for `delay_ms`."""
    DISCONNECT = "disconnect"
    """Close the vhost-user connection."""
    CONFIG = "config"
    """Change the configuration space (`card`, or `hex` at `offset`) and announce it, until the rule
    is removed or disarmed, or for `delay_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """When a rule looks closer; what is left out matches everything."""

    on: Annotated[On, "Where to look"]
    command: Annotated[str | None, "OPEN, CLOSE, IOCTL, MMAP or MUNMAP"] = None
    ioctl: Annotated[str | None, "VIDIOC_QBUF, or QBUF"] = None
    event: Annotated[str | None, "DQBUF, EVENT or ERROR"] = None
    session: Annotated[int | None, "Session ID"] = None
    type: Annotated[str | None, "Buffer type, such as VIDEO_CAPTURE"] = None
    buffer: Annotated[int | None, "Buffer index"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do. Which of the other fields count depends on `do`."""

    do: Annotated[Do, "What to do"]
    errno: Annotated[str | None, "Name or number"] = None
    delay_ms: Annotated[float, "Milliseconds; most actions on a command may answer late too"] = 0.0
    length: Annotated[int | None, "Used length, bytes"] = None
    field: Annotated[str | None, "Dotted field name, as the trace shows it"] = None
    value: Annotated[str | None, "Its new value, as the trace shows it; or a control's"] = None
    offset: Annotated[int | None, "Where `hex` goes, bytes from the start; default 0"] = None
    hex: Annotated[str | None, "Bytes"] = None
    flags: Annotated[tuple[str, ...], "V4L2_BUF_FLAG_* names to add"] = ()
    bytesused: Annotated[int | None, "Bytes, of each plane"] = None
    sequence: Annotated[int | None, "Sequence number to put"] = None
    timestamp_ns: Annotated[int | None, "Timestamp to put, nanoseconds"] = None
    running: Annotated[
        bool, "The buffers after it go on from that sequence number and timestamp"
    ] = False
    session: Annotated[int | None, "Default: the one that matched; on `now` every open one"] = None
    type: Annotated[str | None, "Buffer type of a DQBUF; default VIDEO_CAPTURE"] = None
    buffer: Annotated[int | None, "Buffer index"] = None
    control: Annotated[str | None, "Name or ID"] = None
    ring: Annotated[int | None, "0 commandq, 1 eventq"] = None
    card: Annotated[str | None, "At most 32 bytes of UTF-8"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Which of the matches it acts on. Outside of its time a rule does not look at all."""

    count: Annotated[int | None, "At most so often; none: without end"] = None
    every: Annotated[int, "Each so many matches: 3 is the 3rd, 6th, 9th and so on"] = 1
    skip: Annotated[int, "Let so many matches pass first"] = 0
    probability: Annotated[float, "0 to 1, drawn for each match that is left"] = 1.0
    seed: Annotated[int, "Of the draws: the same seed draws the same"] = 0
    from_s: Annotated[float, "Not before so many seconds after arming"] = 0.0
    until_s: Annotated[float | None, "Not after so many seconds after arming"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault rule."""

    match: Match
    action: Action
    schedule: Schedule = field(default_factory=Schedule)
    armed: bool = True
    name: Annotated[str, "What to call it; default: what it does"] = ""
