"""Planes as a source meets them; that of a USERPTR buffer is the GuestBuffer itself."""

from errno import EFAULT

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Plane


class MappedPlane:
    """A plane in the arena; satisfies source.Plane. `view` is its memory, all of it."""

    __slots__ = ("length", "view")

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.length = len(view)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` to `offset`; V4l2Error(EFAULT) when it passes the end."""
        source = data.cast("B") if isinstance(data, memoryview) else data
        end = offset + len(source)
        if offset < 0 or end > self.length:
            raise V4l2Error(EFAULT, f"{len(source)} bytes at {offset} pass the end {self.length}")
        self.view[offset:end] = source

    def read(self, offset: int, length: int) -> memoryview:
        """Give a view of `length` bytes at `offset`; V4l2Error(EFAULT) when they pass the end."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise V4l2Error(EFAULT, f"{length} bytes at {offset} pass the end {self.length}")
        return self.view[offset : offset + length]


class PlaneTail:
    """What is behind an output plane's `data_offset`: the header in front is the guest's."""

    __slots__ = ("_plane", "_start", "length")

    def __init__(self, plane: Plane, start: int) -> None:
        self._plane = plane
        self._start = start
        self.length = plane.length - start

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` to `offset`; V4l2Error(EFAULT) when it passes the end."""
        self._plane.write(self._start + offset, data)

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """Give `length` bytes at `offset`; V4l2Error(EFAULT) when they pass the end."""
        return self._plane.read(self._start + offset, length)
