"""
Names of Linux error numbers, as a response's ``status`` carries them.

Source: the generic error codes of the V4L2 UAPI documentation and ``errno(3)``.
"""

import errno
from collections.abc import Mapping
from difflib import SequenceMatcher, get_close_matches
from types import MappingProxyType
from typing import Final

# Where one number has several names, the one the kernel's own sources use.
_PREFERRED: Final = ("EAGAIN", "EDEADLK", "EOPNOTSUPP")

NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {name: number for name, number in vars(errno).items() if name.startswith("E")}
)
"""Every name of the host's C library with its number, aliases included."""

NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {**errno.errorcode, **{NUMBERS[name]: name for name in _PREFERRED}}
)
"""Every number with its one name."""


def errno_name(number: int) -> str:
    """Return the name of a positive errno, the number itself as text when it has none."""
    return NAMES.get(number, str(number))


def errno_number(text: str) -> int:
    """
    Return the number of a name (any case) or of a decimal number in 1..4095.

    Raises ValueError, with near names in its message, when ``text`` is neither. 4095 is the
    kernel's MAX_ERRNO.
    """
    wanted = text.strip()
    number = NUMBERS.get(wanted.upper())
    if number is not None:
        return number
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4 and 1 <= int(wanted) <= 4095:
        return int(wanted)
    near = ", ".join(near_names(wanted))
    raise ValueError(f"{text!r} is no errno" + (f"; did you mean {near}?" if near else ""))


def near_names(text: str) -> list[str]:
    """Return up to three known names that look like ``text``, best first, then as long."""
    wanted = text.strip().upper()

    def unlikeness(name: str) -> tuple[float, int]:
        return -SequenceMatcher(None, name, wanted).ratio(), abs(len(name) - len(wanted))

    return sorted(get_close_matches(wanted, NUMBERS, n=9, cutoff=0.6), key=unlikeness)[:3]
