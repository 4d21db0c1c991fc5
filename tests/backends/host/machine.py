"""A system with several devices, played by one fake driver."""

from errno import ENOENT
from pathlib import Path

from tests.backends.host.driver import FakeKernel
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import Cap


class Machine(FakeKernel):
    """Has devices by path: (card, bus, device_caps), or an errno for open()."""

    def __init__(self, known: dict[str, tuple[str, str, int] | int]) -> None:
        super().__init__()
        self.known = known
        self.path = ""

    def open(self, path: str) -> int:
        self.path = Path(path).name
        found = self.known.get(self.path, ENOENT)
        if isinstance(found, int):
            self.open_error = found
        try:
            return super().open(path)
        finally:
            self.open_error = 0

    def _querycap(self, _file: object, arg: bytearray) -> None:
        found = self.known[self.path]
        assert not isinstance(found, int)
        card, bus, caps = found
        arg[:] = structs.CAPABILITY.pack(
            b"drv", card.encode(), bus.encode(), 1, int(Cap.DEVICE_CAPS), caps
        )
