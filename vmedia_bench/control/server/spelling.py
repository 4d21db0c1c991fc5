"""Numbers of V4L2 as people read them: names without their prefix."""

from enum import IntEnum, IntFlag
from functools import lru_cache

from vmedia_bench.wire.v4l2 import BufFlag

_TIMESTAMP_MASK = int(BufFlag.TIMESTAMP_MASK)
_SOURCE_MASK = int(BufFlag.TSTAMP_SRC_MASK)
_FIELDS_IN_FLAGS = _TIMESTAMP_MASK | _SOURCE_MASK


@lru_cache(maxsize=256)
def name_of(kind: type[IntEnum], value: int) -> str:
    """The name of an enum's value; the number where it has none."""
    try:
        return kind(value).name.lstrip("_")
    except ValueError:
        return str(value)


def flag_names(kind: type[IntFlag], value: int) -> tuple[str, ...]:
    """The names of the bits that are set, lowest first; unknown ones in hexadecimal."""
    names = []
    for bit in (1 << place for place in range(value.bit_length())):
        if value & bit:
            member = kind._value2member_map_.get(bit)
            names.append(f"{bit:#x}" if member is None else member.name or f"{bit:#x}")
    return tuple(names)


@lru_cache(maxsize=256)
def buffer_flag_names(value: int) -> tuple[str, ...]:
    """V4L2_BUF_FLAG_* names: the bits, and the timestamp's kind."""
    stamp = value & _TIMESTAMP_MASK
    kind = BufFlag._value2member_map_.get(stamp) if stamp else None
    names = list(flag_names(BufFlag, value & ~_FIELDS_IN_FLAGS))
    if kind is not None and kind.name:
        names.append(kind.name)
    if value & _SOURCE_MASK == int(BufFlag.TSTAMP_SRC_SOE):
        names.append("TSTAMP_SRC_SOE")
    return tuple(names)
