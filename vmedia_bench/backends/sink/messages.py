"""What the bench and the process that records tell each other."""

from __future__ import annotations

import msgspec


class Begin(msgspec.Struct, tag="begin"):
    """Open a new file for frames of a format that come in `slots` shared slots of `size` bytes."""

    recording: int
    pixelformat: int
    width: int
    height: int
    rate: tuple[int, int]
    slots: int
    size: int


class Take(msgspec.Struct, tag="take"):
    """Write the frame in a slot, `used` bytes long."""

    recording: int
    slot: int
    used: int


class End(msgspec.Struct, tag="end"):
    """Close the file."""


class Taken(msgspec.Struct, tag="taken"):
    """A slot may be filled again."""

    recording: int
    slot: int


class Opened(msgspec.Struct, tag="opened"):
    """A recording has begun, or has ended with so many frames."""

    path: str
    frames: int = 0
    closed: bool = False


class Failed(msgspec.Struct, tag="failed"):
    """A recording cannot go on; one line."""

    recording: int
    why: str


encode = msgspec.json.encode
decode_command = msgspec.json.Decoder(Begin | Take | End).decode
decode_report = msgspec.json.Decoder(Taken | Opened | Failed).decode
