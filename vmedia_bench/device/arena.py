"""The arena: the one block of memory that all MMAP buffers live in.

It is as large as shared-memory region 0, and an offset in it is at once the `mem_offset` that
QUERYBUF reports, the offset of an MMAP command and the `driver_addr` of its response.
"""

from bisect import bisect_left, insort
from collections.abc import Callable

PAGE = 4096


def page_rounded(length: int) -> int:
    """`length` bytes rounded up to whole pages."""
    return -(-length // PAGE) * PAGE


class Block:
    """One allocation: the memory of one plane of one MMAP buffer.

    `offset` is page-aligned; `length` is as asked for, not rounded; `view` spans exactly `length`
    bytes. A block lives while its queue or a mapping holds it.
    """

    __slots__ = ("length", "mappings", "offset", "owned", "view")

    def __init__(self, offset: int, length: int, view: memoryview) -> None:
        self.offset = offset
        self.length = length
        self.view = view
        self.owned = True
        self.mappings = 0


class Arena:
    """First-fit allocator over `memory`, page-granular, with holds by queue and by mapping.

    `discard(offset, length)` gives the pages of a freed block back, so that they read as zero when
    they are used again; `populate(offset, length)` touches the pages of a new one, so that the
    first frame is not slower than the others.
    """

    def __init__(
        self,
        memory: memoryview,
        *,
        discard: Callable[[int, int], None],
        populate: Callable[[int, int], None],
    ) -> None:
        if len(memory) % PAGE or len(memory) > 1 << 32:
            raise ValueError("the arena's size must be a multiple of 4096, at most 4 GiB")
        self.size = len(memory)
        self._memory = memory
        self._discard = discard
        self._populate = populate
        self._free: list[tuple[int, int]] = [(0, self.size)]
        self._blocks: dict[int, Block] = {}

    def allocate(self, length: int) -> Block:
        """A zeroed block of `length` bytes. MemoryError when no gap is wide enough."""
        need = page_rounded(max(length, 1))
        position = next((at for at, gap in enumerate(self._free) if gap[1] >= need), None)
        if position is None:
            raise MemoryError(f"no {need} free bytes in a row in the arena of {self.size}")
        start, size = self._free[position]
        if size == need:
            del self._free[position]
        else:
            self._free[position] = (start + need, size - need)
        block = Block(start, length, self._memory[start : start + length])
        self._blocks[start] = block
        self._populate(start, need)
        return block

    def release(self, block: Block) -> None:
        """The queue lets go of `block`; it is freed unless a mapping still holds it."""
        block.owned = False
        self._free_if_unheld(block)

    def map(self, block: Block) -> None:
        """One more mapping holds `block`."""
        block.mappings += 1

    def unmap(self, block: Block) -> None:
        """One mapping less holds `block`."""
        block.mappings -= 1
        self._free_if_unheld(block)

    def is_mapped(self, block: Block) -> bool:
        """Whether the driver holds a mapping of `block`."""
        return block.mappings > 0

    def block_at(self, offset: int) -> Block | None:
        """The live block that starts at `offset`, owned or only mapped."""
        return self._blocks.get(offset)

    def blocks(self) -> tuple[Block, ...]:
        """All live blocks, by offset."""
        return tuple(self._blocks[offset] for offset in sorted(self._blocks))

    def free_bytes(self) -> int:
        """Bytes in no block, in whole pages."""
        return sum(size for _, size in self._free)

    def _free_if_unheld(self, block: Block) -> None:
        if block.owned or block.mappings or self._blocks.get(block.offset) is not block:
            return
        del self._blocks[block.offset]
        size = page_rounded(max(block.length, 1))
        self._discard(block.offset, size)
        self._insert_gap(block.offset, size)

    def _insert_gap(self, start: int, size: int) -> None:
        position = bisect_left(self._free, (start, 0))
        if position < len(self._free) and self._free[position][0] == start + size:
            size += self._free.pop(position)[1]
        if position and sum(self._free[position - 1]) == start:
            start, before = self._free.pop(position - 1)
            size += before
        insort(self._free, (start, size))
