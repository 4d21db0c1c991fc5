"""The camera itself: frames and values by pyv4l2, the rest by `asking`."""

from collections.abc import Sequence
from errno import EBUSY, ENODEV
from pathlib import Path
from typing import Protocol

from vmedia_bench.plugin import V4l2Error

from vmedia_bench_pyv4l2.asking import DeviceControl, DeviceFormat, controls_of, format_of


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
        """Give the format that it is set to now; OSError when it is gone."""
        ...

    def controls(self) -> Sequence[DeviceControl]:
        """List its controls."""
        ...

    def get_control(self, cid: int) -> int:
        """Give the value of one."""
        ...

    def set_control(self, cid: int, value: int) -> None:
        """Set one."""
        ...

    def open(self) -> Stream:
        """Begin to stream; V4l2Error when it cannot."""
        ...


class PackageDevice:
    """A device at a path, by the pyv4l2 package; OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        from pyv4l2.control import Control
        from pyv4l2.frame import Frame

        self._path = path
        self._frame = Frame
        self._controls = controls_of(path)
        self._control = Control(str(path))

    @property
    def name(self) -> str:
        """The name that the kernel has for it."""
        entry = Path("/sys/class/video4linux", self._path.resolve().name, "name")
        return entry.read_text().strip() if entry.exists() else self._path.name

    def format(self) -> DeviceFormat:
        """Ask for the format that it is set to."""
        return format_of(self._path)

    def controls(self) -> Sequence[DeviceControl]:
        """List its controls."""
        return self._controls

    def get_control(self, cid: int) -> int:
        """Give the value of one."""
        value: int = self._control.get_control_value(cid)
        return value

    def set_control(self, cid: int, value: int) -> None:
        """Set one."""
        self._control.set_control_value(cid, value)

    def open(self) -> Stream:
        """Begin to stream; V4l2Error(EBUSY) when another program does, ENODEV when it is gone."""
        from pyv4l2.exceptions import CameraError

        try:
            stream: Stream = self._frame(str(self._path))
        except CameraError as error:
            # pyv4l2 does not say the errno.
            if self._path.exists():
                why = f"{self._path} does not stream ({error}): another program may have it"
                raise V4l2Error(EBUSY, why) from error
            raise V4l2Error(ENODEV, f"{self._path} is not there any more") from error
        return stream
