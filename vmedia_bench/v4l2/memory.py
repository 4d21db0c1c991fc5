"""Ports for the memory that buffers stand on; the device implements them."""

from typing import Protocol, TypeVar


class Allocation(Protocol):
    """
    One plane of one MMAP buffer, in the arena behind shared-memory region 0.

    `offset` is page-aligned and below 4 GiB: it is QUERYBUF's `mem_offset` and the place in
    region 0. `length` is in bytes as asked for, not rounded. `view` is writable and exactly
    `length` bytes long.
    """

    @property
    def offset(self) -> int:
        """Where it begins in region 0, in bytes."""
        ...

    @property
    def length(self) -> int:
        """How many bytes were asked for."""
        ...

    @property
    def view(self) -> memoryview:
        """The bytes themselves."""
        ...


A = TypeVar("A", bound=Allocation)


class BufferMemory(Protocol[A]):
    """Where MMAP buffers come from; each implementation takes back only its own allocations."""

    def allocate(self, length: int, /) -> A:
        """Give `length` zero-filled bytes; MemoryError when the arena is full."""
        ...

    def release(self, allocation: A, /) -> None:
        """Drop the queue's own reference; a live mapping keeps the memory until MUNMAP."""
        ...

    def is_mapped(self, allocation: A, /) -> bool:
        """Tell whether the guest maps it now (V4L2_BUF_FLAG_MAPPED)."""
        ...


class GuestBuffer(Protocol):
    """
    A USERPTR plane or a control's payload: an SG list that lies wholly in guest memory.

    `read` and `write` take an offset and length in bytes inside the buffer and raise
    V4l2Error(EFAULT) when the guest memory cannot be reached; never OSError or ValueError.
    """

    @property
    def length(self) -> int:
        """How many bytes the SG list covers."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Copy `length` bytes out."""
        ...

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` in."""
        ...
