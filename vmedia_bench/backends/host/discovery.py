"""Which video devices this system has, and finding one of them by what it is called."""

import os
import re
from dataclasses import dataclass, replace
from errno import EACCES, EBUSY, EINVAL, EISDIR, ENODEV, ENOENT, ENOTDIR, ENOTTY, ENXIO, EPERM
from pathlib import Path
from typing import Final

from vmedia_bench.backends.host.kernel import Kernel, LinuxKernel
from vmedia_bench.wire.ioctls import VIDIOC_QUERYCAP
from vmedia_bench.wire.structs import CAPABILITY
from vmedia_bench.wire.v4l2 import Cap

DEV: Final = Path("/dev")
NOTHING_HERE: Final = "no /dev/video* here: load vivid (modprobe vivid) or plug in a camera"

_VIDEO: Final = int(
    Cap.VIDEO_CAPTURE
    | Cap.VIDEO_CAPTURE_MPLANE
    | Cap.VIDEO_OUTPUT
    | Cap.VIDEO_OUTPUT_MPLANE
    | Cap.VIDEO_M2M
    | Cap.VIDEO_M2M_MPLANE
)
_STREAMING: Final = int(Cap.STREAMING)
_HAS_DEVICE_CAPS: Final = int(Cap.DEVICE_CAPS)


@dataclass(frozen=True, slots=True)
class HostDevice:
    """
    A device as VIDIOC_QUERYCAP describes it; `capabilities` are its device_caps.

    `problem` is one line that says why it cannot be used; then the other fields may be empty.
    """

    path: str
    card: str = ""
    driver: str = ""
    bus: str = ""
    capabilities: int = 0
    problem: str = ""

    @property
    def streams_video(self) -> bool:
        """Whether it has a video queue that a guest can stream on."""
        return bool(self.capabilities & _VIDEO and self.capabilities & _STREAMING)

    @property
    def kind(self) -> str:
        """What it is for, in words: capture, output, m2m or other."""
        caps = self.capabilities
        if caps & (Cap.VIDEO_M2M | Cap.VIDEO_M2M_MPLANE):
            return "m2m"
        if caps & (Cap.VIDEO_CAPTURE | Cap.VIDEO_CAPTURE_MPLANE):
            return "capture"
        return "output" if caps & (Cap.VIDEO_OUTPUT | Cap.VIDEO_OUTPUT_MPLANE) else "other"


def device_paths(folder: Path = DEV) -> list[str]:
    """The paths of the video devices, by number."""
    found = []
    for path in folder.glob("video*"):
        number = re.fullmatch(r"video(\d+)", path.name)
        if number:
            found.append((int(number[1]), str(path)))
    return [path for _, path in sorted(found)]


def devices(folder: Path = DEV, kernel: Kernel | None = None) -> tuple[HostDevice, ...]:
    """All video devices of this system, those that cannot be used too; opens each of them."""
    return tuple(examine(path, kernel) for path in device_paths(folder))


def examine(path: str, kernel: Kernel | None = None) -> HostDevice:
    """Describe one device; never raises, `problem` says what is wrong with it."""
    kernel = kernel or LinuxKernel()
    try:
        fd = kernel.open(path)
    except OSError as error:
        return HostDevice(path, problem=open_problem(path, error))
    try:
        return describe(fd, path, kernel)
    finally:
        kernel.close(fd)


def describe(fd: int, path: str, kernel: Kernel) -> HostDevice:
    """Describe an open device; never raises, `problem` says what is wrong with it."""
    arg = bytearray(CAPABILITY.size)
    try:
        kernel.ioctl(fd, VIDIOC_QUERYCAP, arg)
    except OSError as error:
        return HostDevice(path, problem=open_problem(path, error))
    driver, card, bus, _, capabilities, device_caps = CAPABILITY.unpack(arg)
    if capabilities & _HAS_DEVICE_CAPS:
        capabilities = device_caps
    found = HostDevice(path, _text(card), _text(driver), _text(bus), capabilities)
    if not found.streams_video:
        problem = f"{path} ({found.card}) has no video queue that streams"
        return replace(found, problem=problem)
    return found


def open_problem(path: str, error: OSError) -> str:
    """One line about a device that cannot be opened: what happened, and what to do."""
    if error.errno in {ENOENT, ENXIO, ENODEV}:
        return f"{path}: there is no such device: `vmedia-bench backend show v4l2` lists all"
    if error.errno in {ENOTTY, EINVAL, EISDIR, ENOTDIR}:
        return f"{path} is not a V4L2 device"
    if error.errno in {EACCES, EPERM}:
        return f"{path}: permission denied: join the group that owns it{_group_of(path)}"
    if error.errno == EBUSY:
        return f"{path} is busy: another program has it"
    return f"{path} cannot be opened: {os.strerror(error.errno or 0)}"


def find(name: str, folder: Path = DEV, kernel: Kernel | None = None) -> HostDevice:
    """
    The device with this path, card name or bus; for an empty name the first that streams video.

    A part of a card name or bus will do if it fits one device. One line each: OSError for a
    device that cannot be used, or none at all; ValueError for a name that fits none or several.
    """
    if is_path(name):
        return _usable(examine(name, kernel))
    if re.fullmatch(r"video\d+", name):
        return _usable(examine(str(folder / name), kernel))
    known = devices(folder, kernel)
    if not known:
        raise OSError(NOTHING_HERE)
    usable = [device for device in known if not device.problem]
    if not name:
        if not usable:
            raise OSError("; ".join(device.problem for device in known))
        return usable[0]
    fitting = _fitting(name.lower(), usable)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(f"device {name}: several have that name: {_listed(fitting)}: name a path")
    raise ValueError(f"device {name}: none has that name; there is {_listed(usable) or 'none'}")


def is_path(name: str) -> bool:
    """Tell whether an operator names a path."""
    return name.startswith(("/", "."))


def unusable(folder: Path = DEV) -> str:
    """Why no device can be passed through here, "" when one may; opens nothing."""
    paths = device_paths(folder)
    if not paths:
        return NOTHING_HERE
    if not any(os.access(path, os.R_OK | os.W_OK) for path in paths):
        return open_problem(paths[0], PermissionError(EACCES, ""))
    return ""


def _usable(device: HostDevice) -> HostDevice:
    if device.problem:
        raise OSError(device.problem)
    return device


def _group_of(path: str) -> str:
    try:
        return f", {Path(path).group()}"
    except (OSError, KeyError):
        return " (mostly video)"


def _fitting(name: str, known: list[HostDevice]) -> list[HostDevice]:
    exact = [device for device in known if name in {device.card.lower(), device.bus.lower()}]
    return exact or [
        device for device in known if name in device.card.lower() or name in device.bus.lower()
    ]


def _listed(known: list[HostDevice]) -> str:
    return ", ".join(f"{device.path} ({device.card}, {device.bus})" for device in known)


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
