"""What the transport tells onlookers: one small event each time something happens, and counters."""

import logging
from dataclasses import dataclass
from typing import Protocol, TypeAlias

_log = logging.getLogger("vmedia_bench.vhost")

LOUD_REFUSALS = 10
"""Refused chains of one connection that are logged as warnings; a guest can make millions."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The socket takes front-ends."""

    where: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A front-end is there; ``peer`` names its process."""

    peer: str


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """Another front-end wanted in."""

    peer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The front-end chose features, given by name."""

    features: tuple[str, ...]
    protocol_features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceStarted:
    """Rings run, for the first time or after a reset."""


@dataclass(frozen=True, slots=True)
class DevicePaused:
    """The front-end stopped the rings."""


@dataclass(frozen=True, slots=True)
class DeviceResumed:
    """The rings go on where they stopped."""


@dataclass(frozen=True, slots=True)
class DeviceReset:
    """The guest reset the device."""


@dataclass(frozen=True, slots=True)
class FrontendGone:
    """The connection ended; an empty reason where the front-end simply closed it."""

    reason: str


@dataclass(frozen=True, slots=True)
class RingError:
    """A ring is corrupt, or cannot start."""

    ring: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChainRefused:
    """A descriptor chain went back with used length 0."""

    ring: int
    reason: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A front-end's message, before anything was made of it."""

    request: int
    name: str
    payload: bytes
    fds: int


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A front-end's message was refused or ignored."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelError:
    """A request of ours to the front-end failed, or its channel did."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeviceFailed:
    """The device raised, on this command or without one: a mistake of ours."""

    request: bytes
    error: Exception


_PLAIN_WORDS: dict[type, str] = {
    DeviceStarted: "device started",
    DevicePaused: "device paused",
    DeviceResumed: "device resumed",
    DeviceReset: "device reset by the guest",
    FrontendGone: "front-end left",
}

Event: TypeAlias = (
    Listening
    | Connected
    | ConnectionRefused
    | Negotiated
    | DeviceStarted
    | DevicePaused
    | DeviceResumed
    | DeviceReset
    | FrontendGone
    | RingError
    | ChainRefused
    | MessageReceived
    | MessageRefused
    | ChannelError
    | DeviceFailed
)


class Observer(Protocol):
    """Whoever wants to know; called in the event loop, so it must be quick and not raise."""

    def __call__(self, event: Event, /) -> None:
        """Something happened."""


@dataclass(slots=True)
class Counters:
    """How often things happened since the server started."""

    connections: int = 0
    messages: int = 0
    messages_refused: int = 0
    kicks: int = 0
    calls: int = 0
    commands: int = 0
    events: int = 0
    chains_refused: int = 0
    ring_errors: int = 0
    spin_hits: int = 0
    spin_misses: int = 0


class LoggingObserver:
    """Writes events to the log, each as one line."""

    def __init__(self) -> None:
        self._refused = 0

    def __call__(self, event: Event) -> None:
        """Log one event."""
        match event:
            case Connected(peer):
                self._refused = 0
                _log.info("front-end connected: %s", peer)
            case Negotiated(features, protocol):
                _log.info("features: %s; protocol: %s", " ".join(features), " ".join(protocol))
            case MessageReceived(_, name, payload, fds):
                _log.debug("%s, %d bytes, %d fds", name, len(payload), fds)
            case ChainRefused(ring, reason):
                self._refused += 1
                level = logging.WARNING if self._refused <= LOUD_REFUSALS else logging.DEBUG
                _log.log(level, "ring %d: chain refused: %s", ring, reason)
            case RingError(ring, reason):
                _log.error("ring %d stopped: %s", ring, reason)
            case DeviceFailed(request, error):
                _log.error("command %s failed", request[:64].hex(), exc_info=error)
            case _:
                self._plain(event)

    def _plain(self, event: Event) -> None:
        match event:
            case Listening(where):
                _log.info("listening on %s", where)
            case ConnectionRefused(peer, reason):
                _log.warning("refused another front-end (%s): %s", peer, reason)
            case MessageRefused(name, reason):
                _log.warning("%s refused: %s", name, reason)
            case FrontendGone(reason) if reason:
                _log.error("front-end left: connection closed: %s", reason)
            case ChannelError(reason):
                _log.warning("back-end channel: %s", reason)
            case _:
                _log.info("%s", _PLAIN_WORDS[type(event)])
