"""Just enough of coded streams to tell headers from pictures."""

from __future__ import annotations

import re
from typing import Final

_START_CODE: Final = re.compile(rb"\x00\x00\x01")
_H264_PICTURES: Final = range(1, 6)
_HEVC_PICTURES: Final = range(32)
_MPEG2_PICTURE: Final = 0


def holds_picture(code: str, data: bytes) -> bool:
    """Whether data that could not be decoded should have been a picture, and not only headers."""
    if code not in {"H264", "HEVC", "MPG2"}:
        return True
    for found in _START_CODE.finditer(data):
        at = found.end()
        if at >= len(data):
            return False
        first = data[at]
        if code == "H264" and first & 0x1F in _H264_PICTURES:
            return True
        if code == "HEVC" and first >> 1 & 0x3F in _HEVC_PICTURES:
            return True
        if code == "MPG2" and first == _MPEG2_PICTURE:
            return True
    return False
