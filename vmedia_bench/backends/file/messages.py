"""What the bench and the process that reads the file tell each other."""

from __future__ import annotations

import msgspec


class Start(msgspec.Struct, tag="start"):
    """Paint frames of a format into `slots` shared slots, whose descriptor comes along."""

    generation: int
    pixelformat: int
    width: int
    height: int
    slots: int
    position_ns: int
    step_ns: int
    loop: bool


class Free(msgspec.Struct, tag="free"):
    """A slot was shown, or is not wanted."""

    generation: int
    slot: int


class Seek(msgspec.Struct, tag="seek"):
    """Go on from another place; what was made before does not count."""

    position: int
    position_ns: int


class Pace(msgspec.Struct, tag="pace"):
    """Frames to show are `step_ns` of the file's time apart; at its end begin again or not."""

    step_ns: int
    loop: bool


class Stop(msgspec.Struct, tag="stop"):
    """Paint nothing more."""


class Opened(msgspec.Struct, tag="opened"):
    """The file can be played; see media.MediaInfo."""

    kind: str
    width: int
    height: int
    rate: tuple[int, int]
    duration_ns: int
    bt709: bool


class Refused(msgspec.Struct, tag="refused"):
    """The file cannot be played, or not on; one line. `absent`: there is none to be read."""

    why: str
    absent: bool = False


class Ready(msgspec.Struct, tag="ready"):
    """A frame is in a slot: bytes used, when it is shown and how long."""

    generation: int
    position: int
    slot: int
    used: int
    time_ns: int
    duration_ns: int


class Ended(msgspec.Struct, tag="ended"):
    """The file is over."""

    generation: int
    position: int


Command = Start | Free | Seek | Pace | Stop
Report = Opened | Refused | Ready | Ended

encode = msgspec.json.encode
decode_command = msgspec.json.Decoder(Command).decode
decode_report = msgspec.json.Decoder(Report).decode
