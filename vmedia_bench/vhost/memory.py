"""Guest memory as a front-end shares it: a table of file-backed regions, every access checked."""

import fcntl
import mmap
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias, cast

from vmedia_bench.vhost.errors import GuestAddressError, GuestMemoryLostError, MemoryTableError

_ADDRESS_END = 1 << 64


@dataclass(frozen=True, slots=True)
class RegionSpec:
    """One region as SET_MEM_TABLE or ADD_MEM_REG describes it; addresses and sizes in bytes."""

    gpa: int
    size: int
    user_address: int
    file_offset: int


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """A region in use; ``mapped`` is False where its file could still shrink."""

    gpa: int
    size: int
    user_address: int
    file_offset: int
    mapped: bool


class _Region:
    """A region and the way to its bytes: a mapping, or a file descriptor of our own."""

    __slots__ = ("_fd", "_mapping", "spec", "view")

    def __init__(self, spec: RegionSpec, fd: int) -> None:
        self.spec = spec
        self._fd = -1
        self._mapping: mmap.mmap | None = None
        self.view: memoryview | None = None
        try:
            self._open(fd)
        except (OSError, ValueError, OverflowError) as problem:
            raise MemoryTableError(f"region at {spec.gpa:#x}: {problem}") from problem

    def _open(self, fd: int) -> None:
        spec = self.spec
        sealed = _cannot_shrink(fd)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("its file descriptor is not a file's")
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDWR:
            raise ValueError("its file is not open for reading and writing")
        if spec.file_offset + spec.size > status.st_size:
            raise ValueError("it ends beyond its file")
        if not sealed:
            self._fd = os.dup(fd)
            return
        # Huge pages: both ends of a mapping must lie on a page of the file's own kind.
        page = max(mmap.ALLOCATIONGRANULARITY, status.st_blksize)
        start = spec.file_offset - spec.file_offset % page
        skip = spec.file_offset - start
        length = min(-(-(skip + spec.size) // page) * page, status.st_size - start)
        self._mapping = mmap.mmap(fd, length, offset=start)
        self.view = memoryview(self._mapping)[skip : skip + spec.size]

    def read(self, at: int, length: int) -> bytes:
        """``length`` bytes from the file; raises GuestMemoryLostError where it ends early."""
        offset = self.spec.file_offset + at
        parts: list[bytes] = []
        while length:
            try:
                part = os.pread(self._fd, length, offset)
            except OSError as problem:
                raise GuestMemoryLostError(f"reading guest memory: {problem}") from problem
            if not part:
                raise GuestMemoryLostError(f"the file of the region at {self.spec.gpa:#x} shrank")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Write into the file; raises GuestMemoryLostError where it ends early."""
        offset = self.spec.file_offset + at
        # pwrite would silently make a truncated file longer again.
        if os.fstat(self._fd).st_size < offset + len(data):
            raise GuestMemoryLostError(f"the file of the region at {self.spec.gpa:#x} shrank")
        rest = memoryview(data)
        while rest:
            try:
                count = os.pwrite(self._fd, rest, offset)
            except OSError as problem:
                raise GuestMemoryLostError(f"writing guest memory: {problem}") from problem
            offset += count
            rest = rest[count:]

    def close(self) -> None:
        """Give the mapping and the file descriptor back; views still held keep the mapping."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.view is not None and self._mapping is not None:
            with suppress(BufferError):
                self.view.release()
                self._mapping.close()
        self.view = None
        self._mapping = None


def _cannot_shrink(fd: int) -> bool:
    """Whether the file is sealed against shrinking, so that a mapping of it cannot fault."""
    try:
        return bool(fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK)
    except OSError:
        return False


Entry: TypeAlias = tuple[int, int, memoryview | None, _Region]
"""First guest address of a region, the address behind it, its view if it is mapped."""
# Holds no address at all, so that the table always has a first entry.
_NOWHERE: Entry = (1, 0, None, cast("_Region", None))


class GuestMemory:
    """
    The guest's memory: read, written and viewed by guest physical address.

    A sealed memfd is mapped; any other file is read and written by system calls, because a
    mapping whose file is truncated kills the process. ``lost`` says why, once a file has shrunk.
    Single-threaded, as the event loop owns it.
    """

    def __init__(self) -> None:
        self._regions: list[_Region] = []
        # The region used last stands first, where the ring looks before it calls ``find``.
        self.table: list[Entry] = [_NOWHERE]
        self.lost = ""

    @property
    def regions(self) -> tuple[RegionStatus, ...]:
        """The regions in use, in the order in which they came."""
        return tuple(
            RegionStatus(s.gpa, s.size, s.user_address, s.file_offset, region.view is not None)
            for region in self._regions
            for s in (region.spec,)
        )

    def replace(self, specs: Sequence[RegionSpec], fds: Sequence[int]) -> None:
        """
        Take a whole new table (SET_MEM_TABLE); the caller keeps and closes ``fds``.

        Raises MemoryTableError and leaves the table in use when any region is bad.
        """
        added: list[_Region] = []
        try:
            for spec, fd in zip(specs, fds, strict=True):
                _check(spec, [region.spec for region in added])
                added.append(_Region(spec, fd))
        except BaseException:
            for region in added:
                region.close()
            raise
        self._adopt(added)

    def add(self, spec: RegionSpec, fd: int) -> None:
        """Add one region (ADD_MEM_REG); raises MemoryTableError. The caller closes ``fd``."""
        _check(spec, [region.spec for region in self._regions])
        self._adopt([*self._regions, _Region(spec, fd)])

    def remove(self, spec: RegionSpec) -> None:
        """Drop the region with these addresses and size (REM_MEM_REG), or MemoryTableError."""
        wanted = (spec.gpa, spec.size, spec.user_address)
        kept = [
            r for r in self._regions if (r.spec.gpa, r.spec.size, r.spec.user_address) != wanted
        ]
        if len(kept) == len(self._regions):
            raise MemoryTableError(f"no region of {spec.size:#x} bytes at {spec.gpa:#x} to remove")
        self._adopt(kept)

    def close(self) -> None:
        """Drop every region."""
        self._adopt([])

    def _adopt(self, regions: list[_Region]) -> None:
        dropped = [region for region in self._regions if region not in regions]
        self._regions = regions
        self.table = [(r.spec.gpa, r.spec.gpa + r.spec.size, r.view, r) for r in regions]
        if not regions:
            self.table = [_NOWHERE]
        for region in dropped:
            region.close()

    def find(self, gpa: int, length: int) -> Entry:
        """The table's entry for a range, moved to its front; raises GuestAddressError."""
        table = self.table
        for place, entry in enumerate(table):
            if entry[0] <= gpa and gpa + length <= entry[1] and length >= 0:
                if place:
                    table.insert(0, table.pop(place))
                return entry
        raise GuestAddressError(f"{length} bytes at {gpa:#x} are not in guest memory")

    def read(self, gpa: int, length: int) -> bytes:
        """A copy of ``length`` bytes at ``gpa``; raises GuestAddressError."""
        start, _end, view, region = self.find(gpa, length)
        at = gpa - start
        if view is not None:
            return view[at : at + length].tobytes()
        try:
            return region.read(at, length)
        except GuestMemoryLostError as problem:
            self.lost = str(problem)
            raise

    def write(self, gpa: int, data: bytes | bytearray | memoryview) -> None:
        """Write ``data`` (contiguous bytes) at ``gpa``; raises GuestAddressError."""
        start, _end, view, region = self.find(gpa, len(data))
        at = gpa - start
        if view is not None:
            view[at : at + len(data)] = data
            return
        try:
            region.write(at, data)
        except GuestMemoryLostError as problem:
            self.lost = str(problem)
            raise

    def views(self, gpa: int, length: int) -> memoryview | None:
        """
        A writable view where the range is mapped, None where it has to be read and written.

        Raises GuestAddressError outside of every region. Not to be kept across a turn of the
        event loop: the table may be replaced, and a view that lives keeps the old mapping.
        """
        start, _end, view, _region = self.find(gpa, length)
        return None if view is None else view[gpa - start : gpa - start + length]

    def contains(self, gpa: int, length: int) -> bool:
        """Whether the range lies within one region."""
        try:
            self.find(gpa, length)
        except GuestAddressError:
            return False
        return True

    def to_guest(self, user_address: int, length: int) -> int:
        """Guest physical address of a range given in front-end addresses, or GuestAddressError."""
        for region in self._regions:
            at = user_address - region.spec.user_address
            if at >= 0 and at + length <= region.spec.size:
                return region.spec.gpa + at
        raise GuestAddressError(
            f"{length} bytes at front-end address {user_address:#x} are not in guest memory"
        )


def _check(spec: RegionSpec, others: Sequence[RegionSpec]) -> None:
    """Refuse a region that is empty, wraps, or overlaps another in guest addresses."""
    if spec.size == 0:
        raise MemoryTableError(f"region at {spec.gpa:#x} has size 0")
    for start in (spec.gpa, spec.user_address, spec.file_offset):
        if start + spec.size > _ADDRESS_END:
            raise MemoryTableError(f"region at {spec.gpa:#x} wraps the address space")
    for other in others:
        if spec.gpa < other.gpa + other.size and other.gpa < spec.gpa + spec.size:
            raise MemoryTableError(f"region at {spec.gpa:#x} overlaps the one at {other.gpa:#x}")
