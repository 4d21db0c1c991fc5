"""
Shared-memory regions: what a VMM does with SHMEM_MAP and SHMEM_UNMAP.

The checks are QEMU's (see the project's notes on peers): file offsets on page boundaries, a
length above zero, inside the region, no overlap, a file as large as the page-rounded mapping,
and an unmapping that names exactly one mapping.
"""

import mmap
import os
from dataclasses import dataclass

from vmedia_bench.guest.errors import BackendError, ShmemRefusalError

PAGE = mmap.PAGESIZE


@dataclass(frozen=True, slots=True)
class Mapping:
    """A file mapped into a region: `offset` and `length` in bytes, as the back-end gave them."""

    offset: int
    length: int
    writable: bool
    memory: memoryview

    @property
    def end(self) -> int:
        """One past its last byte."""
        return self.offset + self.length


class ShmemRegion:
    """One shared-memory region of the device, `size` bytes, and what is mapped into it now."""

    def __init__(self, shmid: int, size: int) -> None:
        self.shmid = shmid
        self.size = size
        self._mappings: dict[int, Mapping] = {}

    @property
    def mappings(self) -> tuple[Mapping, ...]:
        """What is mapped, by offset."""
        return tuple(self._mappings[offset] for offset in sorted(self._mappings))

    def map(self, fd: int, fd_offset: int, offset: int, length: int, *, writable: bool) -> None:
        """
        Map `length` bytes of `fd` at `offset`. The fd stays the caller's.

        Raises ShmemRefusalError when a VMM would refuse it.
        """
        rounded = -(-length // PAGE) * PAGE
        self._check_place(fd_offset, offset, length)
        size = os.fstat(fd).st_size
        if size < fd_offset + rounded:
            raise ShmemRefusalError(
                f"the file has {size} bytes, the mapping ends at {fd_offset + rounded}"
            )
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        try:
            memory = mmap.mmap(fd, rounded, mmap.MAP_SHARED, protection, offset=fd_offset)
        except OSError as error:
            raise ShmemRefusalError(f"the file cannot be mapped: {error.strerror}") from error
        self._mappings[offset] = Mapping(offset, length, writable, memoryview(memory))

    def _check_place(self, fd_offset: int, offset: int, length: int) -> None:
        if length == 0:
            raise ShmemRefusalError("the length is 0")
        if fd_offset % PAGE or offset % PAGE:
            raise ShmemRefusalError(
                f"file offset {fd_offset:#x} or region offset {offset:#x} is not page-aligned"
            )
        if offset + length > self.size:
            raise ShmemRefusalError(
                f"{offset:#x}+{length:#x} is beyond region {self.shmid} of {self.size:#x} bytes"
            )
        for other in self._mappings.values():
            if offset < other.end and other.offset < offset + length:
                raise ShmemRefusalError(
                    f"{offset:#x}+{length:#x} overlaps the mapping at {other.offset:#x}"
                )

    def unmap(self, offset: int, length: int) -> None:
        """
        Drop the mapping that is exactly that. Raises ShmemRefusalError if none is.

        Memory views of it stay valid for those who hold them.
        """
        mapping = self._mappings.get(offset)
        if mapping is None or mapping.length != length:
            raise ShmemRefusalError(f"nothing is mapped at exactly {offset:#x}+{length:#x}")
        del self._mappings[offset]

    def clear(self) -> None:
        """Forget all mappings, as at a device reset."""
        self._mappings.clear()

    def covers(self, offset: int, length: int) -> bool:
        """Whether all of these bytes are mapped, by one mapping."""
        return self._covering(offset, length) is not None

    def view(self, offset: int, length: int) -> memoryview:
        """The mapped bytes at an offset. Raises BackendError where not all of it is mapped."""
        mapping = self._covering(offset, length)
        if mapping is None:
            raise BackendError(
                f"back-end answered MMAP with {offset:#x}+{length:#x}, but mapped nothing there"
            )
        inside = offset - mapping.offset
        return mapping.memory[inside : inside + length]

    def _covering(self, offset: int, length: int) -> Mapping | None:
        for mapping in self._mappings.values():
            if mapping.offset <= offset and offset + length <= mapping.offset + len(mapping.memory):
                return mapping
        return None
