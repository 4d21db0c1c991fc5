"""Arguments that are more than words and numbers; CommandFailedError(USAGE) for wrong ones."""

import os
import re
from collections.abc import Sequence

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.control.names import check_name

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def frame_size(text: str) -> tuple[int, int]:
    """`1920x1080` as (width, height) in pixels."""
    found = re.fullmatch(r"(\d{1,9})[xX](\d{1,9})", text)
    if found is None:
        raise CommandFailedError(f"{text!r} is not a size such as 1920x1080", ExitCode.USAGE)
    return int(found[1]), int(found[2])


def byte_size(text: str) -> int:
    """`64M` as bytes; K, M and G are powers of 1024."""
    found = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if found is None:
        raise CommandFailedError(f"{text!r} is not a size such as 256M or 1G", ExitCode.USAGE)
    return int(found[1]) * _UNITS[found[2]]


def shared_memory_size(text: str) -> int:
    """A size for shared-memory region 0: a power of two from 1M to 4G.

    QEMU aborts on any other, and the offsets of buffers have 32 bits.
    """
    size = byte_size(text)
    if size & (size - 1) or not 1 << 20 <= size <= 1 << 32:
        raise CommandFailedError(f"{text!r} is not a power of two from 1M to 4G", ExitCode.USAGE)
    return size


def guest_memory(text: str) -> str:
    """A size as QEMU reads it, such as 2G; it is QEMU that counts."""
    if re.fullmatch(r"[1-9]\d*(\.\d+)?[BKMGTPE]?", text.upper()) is None:
        raise CommandFailedError(f"{text!r} is not a size such as 2G", ExitCode.USAGE)
    return text


def trace_size(text: str) -> int:
    """How many bytes a trace keeps: one at least."""
    size = byte_size(text)
    if not size:
        raise CommandFailedError(f"{text!r}: a trace keeps at least one byte", ExitCode.USAGE)
    return size


def bench_name(text: str, option: str = "--bench") -> str:
    """A name that a bench can have; `option` is what it was given with."""
    try:
        return check_name(text)
    except ValueError as error:
        raise CommandFailedError(f"{option} {error}", ExitCode.USAGE) from error


def utf8(text: str) -> bytes:
    """The bytes of a text that others are to be shown, too."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise CommandFailedError(f"{text!a} is not UTF-8", ExitCode.USAGE) from None


def settings(assignments: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` words by key."""
    found = {}
    for word in assignments:
        utf8(word)
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise CommandFailedError(f"--set {word}: write KEY=VALUE", ExitCode.USAGE)
        if key in found:
            raise CommandFailedError(f"--set {key}: given twice", ExitCode.USAGE)
        found[key] = value
    return found


def default_name() -> str:
    """The bench that VMEDIA_BENCH names, else the name that a bench has by default."""
    named = os.environ.get("VMEDIA_BENCH", "")
    return named if named and "/" not in named else "cam0"


def errno_word(text: str) -> str:
    """An error's name, from a name in any case or a number; an unknown one lists near names."""
    from vmedia_bench.wire.errno_names import errno_name, errno_number

    try:
        return errno_name(errno_number(text))
    except ValueError as error:
        raise CommandFailedError(f"--errno {error}", ExitCode.USAGE) from error
