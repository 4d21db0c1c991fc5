"""What the transport tells onlookers: one small event each time something happens, and counters."""

import logging
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

_log = logging.getLogger("vmedia_bench.vhost")

LOUD_REFUSALS = 10
"""Refusals of one connection that are logged as warnings; the others are logged for debugging."""


class _Told:
    """What happened, as one line by `str`; `level` is its level in the log."""

    __slots__ = ()
    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, slots=True)
class Listening(_Told):
    """The socket takes front-ends."""

    where: str

    def __str__(self) -> str:
        return f"listening on {self.where}"


@dataclass(frozen=True, slots=True)
class Connected(_Told):
    """A front-end is there; ``peer`` names its process."""

    peer: str

    def __str__(self) -> str:
        return f"front-end connected: {self.peer}"


@dataclass(frozen=True, slots=True)
class ConnectionRefused(_Told):
    """Another front-end wanted in."""

    level: ClassVar[int] = logging.WARNING

    peer: str
    reason: str

    def __str__(self) -> str:
        return f"refused another front-end ({self.peer}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Negotiated(_Told):
    """The front-end chose features, given by name."""

    features: tuple[str, ...]
    protocol_features: tuple[str, ...]

    def __str__(self) -> str:
        chosen = {"features": self.features, "protocol": self.protocol_features}
        told = "; ".join(f"{what}: {' '.join(names)}" for what, names in chosen.items() if names)
        return told or "no features"


@dataclass(frozen=True, slots=True)
class DeviceStarted(_Told):
    """Rings run, for the first time or after a reset."""

    def __str__(self) -> str:
        return "device started"


@dataclass(frozen=True, slots=True)
class DevicePaused(_Told):
    """The front-end stopped the rings."""

    def __str__(self) -> str:
        return "device paused"


@dataclass(frozen=True, slots=True)
class DeviceResumed(_Told):
    """The rings go on where they stopped."""

    def __str__(self) -> str:
        return "device resumed"


@dataclass(frozen=True, slots=True)
class DeviceReset(_Told):
    """The guest reset the device."""

    def __str__(self) -> str:
        return "device reset by the guest"


@dataclass(frozen=True, slots=True)
class FrontendGone:
    """The connection ended; an empty reason where the front-end simply closed it."""

    reason: str

    @property
    def level(self) -> int:
        """Its level in the log."""
        return logging.ERROR if self.reason else logging.INFO

    def __str__(self) -> str:
        return "front-end left" + (f": connection closed: {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class RingError(_Told):
    """A ring is corrupt, or cannot start."""

    level: ClassVar[int] = logging.ERROR

    ring: int
    reason: str

    def __str__(self) -> str:
        return f"ring {self.ring} stopped: {self.reason}"


@dataclass(frozen=True, slots=True)
class ChainRefused(_Told):
    """A descriptor chain went back with used length 0."""

    level: ClassVar[int] = logging.WARNING

    ring: int
    reason: str

    def __str__(self) -> str:
        return f"ring {self.ring}: chain refused: {self.reason}"


@dataclass(frozen=True, slots=True)
class MessageReceived(_Told):
    """A front-end's message, before anything was made of it."""

    level: ClassVar[int] = logging.DEBUG

    request: int
    name: str
    payload: bytes
    fds: int

    def __str__(self) -> str:
        return f"{self.name}, {len(self.payload)} bytes, {self.fds} fds"


@dataclass(frozen=True, slots=True)
class MessageRefused(_Told):
    """A front-end's message was refused or ignored."""

    level: ClassVar[int] = logging.WARNING

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} refused: {self.reason}"


@dataclass(frozen=True, slots=True)
class ChannelError(_Told):
    """A request of ours to the front-end failed, or its channel did."""

    level: ClassVar[int] = logging.WARNING

    reason: str

    def __str__(self) -> str:
        return f"back-end channel: {self.reason}"


@dataclass(frozen=True, slots=True)
class DeviceFailed(_Told):
    """The device raised, on this command or without one: a mistake of ours."""

    level: ClassVar[int] = logging.ERROR

    request: bytes
    error: Exception

    def __str__(self) -> str:
        return f"command {self.request[:64].hex()} failed"


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
    """Writes events to the log, each as one line, and of many refusals only the first ones."""

    def __init__(self) -> None:
        self._refused = 0

    def __call__(self, event: Event) -> None:
        """Log one event."""
        level = event.level
        if isinstance(event, Connected):
            self._refused = 0
        elif isinstance(event, ChainRefused | MessageRefused):
            self._refused += 1
            if self._refused > LOUD_REFUSALS:
                level = logging.DEBUG
        error = event.error if isinstance(event, DeviceFailed) else None
        _log.log(level, "%s", event, exc_info=error)


def all_of(*observers: Observer) -> Observer:
    """One observer that tells them all."""

    def tell(event: Event) -> None:
        for observer in observers:
            observer(event)

    return tell
