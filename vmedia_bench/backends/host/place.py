"""Where a device is, each time a session opens it."""

import logging
from errno import ENODEV, ENOENT, ENXIO
from pathlib import Path

from vmedia_bench.backends.host.discovery import DEV, HostDevice, describe, devices
from vmedia_bench.backends.host.kernel import Kernel

log = logging.getLogger(__name__)

_GONE = {ENOENT, ENODEV, ENXIO}


class Place:
    """
    A device that `found` describes; `path` is where it was last.

    One that is not `fixed` to its path is looked for where it is not there any more, as a camera
    that was unplugged mostly comes back with another number: by card and capabilities, and by bus
    where several have those.
    """

    def __init__(
        self, found: HostDevice, kernel: Kernel, *, fixed: bool = True, folder: Path = DEV
    ) -> None:
        self.path = found.path
        self._found = found
        self._kernel = kernel
        self._fixed = fixed
        self._folder = folder

    def open(self) -> int:
        """Open it, which may take long. OSError: ENODEV when it is not there, or nowhere."""
        fd = self._open_if_there()
        if fd is not None:
            return fd
        if self._fixed:
            raise OSError(ENODEV, f"{self.path} is not there")
        path = self._look_around()
        fd = self._kernel.open(path)
        log.info("%s is at %s now", self._found.card, path)
        self.path = path
        return fd

    def _open_if_there(self) -> int | None:
        try:
            fd = self._kernel.open(self.path)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise
        if self._fixed or self._is_it(describe(fd, self.path, self._kernel)):
            return fd
        self._kernel.close(fd)
        return None

    def _look_around(self) -> str:
        there = [device for device in devices(self._folder, self._kernel) if self._is_it(device)]
        same = [device for device in there if device.bus == self._found.bus] or there
        if len(same) != 1:
            raise OSError(ENODEV, f"{self._found.card} is {len(same)} devices now")
        return same[0].path

    def _is_it(self, other: HostDevice) -> bool:
        mine = self._found
        return (other.card, other.capabilities) == (mine.card, mine.capabilities)
