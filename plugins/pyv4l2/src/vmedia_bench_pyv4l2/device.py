"""The camera itself: what pyv4l2 says and does, and the one thing it does not, its format."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, Protocol

# struct v4l2_format up to pix.colorspace (videodev2.h), and the request that fills it in.
_FORMAT = Struct("<I4xIIIIIII")
_FORMAT_SIZE = 208
_VIDIOC_G_FMT = 0xC0D05604
_VIDEO_CAPTURE = 1


class DeviceFormat(NamedTuple):
    """What a device is set to: pixels, a four-character code, bytes."""

    width: int
    height: int
    pixelformat: int
    field: int
    bytesperline: int
    sizeimage: int
    colorspace: int


class Stream(Protocol):
    """pyv4l2.frame.Frame: streams from when it is made until it is closed."""

    def get_frame(self) -> bytes:
        """Wait for a frame."""
        ...

    def close(self) -> None:
        """Stop."""
        ...


class Device(Protocol):
    """A camera, as far as this plugin needs one."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def format(self) -> DeviceFormat:
        """Give the format that it is set to."""
        ...

    def controls(self) -> Sequence[dict[str, Any]]:
        """List its controls as pyv4l2 does."""
        ...

    def set_control(self, cid: int, value: int) -> None:
        """Set one."""
        ...

    def open(self) -> Stream:
        """Begin to stream."""
        ...


class PackageDevice:
    """A device at a path, by the pyv4l2 package; OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        from pyv4l2.control import Control
        from pyv4l2.frame import Frame

        self._path = path
        self._frame = Frame
        self._format = format_of(path)
        self._control = Control(str(path))

    @property
    def name(self) -> str:
        """The name that the kernel has for it."""
        entry = Path("/sys/class/video4linux", self._path.resolve().name, "name")
        return entry.read_text().strip() if entry.exists() else self._path.name

    def format(self) -> DeviceFormat:
        """Give the format that it is set to."""
        return self._format

    def controls(self) -> Sequence[dict[str, Any]]:
        """List its controls; none where pyv4l2 meets a type that it does not know."""
        try:
            found: list[dict[str, Any]] = self._control.get_controls()
        except (KeyError, OSError):
            return ()
        return found

    def set_control(self, cid: int, value: int) -> None:
        """Set one."""
        self._control.set_control_value(cid, value)

    def open(self) -> Stream:
        """Begin to stream."""
        stream: Stream = self._frame(str(self._path))
        return stream


def format_of(path: Path) -> DeviceFormat:
    """Ask a capture device for its format; OSError with its path when it is none."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        answer = bytearray(_FORMAT_SIZE)
        _FORMAT.pack_into(answer, 0, _VIDEO_CAPTURE, 0, 0, 0, 0, 0, 0, 0)
        fcntl.ioctl(fd, _VIDIOC_G_FMT, answer)
    except OSError as error:
        raise OSError(error.errno, "not a single-planar capture device", str(path)) from error
    finally:
        os.close(fd)
    return DeviceFormat(*_FORMAT.unpack_from(answer)[1:])
