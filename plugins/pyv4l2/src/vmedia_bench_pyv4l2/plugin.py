"""What the entry point names: options, and whether the package and a camera are there."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from vmedia_bench.plugin import Description, Plugin

from vmedia_bench_pyv4l2.camera import Pyv4l2Camera
from vmedia_bench_pyv4l2.device import PackageDevice

HOW_TO_INSTALL = (
    "its release 1.0.2 does not compile on Python 3.11 or newer, its git source does with "
    "Cython before 3; see this plugin's README"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """Which camera."""

    device: Path = field(default=Path("/dev/video0"), metadata={"help": "The camera's device."})


class Pyv4l2Plugin(Plugin):
    """A camera read with pyv4l2, as a backend."""

    api_version = 1

    def describe(self) -> Description:
        """Say what it is."""
        return Description("A camera of this system, read with pyv4l2.", options=CameraOptions)

    def unusable(self) -> str:
        """Look for the package, its compiled half and a device."""
        if find_spec("pyv4l2") is None:
            return f"pyv4l2 is not installed: {HOW_TO_INSTALL}"
        if find_spec("pyv4l2.frame") is None:
            return f"pyv4l2 is installed without its compiled modules: {HOW_TO_INSTALL}"
        if not any(Path("/dev").glob("video*")):
            return "there is no /dev/video*: plug a camera in, or modprobe vivid for a virtual one"
        return ""

    def open(self, options: CameraOptions) -> Pyv4l2Camera:
        """Look at the camera's format and controls; OSError when it cannot be opened."""
        return Pyv4l2Camera(PackageDevice(options.device))
