"""What the driver has mapped of the arena, and how the guest gets to see it."""

from collections.abc import Callable
from errno import EINVAL, ENOMEM
from functools import partial
from typing import Protocol

from vmedia_bench.device.arena import Arena, Block, page_rounded
from vmedia_bench.device.pending import Pending
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire import media

SHMEM_REGION = 0

Done = Callable[[bool], None]


class ShmemPort(Protocol):
    """The transport's part: shared-memory requests to the front-end, answered asynchronously."""

    def shmem_map(
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Done,
    ) -> None:
        """Map `length` bytes of `fd` into region `shmid`; all in bytes, page-aligned."""
        ...

    def shmem_unmap(self, shmid: int, shm_offset: int, length: int, done: Done) -> None:
        """Take a mapping away again."""
        ...


class InterceptedShmem:
    """A shared-memory port with somebody asked before each SHMEM_MAP."""

    def __init__(
        self, port: ShmemPort, ask: Callable[[Callable[[Done], None], Done], None]
    ) -> None:
        self._port = port
        self._ask = ask

    def shmem_map(
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Done,
    ) -> None:
        """Map, if who is asked goes on with it."""

        def proceed(answered: Done) -> None:
            self._port.shmem_map(shmid, fd, fd_offset, shm_offset, length, writable, answered)

        self._ask(proceed, done)

    def shmem_unmap(self, shmid: int, shm_offset: int, length: int, done: Done) -> None:
        """Unmap."""
        self._port.shmem_unmap(shmid, shm_offset, length, done)


class RegionMapper:
    """How blocks of the arena become visible in shared-memory region 0.

    The whole arena is mapped once, at the first MMAP after each start, and stays; or, `per_buffer`,
    each block on its own, for those who debug a VMM's SHMEM code.
    """

    def __init__(self, arena: Arena, fd: int, *, per_buffer: bool) -> None:
        self._arena = arena
        self._fd = fd
        self._per_buffer = per_buffer
        # Per extent that was asked for: who waits for the answer; None once it is visible.
        self._extents: dict[int, list[Done] | None] = {}

    def show(self, port: ShmemPort, block: Block, done: Done) -> None:
        """Make `block` visible; `done(False)` when the front-end refused."""
        offset, size = self._extent(block)
        if offset not in self._extents:
            self._extents[offset] = [done]
            answered = partial(self._answered, offset)
            port.shmem_map(SHMEM_REGION, self._fd, offset, offset, size, True, answered)
        elif (waiting := self._extents[offset]) is None:
            done(True)
        else:
            waiting.append(done)

    def shows(self, block: Block) -> bool:
        """Whether `block` is visible now; one that was asked for is not yet."""
        offset, _size = self._extent(block)
        return offset in self._extents and self._extents[offset] is None

    def hide(self, port: ShmemPort, block: Block, done: Done) -> None:
        """The last mapping of `block` is gone."""
        if not self._per_buffer:
            done(True)
            return
        offset, size = self._extent(block)
        self._extents.pop(offset, None)
        port.shmem_unmap(SHMEM_REGION, offset, size, done)

    def forget(self) -> None:
        """The front-end dropped all mappings (reset, disconnection)."""
        self._extents.clear()

    def _extent(self, block: Block) -> tuple[int, int]:
        if self._per_buffer:
            return block.offset, page_rounded(block.length)
        return 0, self._arena.size

    def _answered(self, offset: int, accepted: bool) -> None:
        waiting = self._extents.pop(offset, None)
        if waiting is None:
            return
        if accepted:
            self._extents[offset] = None
        for done in waiting:
            done(accepted)


class Mappings:
    """Executes MMAP and MUNMAP: a mapping keeps its block, whatever happens to the buffer."""

    def __init__(self, arena: Arena, mapper: RegionMapper) -> None:
        self._arena = arena
        self._mapper = mapper
        self._counts: dict[int, int] = {}

    def map(self, port: ShmemPort, block: Block) -> Pending:
        """One more mapping of `block`; the answer is a RESP_MMAP, or a header with ENOMEM."""
        self._arena.map(block)
        self._counts[block.offset] = self._counts.get(block.offset, 0) + 1
        answer = Pending()

        def shown(accepted: bool) -> None:
            if accepted:
                answer.settle(media.RESP_MMAP.pack(0, block.offset, block.length))
            else:
                self._drop(block)
                answer.settle(media.RESP_HEADER.pack(ENOMEM))

        self._mapper.show(port, block, shown)
        return answer

    def unmap(self, port: ShmemPort, address: int) -> Pending:
        """Undo one MMAP. V4l2Error(EINVAL) for an address where nothing is mapped."""
        block = self._arena.block_at(address)
        if block is None or address not in self._counts or not self._mapper.shows(block):
            raise V4l2Error(EINVAL, f"nothing is mapped at {address:#x}")
        answer = Pending()

        def hidden(_accepted: bool) -> None:
            self._drop(block)
            answer.settle(media.RESP_HEADER.pack(0))

        if self._counts[address] > 1:
            hidden(True)
        else:
            self._mapper.hide(port, block, hidden)
        return answer

    def forget(self) -> None:
        """All mappings are gone: the guest was reset, or the front-end left."""
        self._mapper.forget()
        for offset in list(self._counts):
            block = self._arena.block_at(offset)
            while block is not None and self._counts.get(offset):
                self._drop(block)

    def count(self) -> int:
        """How many MMAPs have not been undone."""
        return sum(self._counts.values())

    def _drop(self, block: Block) -> None:
        count = self._counts.get(block.offset, 0)
        if not count:
            return
        if count > 1:
            self._counts[block.offset] = count - 1
        else:
            del self._counts[block.offset]
        self._arena.unmap(block)
