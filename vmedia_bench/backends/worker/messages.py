"""What a bench and the process of a VideoSource say to each other; msgpack, checked on arrival."""

from fractions import Fraction
from typing import Any

import msgspec
from msgspec import Struct

from vmedia_bench.v4l2.declarations import Format
from vmedia_bench.v4l2.source import ControlValue

# A ControlValue; msgspec cannot tell text from bytes by their type, `control_value` checks it.
Value = Any


class Down(Struct, frozen=True, tag=True):
    """From the bench."""


class SetFormat(Down, frozen=True):
    """configure()."""

    fmt: Format


class SetInput(Down, frozen=True):
    """set_input()."""

    index: int


class SetOutput(Down, frozen=True):
    """set_output()."""

    index: int


class SetControl(Down, frozen=True):
    """control_changed()."""

    cid: int
    value: Value


class Start(Down, frozen=True):
    """start(); a descriptor comes along: `slots` shared frames. `run` tells it from others."""

    fmt: Format
    interval: Fraction
    run: int
    slots: int


class Stop(Down, frozen=True):
    """stop()."""

    buf_type: int


Change = SetFormat | SetInput | SetOutput | SetControl | Start | Stop


class Apply(Down, frozen=True):
    """Changes in this order; answered with Applied."""

    changes: list[Change]


class Fill(Down, frozen=True):
    """Make a frame in a slot; answered with Filled, Nothing or Broken."""

    run: int
    slot: int
    sequence: int
    timestamp_ns: int
    interval: Fraction


class Drain(Down, frozen=True):
    """Take the frame in a slot; answered with Drained or NotShown."""

    run: int
    slot: int
    sequence: int
    timestamp_ns: int
    interval: Fraction
    bytesused: list[int]


class Read(Down, frozen=True):
    """Tell the volatile controls; answered with Values."""


Downward = Apply | Fill | Drain | Read


class Up(Struct, frozen=True, tag=True):
    """From the child."""


class Refused(Up, frozen=True):
    """It cannot begin; `of_value` when an option is to blame."""

    why: str
    of_value: bool


class Failure(Struct, frozen=True):
    """A change that failed: what, why, and the errno for the guest."""

    what: str
    why: str
    errno: int
    is_start: bool


class Applied(Up, frozen=True):
    """Changes have been made; some may have failed."""

    failures: list[Failure]


class Filled(Up, frozen=True):
    """A slot has a frame, as source.Filled has it."""

    run: int
    slot: int
    bytesused: list[int]
    flags: int = 0
    field: int | None = None
    timestamp_ns: int | None = None


class Nothing(Up, frozen=True):
    """The source has no frame now."""

    run: int
    slot: int


class Broken(Up, frozen=True):
    """The source failed to make a frame."""

    run: int
    slot: int
    why: str


class Drained(Up, frozen=True):
    """The source has the frame of a slot, or takes it later (`kept`): then Taken follows."""

    run: int
    slot: int
    kept: bool = False


class NotShown(Up, frozen=True):
    """The source failed at the frame of a slot."""

    run: int
    slot: int
    why: str


class Taken(Up, frozen=True):
    """The source has taken a frame that was kept for it."""

    run: int
    slot: int
    why: str = ""


class Values(Up, frozen=True):
    """All volatile controls as they are: an answer to Read."""

    values: dict[int, Value]


class NewValues(Up, frozen=True):
    """Volatile controls that a frame has changed."""

    values: dict[int, Value]


class FrameReady(Up, frozen=True):
    """host.frame_ready()."""


class EndOfStream(Up, frozen=True):
    """host.end_of_stream()."""


class SourceChanged(Up, frozen=True):
    """host.source_changed()."""

    changes: int


class ControlChanged(Up, frozen=True):
    """host.control_changed()."""

    cid: int
    value: Value


class GiveUp(Up, frozen=True):
    """host.fail()."""

    errno: int


Upward = (
    Applied
    | Filled
    | Nothing
    | Broken
    | Drained
    | NotShown
    | Taken
    | Values
    | NewValues
    | FrameReady
    | EndOfStream
    | SourceChanged
    | ControlChanged
    | GiveUp
)


def encode(message: object) -> bytes:
    """Pack a message."""
    return _encoder.encode(message)


def decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    """Give what reads messages of a type; its `decode` raises ValueError for anything else."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_from_plain)


def control_value(value: Value) -> ControlValue:
    """Give a value that came in; ValueError when no control can have it."""
    if isinstance(value, int | str | bytes):
        return value
    raise ValueError(f"{value!r} is no value of a control")


def _to_plain(value: object) -> object:
    if isinstance(value, Fraction):
        return (value.numerator, value.denominator)
    raise NotImplementedError(f"{value!r} cannot be sent")


def _from_plain(kind: type[Any], value: Any) -> object:
    if kind is Fraction:
        try:
            return Fraction(*value)
        except (TypeError, ZeroDivisionError) as error:
            raise ValueError(f"{value!r} is no fraction") from error
    raise NotImplementedError(f"{kind} cannot be received")


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_plain)
