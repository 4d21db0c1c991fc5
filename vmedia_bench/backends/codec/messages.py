"""What the bench and a coding process tell each other."""

from __future__ import annotations

import msgspec


class Input(msgspec.Struct, tag="input"):
    """
    Begin anew with data that comes in `slots` shared slots of `size` bytes.

    `code` is the coded format. Pictures to encode are `width` by `height` pixels of `pixelformat`,
    `rate` a second; `settings` are controls by ID.
    """

    generation: int
    code: str
    slots: int
    size: int
    pixelformat: int = 0
    width: int = 0
    height: int = 0
    rate: tuple[int, int] = (30, 1)
    settings: dict[str, int] = {}


class Data(msgspec.Struct, tag="data"):
    """Code what is in a slot; what comes of it carries the `token`."""

    generation: int
    slot: int
    used: int
    token: int
    key: bool = False


class Drain(msgspec.Struct, tag="drain"):
    """Give everything out that is still inside, then say Drained."""

    generation: int
    drain: int


class Pool(msgspec.Struct, tag="pool"):
    """Put results into `slots` shared slots of `size` bytes; frames are of this format."""

    pool: int
    pixelformat: int
    width: int
    height: int
    slots: int
    size: int


class Free(msgspec.Struct, tag="free"):
    """A result was taken out of its slot."""

    pool: int
    slot: int


class Taken(msgspec.Struct, tag="taken"):
    """An input slot may be filled again."""

    generation: int
    slot: int


class Produced(msgspec.Struct, tag="produced"):
    """A result is in a slot. `kind` is I, P, B or nothing; `damaged`: it cannot be trusted."""

    generation: int
    pool: int
    slot: int
    used: int
    token: int
    kind: str = ""
    damaged: bool = False


class Damaged(msgspec.Struct, tag="damaged"):
    """Nothing came of some data."""

    generation: int
    token: int


class Changed(msgspec.Struct, tag="changed"):
    """
    Pictures are of another size from here on: `width` by `height` pixels are visible.

    `waits`: they stay inside until there is a Pool for them.
    """

    generation: int
    width: int
    height: int
    waits: bool


class Drained(msgspec.Struct, tag="drained"):
    """Everything is out."""

    generation: int
    drain: int


class Refused(msgspec.Struct, tag="refused"):
    """Coding cannot go on; one line."""

    why: str


Command = Input | Data | Drain | Pool | Free
Report = Taken | Produced | Damaged | Changed | Drained | Refused

encode = msgspec.json.encode
decode_command = msgspec.json.Decoder(Command).decode
decode_report = msgspec.json.Decoder(Report).decode
