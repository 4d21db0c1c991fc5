"""What a probe found out, as plain values that `dataclasses.asdict` and JSON understand."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Interval:
    """Seconds a frame as fractions in text ("1/30"); the three differ for a range only."""

    shortest: str
    longest: str
    step: str


@dataclass(slots=True)
class Size:
    """A frame size in pixels ("640x480", or "16x16..1920x1080/8x8") with its intervals."""

    size: str
    intervals: list[Interval]


@dataclass(slots=True)
class Format:
    """A pixel format of a queue."""

    fourcc: str
    description: str
    flags: list[str]
    sizes: list[Size]


@dataclass(slots=True)
class Queue:
    """A buffer queue: its type, formats, current format, frame interval, REQBUFS capabilities."""

    type: str
    formats: list[Format]
    current: str
    interval: str
    capabilities: list[str]


@dataclass(slots=True)
class Control:
    """A control; `value` is its current one, `menu` its items by index."""

    id: str
    name: str
    type: str
    minimum: int
    maximum: int
    step: int
    default: int
    flags: list[str]
    value: str
    menu: dict[int, str]


@dataclass(slots=True)
class Report:
    """
    Everything a probe learnt. `findings` say what the back-end does wrong, a line each.

    `error` is the line that ended the probe early, "" when it came to its end; `messages` are the
    vhost-user messages up to running rings.
    """

    path: str
    order: str
    error: str = ""
    messages: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    protocol_features: list[str] = field(default_factory=list)
    queue_count: int = 0
    queue_size: int = 0
    card: str = ""
    device_type: int = 0
    device_caps: list[str] = field(default_factory=list)
    shmem_bit: int = -1
    shmem_sizes: dict[int, int] = field(default_factory=dict)
    queues: list[Queue] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
