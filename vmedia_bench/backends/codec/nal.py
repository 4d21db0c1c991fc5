"""Just enough of coded streams to tell headers from pictures, and one picture from the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_START_CODE: Final = re.compile(rb"\x00\x00\x01")
_H264_PICTURES: Final = range(1, 6)
_H264_PREFIXES: Final = frozenset((6, 7, 8, 9, 14, 15))
_HEVC_PICTURES: Final = range(32)
_HEVC_PREFIXES: Final = frozenset((32, 33, 34, 35, 39))
# Each line of macroblocks is a slice with a start code of its own: those are passed over.
_MPEG2_START_CODE: Final = re.compile(rb"\x00\x00\x01(?=[\x00\xb3\xb8])")
_MPEG2_PICTURE: Final = 0x00
_MPEG2_PREFIXES: Final = frozenset((0xB3, 0xB8))


class Unit(NamedTuple):
    """One NAL unit or start code: `at` is where it begins; `first` that a picture does."""

    at: int
    picture: bool
    first: bool
    prefix: bool


def holds_picture(code: str, data: bytes) -> bool:
    """Whether data that could not be decoded should have been a picture, and not only headers."""
    if code not in _READERS:
        return True
    return any(unit.picture for unit in _units(code, data))


def access_units(code: str, data: bytes) -> list[bytes]:
    """Take a buffer apart that holds more than one picture; most hold one."""
    if code not in _READERS:
        return [data]
    cuts = []
    seen = False
    for unit in _units(code, data):
        if seen and (unit.first or unit.prefix):
            cuts.append(unit.at)
            seen = False
        seen |= unit.picture
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _units(code: str, data: bytes) -> list[Unit]:
    start_code, read = _READERS[code]
    found = []
    for match in start_code.finditer(data):
        at = match.start()
        head = data[at + 3 : at + 6]
        if len(head) == 3:
            # The zero before belongs to a start code of four bytes.
            begin = at - 1 if at and not data[at - 1] else at
            found.append(read(begin, head))
    return found


def _h264(at: int, head: bytes) -> Unit:
    kind = head[0] & 0x1F
    picture = kind in _H264_PICTURES
    # first_mb_in_slice is 0, which its code says in one bit.
    return Unit(at, picture, picture and bool(head[1] & 0x80), kind in _H264_PREFIXES)


def _hevc(at: int, head: bytes) -> Unit:
    kind = head[0] >> 1 & 0x3F
    picture = kind in _HEVC_PICTURES
    return Unit(at, picture, picture and bool(head[2] & 0x80), kind in _HEVC_PREFIXES)


def _mpeg2(at: int, head: bytes) -> Unit:
    picture = head[0] == _MPEG2_PICTURE
    return Unit(at, picture, picture, head[0] in _MPEG2_PREFIXES)


_READERS: Final[dict[str, tuple[re.Pattern[bytes], Callable[[int, bytes], Unit]]]] = {
    "H264": (_START_CODE, _h264),
    "HEVC": (_START_CODE, _hevc),
    "MPG2": (_MPEG2_START_CODE, _mpeg2),
}
