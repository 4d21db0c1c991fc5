"""What pyv4l2 cannot say of a camera: its format, and its controls by name (videodev2.h)."""

import fcntl
import os
from collections.abc import Iterator
from errno import ENOTTY
from pathlib import Path
from struct import Struct
from typing import Literal, NamedTuple

Kind = Literal["number", "switch", "menu"]

# struct v4l2_format up to pix.xfer_func, v4l2_queryctrl, v4l2_querymenu: requests and layouts.
_FORMAT = Struct("<I4xIIIIIIIIIIII")
_FORMAT_SIZE = 208
_VIDIOC_G_FMT = 0xC0D05604
_VIDEO_CAPTURE = 1
_QUERYCTRL = Struct("<II32siiiiI8x")
_VIDIOC_QUERYCTRL = 0xC0445624
_QUERYMENU = Struct("<II32s4x")
_VIDIOC_QUERYMENU = 0xC02C5625

_NEXT_CTRL = 0x8000_0000
_DISABLED, _WRITE_ONLY = 0x01, 0x40
_KINDS: dict[int, Kind] = {1: "number", 2: "switch", 3: "menu"}


class DeviceFormat(NamedTuple):
    """What a device is set to: pixels, a four-character code, bytes; the rest as V4L2 has it."""

    width: int
    height: int
    pixelformat: int
    field: int
    bytesperline: int
    sizeimage: int
    colorspace: int
    ycbcr_enc: int = 0
    quantization: int = 0
    xfer_func: int = 0


class DeviceControl(NamedTuple):
    """A control that has a value; `menu` has None for an index that is left out."""

    cid: int
    kind: Kind
    name: str
    minimum: int
    maximum: int
    step: int
    flags: int = 0
    menu: tuple[str | None, ...] = ()


def format_of(path: Path) -> DeviceFormat:
    """Ask a capture device for its format; OSError with its path when it is none."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        answer = bytearray(_FORMAT_SIZE)
        _FORMAT.pack_into(answer, 0, _VIDEO_CAPTURE, *(0,) * 12)
        fcntl.ioctl(fd, _VIDIOC_G_FMT, answer)
    except OSError as error:
        raise OSError(error.errno, "not a single-planar capture device", str(path)) from error
    finally:
        os.close(fd)
    fields = _FORMAT.unpack_from(answer)
    # Between the colorspace and the rest of the colorimetry are pix.priv and pix.flags.
    return DeviceFormat(*fields[1:8], *fields[10:])


def controls_of(path: Path) -> tuple[DeviceControl, ...]:
    """
    List the numbers, switches and menus of a device that can be read; OSError with its path.

    pyv4l2's own list ends with `KeyError: 6` at the first heading of a group of controls, which
    every driver on the kernel's control framework has.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return tuple(_controls(fd))
    finally:
        os.close(fd)


def _controls(fd: int) -> Iterator[DeviceControl]:
    cid = 0
    while True:
        answer = bytearray(_QUERYCTRL.size)
        _QUERYCTRL.pack_into(answer, 0, cid | _NEXT_CTRL, 0, b"", 0, 0, 0, 0, 0)
        try:
            fcntl.ioctl(fd, _VIDIOC_QUERYCTRL, answer)
        except OSError:  # EINVAL behind the last one, ENOTTY where there is none
            return
        cid, number, name, low, high, step, _default, flags = _QUERYCTRL.unpack(answer)
        kind = _KINDS.get(number)
        if kind is not None and not flags & (_DISABLED | _WRITE_ONLY):
            menu = _menu(fd, cid, high) if kind == "menu" else ()
            yield DeviceControl(cid, kind, _text(name), low, high, step, flags, menu)


def _menu(fd: int, cid: int, maximum: int) -> tuple[str | None, ...]:
    items: list[str | None] = []
    for index in range(maximum + 1):
        answer = bytearray(_QUERYMENU.pack(cid, index, b""))
        try:
            fcntl.ioctl(fd, _VIDIOC_QUERYMENU, answer)
        except OSError as error:
            if error.errno == ENOTTY:
                raise
            items.append(None)
        else:
            items.append(_text(_QUERYMENU.unpack(answer)[2]))
    return tuple(items)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(errors="replace")[:31]
