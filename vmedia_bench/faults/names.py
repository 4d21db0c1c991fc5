"""Names that people write in rules, and the numbers they stand for. RuleError for unknown ones."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import IntEnum, IntFlag

from vmedia_bench.faults.errors import RuleError
from vmedia_bench.wire import media
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.errno_names import errno_number
from vmedia_bench.wire.ioctls import Ioctl, ioctl_named
from vmedia_bench.wire.v4l2 import BufFlag, BufType

_COMMANDS = {name: number for number, name in media.COMMAND_NAMES.items()}
_EVENTS = {name: number for number, name in media.EVENT_NAMES.items()}


def errno_of(text: str, where: str) -> int:
    """The number of an errno name or number; a name that is none brings the near ones."""
    try:
        return errno_number(text)
    except ValueError as error:
        raise RuleError(f"{where}: {error}") from error


def ioctl_of(text: str, where: str) -> Ioctl:
    """The ioctl of that name, with or without VIDIOC_."""
    try:
        return ioctl_named(text)
    except ValueError as error:
        raise RuleError(f"{where}: {error}") from error


def command_of(text: str, where: str) -> int:
    """OPEN, CLOSE, IOCTL, MMAP or MUNMAP."""
    return _among(_COMMANDS, text, where, "command")


def event_of(text: str, where: str) -> int:
    """DQBUF, EVENT or ERROR."""
    return _among(_EVENTS, text, where, "event")


def buffer_type_of(text: str, where: str) -> int:
    """A buffer type by its name, with or without V4L2_BUF_TYPE_, or by its number."""
    return _member(BufType, "V4L2_BUF_TYPE_", text, where, "buffer type")


def buffer_flags_of(names: Iterable[str], where: str) -> int:
    """Buffer flags by name, with or without V4L2_BUF_FLAG_, or by number, all in one."""
    bits = 0
    for text in names:
        bits |= _member(BufFlag, "V4L2_BUF_FLAG_", text, where, "buffer flag")
    return bits


def control_of(text: str, where: str) -> int:
    """A control by name (`brightness`, V4L2_CID_BRIGHTNESS), or by ID."""
    return _member(Cid, "V4L2_CID_", text, where, "control")


def _member(
    kind: type[IntEnum] | type[IntFlag], prefix: str, text: str, where: str, what: str
) -> int:
    number = _number(text)
    if number is not None:
        return number
    known = {name.lstrip("_"): int(member) for name, member in kind.__members__.items()}
    return _among(known, text.strip().replace(" ", "_").upper().removeprefix(prefix), where, what)


def _among(known: Mapping[str, int], text: str, where: str, what: str) -> int:
    wanted = text.strip().upper()
    if wanted in known:
        return known[wanted]
    near = get_close_matches(wanted, known, n=3) or (list(known) if len(known) < 10 else [])
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise RuleError(f"{where}: {text!r} is no {what}{hint}")


def _number(text: str) -> int | None:
    try:
        number = int(text, 0)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 32 else None
