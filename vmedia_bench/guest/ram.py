"""Guest memory: a memfd cut into regions, and an allocator that hands out parts of it."""

import fcntl
import mmap
import os
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from vmedia_bench.guest.errors import GuestError

PAGE = 4096
"""Bytes in a page of guest memory."""

# A user address that is no guest address catches a back-end that mixes the two up.
USER_BASE = 0x7F00_0000_0000

Span = tuple[int, int]
"""A run of guest memory: guest-physical address, length in bytes."""


@dataclass(frozen=True, slots=True)
class RamRegion:
    """One region as SET_MEM_TABLE describes it; addresses and sizes in bytes."""

    guest_address: int
    size: int
    user_address: int
    mmap_offset: int
    fd: int


class FreeList:
    """First-fit allocator over spans of addresses; freed neighbours grow together again."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._free: list[Span] = sorted(spans)

    @property
    def free_bytes(self) -> int:
        """Bytes not handed out."""
        return sum(length for _, length in self._free)

    def take(self, length: int, align: int) -> int:
        """Address of `length` free bytes, a multiple of `align`. Raises GuestError when full."""
        for index, (start, size) in enumerate(self._free):
            address = -(-start // align) * align
            if address + length > start + size:
                continue
            rest = []
            if address > start:
                rest.append((start, address - start))
            if address + length < start + size:
                rest.append((address + length, start + size - address - length))
            self._free[index : index + 1] = rest
            return address
        raise GuestError(f"guest memory is full: no room for {length} bytes, ask for more memory")

    def give(self, address: int, length: int) -> None:
        """Take back what `take` handed out. Raises ValueError if some of it is free already."""
        insort(self._free, (address, length))
        at = self._free.index((address, length))
        before = self._free[at - 1] if at else (0, 0)
        after = self._free[at + 1] if at + 1 < len(self._free) else None
        if sum(before) > address or (after is not None and after[0] < address + length):
            del self._free[at]
            raise ValueError(f"guest memory at {address:#x} is freed twice")
        if after is not None and after[0] == address + length:
            self._free[at : at + 2] = [(address, length + after[1])]
            length += after[1]
        if at and sum(before) == address:
            self._free[at - 1 : at + 1] = [(before[0], before[1] + length)]


class GuestRam:
    """
    The guest's RAM: `size` bytes of one memfd, shared with the back-end in `regions` parts.

    Several regions lie apart in guest-physical space, as a PC's memory does, and each begins
    elsewhere in the file. `user_base` is added to a guest address to make the user address of
    the memory table and of SET_VRING_ADDR. Page 0 is never handed out.
    """

    def __init__(
        self, size: int, *, seal: bool = True, regions: int = 1, user_base: int = USER_BASE
    ) -> None:
        if size <= 0 or regions <= 0 or size % (PAGE * regions):
            raise GuestError(f"guest memory of {size} bytes does not cut into {regions} regions")
        self.size = size
        self.user_base = user_base
        self.fd = os.memfd_create("guest-ram", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        if seal:
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self._map = mmap.mmap(self.fd, size)
        self.view = memoryview(self._map)
        part = size // regions
        # A hole as large as a region between two: an address there must be refused.
        self.regions = tuple(
            RamRegion(2 * part * i, part, user_base + 2 * part * i, part * i, self.fd)
            for i in range(regions)
        )
        first = [(PAGE, part - PAGE)] if part > PAGE else []
        self._free = FreeList(first + [(r.guest_address, r.size) for r in self.regions[1:]])
        self._taken: dict[int, int] = {}

    @property
    def free_bytes(self) -> int:
        """Bytes of guest memory not handed out."""
        return self._free.free_bytes

    @property
    def hole(self) -> int:
        """A guest-physical address just past the last region: nothing is there."""
        last = self.regions[-1]
        return last.guest_address + last.size

    def at(self, address: int, length: int) -> memoryview:
        """The writable bytes at a guest-physical address. Raises GuestError outside one region."""
        for region in self.regions:
            inside = address - region.guest_address
            if inside >= 0 and inside + length <= region.size:
                start = region.mmap_offset + inside
                return self.view[start : start + length]
        raise GuestError(f"no guest memory at {address:#x}, {length} bytes")

    def user_address(self, address: int) -> int:
        """The user address that belongs to a guest-physical one."""
        return self.user_base + address

    def allocate(self, length: int, align: int = 64) -> int:
        """Zeroed guest memory; returns its guest-physical address. Raises GuestError when full."""
        address = self._free.take(max(length, 1), align)
        self._taken[address] = max(length, 1)
        self.at(address, length)[:] = bytes(length)
        return address

    def allocate_pages(self, length: int) -> int:
        """As `allocate`, on page boundaries."""
        return self.allocate(-(-length // PAGE) * PAGE, PAGE)

    def allocate_scattered(self, length: int, parts: int) -> tuple[Span, ...]:
        """`length` bytes in up to `parts` page-aligned spans that do not touch each other."""
        pages = -(-length // PAGE)
        share = -(-pages // max(1, min(parts, pages))) * PAGE
        spans: list[Span] = []
        gaps: list[int] = []
        left = length
        while left > 0:
            take = min(share, left)
            spans.append((self.allocate_pages(take), take))
            left -= take
            if left:
                gaps.append(self.allocate_pages(PAGE))
        for gap in gaps:
            self.free(gap)
        return tuple(spans)

    def free(self, address: int) -> None:
        """Give back what an `allocate` returned. Raises ValueError for any other address."""
        length = self._taken.pop(address, None)
        if length is None:
            raise ValueError(f"guest memory at {address:#x} was not allocated")
        self._free.give(address, length)

    def close(self) -> None:
        """Close the file. Views that are still held stay valid."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
