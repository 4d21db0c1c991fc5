"""The backend `v4l2`: a device that was found, and the node over it."""

from pathlib import Path

from vmedia_bench.backends.host.discovery import find, is_path
from vmedia_bench.backends.host.kernel import Kernel, LinuxKernel
from vmedia_bench.backends.host.node import HostNode
from vmedia_bench.backends.host.options import HostOptions
from vmedia_bench.backends.host.place import Place
from vmedia_bench.v4l2.ports import Node, NodePorts


class HostDeviceMaker:
    """
    Satisfies NodeMaker. Making it opens devices, which may take seconds with a bad driver.

    OSError with one line for a device that cannot be used, ValueError for a name that fits none.
    """

    def __init__(self, options: HostOptions, kernel: Kernel | None = None) -> None:
        self.options = options
        self._kernel = kernel or LinuxKernel()
        self.found = find(options.device, kernel=self._kernel)

    def make_node(self, ports: NodePorts) -> Node:
        """Build the node; the device is opened by the guest's sessions."""
        name = self.options.device
        fixed = is_path(name) or name == Path(self.found.path).name
        place = Place(self.found, self._kernel, fixed=fixed)
        return HostNode(self.found, place, self._kernel, ports, zero_copy=self.options.zero_copy)
