"""SHARED_PAGES memory: what a list of virtio_media_sg_entry stands for."""

from collections.abc import Sequence
from errno import EFAULT, EINVAL
from typing import Protocol

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.media import SG_ENTRY


class GuestMemory(Protocol):
    """Guest-physical memory, as the transport offers it.

    `read` and `write` raise an OSError where the address is outside every region.
    """

    def contains(self, gpa: int, length: int) -> bool:
        """Whether all `length` bytes from `gpa` lie in one region."""
        ...

    def read(self, gpa: int, length: int) -> bytes:
        """`length` bytes from guest-physical address `gpa`."""
        ...

    def write(self, gpa: int, data: bytes | bytearray | memoryview) -> None:
        """Store `data` at guest-physical address `gpa`."""
        ...


class GuestBuffer:
    """`length` bytes of guest memory scattered over `segments` of (address, length).

    Addresses are translated at each access, so that a memory table replaced meanwhile is obeyed.
    """

    __slots__ = ("_memory", "_segments", "length")

    def __init__(self, memory: GuestMemory, segments: Sequence[tuple[int, int]]) -> None:
        self._memory = memory
        self._segments = segments
        self.length = sum(length for _, length in segments)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`. V4l2Error(EFAULT) when the memory is gone."""
        try:
            return b"".join(
                self._memory.read(gpa, size) for gpa, size in self._pieces(offset, length)
            )
        except OSError as error:
            raise V4l2Error(EFAULT, f"SHARED_PAGES memory cannot be read: {error}") from error

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Store `data` at `offset`. V4l2Error(EFAULT) when the memory is gone."""
        source = memoryview(data).cast("B")
        done = 0
        try:
            for gpa, size in self._pieces(offset, len(source)):
                self._memory.write(gpa, source[done : done + size])
                done += size
        except OSError as error:
            raise V4l2Error(EFAULT, f"SHARED_PAGES memory cannot be written: {error}") from error

    def _pieces(self, offset: int, length: int) -> list[tuple[int, int]]:
        if offset < 0 or offset + length > self.length:
            raise V4l2Error(EFAULT, f"{length} bytes at {offset} pass the buffer's end")
        pieces = []
        for gpa, size in self._segments:
            if offset >= size:
                offset -= size
                continue
            if not length:
                break
            taken = min(size - offset, length)
            pieces.append((gpa + offset, taken))
            length -= taken
            offset = 0
        return pieces


class SgReader:
    """Takes SG lists, one after the other, from the tail of a command."""

    def __init__(self, memory: GuestMemory, data: bytes | bytearray | memoryview) -> None:
        self._memory = memory
        self._data = data
        self._at = 0

    def take(self, length: int) -> GuestBuffer:
        """The next list, read as far as it takes to cover `length` bytes.

        V4l2Error: EINVAL when the list ends early or holds an empty entry, EFAULT when an entry
        lies outside guest memory.
        """
        segments: list[tuple[int, int]] = []
        covered = 0
        while covered < length:
            if self._at + SG_ENTRY.size > len(self._data):
                raise V4l2Error(EINVAL, f"the SG list covers {covered} of {length} bytes")
            start, size = SG_ENTRY.unpack_from(self._data, self._at)
            self._at += SG_ENTRY.size
            size = min(size, length - covered)
            if not size:
                raise V4l2Error(EINVAL, "an SG entry of length 0")
            if not self._memory.contains(start, size):
                raise V4l2Error(EFAULT, f"SG entry {start:#x}+{size:#x} is outside guest memory")
            covered += size
            if segments and sum(segments[-1]) == start:
                joined = (segments[-1][0], segments[-1][1] + size)
                if self._memory.contains(*joined):
                    segments[-1] = joined
                    continue
            segments.append((start, size))
        return GuestBuffer(self._memory, segments)
