"""
The buffer-queue state machine: what videobuf2 is to a V4L2 driver.

A buffer's life is the table `buffer.TRANSITIONS`. The queue's own rules are these (source: the
V4L2 UAPI documentation, "Streaming I/O", and the kernel's videobuf2 for each errno):

| operation      | no buffers      | buffers, idle               | streaming                   |
| -------------- | --------------- | --------------------------- | --------------------------- |
| REQBUFS(n > 0) | allocate        | free all, allocate          | EBUSY                       |
| REQBUFS(0)     | nothing         | free all                    | EBUSY                       |
| CREATE_BUFS    | allocate        | add; EINVAL: other memory   | add; ENOBUFS at the maximum |
| REMOVE_BUFS    | EINVAL          | free; EBUSY when one is ours| the same                    |
| QBUF           | EINVAL          | queue                       | queue, start when enough    |
| STREAMON       | EINVAL          | start when enough are queued| nothing                     |
| STREAMOFF      | nothing         | cancel all                  | stop, cancel all            |

Whatever changes the queue is EBUSY to every session but its owner.
"""

from collections import deque
from collections.abc import Callable, Sequence
from errno import EBUSY, EINVAL, EIO, ENOBUFS, ENOMEM
from typing import Any

from vmedia_bench.v4l2.buffer import TRANSITIONS, Buffer, BufferPlane, BufferState, Step
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.memory import BufferMemory
from vmedia_bench.v4l2.source import Format
from vmedia_bench.wire.v4l2 import (
    VIDEO_MAX_FRAME,
    BufCap,
    BufFlag,
    Memory,
    is_multiplanar,
    is_output,
)

MMAP = int(Memory.MMAP)
USERPTR = int(Memory.USERPTR)

CAPABILITIES = int(
    BufCap.SUPPORTS_MMAP
    | BufCap.SUPPORTS_USERPTR
    | BufCap.SUPPORTS_ORPHANED_BUFS
    | BufCap.SUPPORTS_MAX_NUM_BUFFERS
    | BufCap.SUPPORTS_REMOVE_BUFS
)


class Queue:
    """
    The buffers of one buffer type: who owns them, which are queued, whether they stream.

    `fmt` is the format in force; only a source's news may change `format` while there are
    buffers. `start` is called once `min_buffers` are queued after STREAMON and may raise V4l2Error
    to refuse; `stop` undoes it and must not raise. `owner` is the session that allocated, None
    while there is nothing. `timestamp_flags` is MONOTONIC, or COPY for a codec's.
    """

    def __init__(
        self,
        fmt: Format,
        memory: BufferMemory[Any],
        *,
        start: Callable[[], None],
        stop: Callable[[], None],
        min_buffers: int = 1,
        max_buffers: int = VIDEO_MAX_FRAME,
        timestamp_flags: int = int(BufFlag.TIMESTAMP_MONOTONIC),
    ) -> None:
        self.type = fmt.type
        self.format = fmt
        self.packed_format: tuple[Format | None, bytes] = (None, b"")
        self.is_output = is_output(fmt.type)
        self.is_multiplanar = is_multiplanar(fmt.type)
        self.min_buffers = min_buffers
        self.max_buffers = max_buffers
        self.timestamp_flags = timestamp_flags
        self.owner: int | None = None
        self.memory = 0
        self.buffers: dict[int, Buffer] = {}
        self.queued: deque[Buffer] = deque()
        self.streaming = False
        self.running = False
        self._arena = memory
        self._start = start
        self._stop = stop

    # Who may do it

    def check_owner(self, session_id: int) -> None:
        """EBUSY when another session owns the queue."""
        if self.owner is not None and self.owner != session_id:
            raise V4l2Error(EBUSY, f"the queue belongs to session {self.owner}")

    def check_idle(self) -> None:
        """EBUSY while buffers are allocated (S_FMT, S_INPUT)."""
        if self.buffers:
            raise V4l2Error(EBUSY, f"{len(self.buffers)} buffers are allocated")

    # Allocation

    def request(self, session_id: int, count: int, memory: int) -> int:
        """
        REQBUFS: free what is there, allocate `count` buffers for the current format.

        Gives how many there are now. V4l2Error: EINVAL for a memory type we do not have, EBUSY
        while streaming or owned by another session, ENOMEM.
        """
        check_memory_type(memory)
        self.check_owner(session_id)
        if self.streaming:
            raise V4l2Error(EBUSY, "REQBUFS while streaming")
        self.free()
        if not count:
            return 0
        wanted = min(max(count, self.min_buffers), self.max_buffers)
        self.memory = memory
        allocated = self._allocate(range(wanted), [plane.sizeimage for plane in self.format.planes])
        if allocated < max(1, self.min_buffers):
            self.free()
            raise V4l2Error(ENOMEM, f"memory for {allocated} buffers, {self.min_buffers} needed")
        self.owner = session_id
        return allocated

    def create(
        self, session_id: int, count: int, memory: int, sizes: Sequence[int]
    ) -> tuple[int, int]:
        """
        CREATE_BUFS with count > 0: add buffers with planes of `sizes` bytes, which are no less
        than the format needs; gives the first index and how many.

        V4l2Error: EINVAL for another memory type than the queue has, EBUSY when owned by another
        session, ENOBUFS at the maximum, ENOMEM.
        """
        self.check_owner(session_id)
        if len(self.buffers) >= self.max_buffers:
            raise V4l2Error(ENOBUFS, f"all {self.max_buffers} buffers are allocated")
        if self.buffers and memory != self.memory:
            raise V4l2Error(EINVAL, f"the queue has memory type {self.memory}, not {memory}")
        indices = self._free_indices(min(count, self.max_buffers - len(self.buffers)))
        self.memory = memory
        allocated = self._allocate(indices, sizes)
        if not allocated:
            self._forget_if_empty()
            raise V4l2Error(ENOMEM, "no memory for a single buffer")
        self.owner = session_id
        return indices.start, allocated

    def remove(self, session_id: int, start: int, count: int) -> None:
        """REMOVE_BUFS. V4l2Error: EINVAL for a buffer that is not there, EBUSY for one in use."""
        if not count:
            return
        self.check_owner(session_id)
        if count > len(self.buffers) or start > self.max_buffers - count:
            raise V4l2Error(EINVAL, f"{count} buffers from {start} pass the end")
        doomed = [self.buffer(index) for index in range(start, start + count)]
        for buffer in doomed:
            if buffer.state is not BufferState.DEQUEUED:
                raise V4l2Error(EBUSY, f"buffer {buffer.index} is {buffer.state}")
        for buffer in doomed:
            self._release(buffer)
        self._forget_if_empty()

    def free(self) -> None:
        """Stop, cancel and free everything: REQBUFS(0), and what CLOSE does."""
        self.stream_off()
        for buffer in list(self.buffers.values()):
            self._release(buffer)
        self._forget_if_empty()
        self.owner = None

    # A buffer's way

    def buffer(self, index: int) -> Buffer:
        """Give one buffer; V4l2Error(EINVAL) when it does not exist."""
        buffer = self.buffers.get(index)
        if buffer is None:
            raise V4l2Error(EINVAL, f"there is no buffer {index}")
        return buffer

    def move(self, buffer: Buffer, step: Step) -> None:
        """Take one step of TRANSITIONS; V4l2Error(EINVAL) when the state does not allow it."""
        state = TRANSITIONS.get((buffer.state, step))
        if state is None:
            raise V4l2Error(EINVAL, f"buffer {buffer.index} is {buffer.state}: cannot {step} it")
        buffer.state = state

    def enqueue(self, buffer: Buffer) -> None:
        """QBUF: the buffer is ours; the stream starts when it is the last one missing."""
        before = buffer.state
        self.move(buffer, Step.QUEUE)
        self.queued.append(buffer)
        if self.streaming and not self.running:
            try:
                self._start_if_ready()
            except V4l2Error:
                self.queued.pop()
                buffer.state = before
                raise

    def complete(self) -> Buffer:
        """Hand the oldest queued buffer back to the guest; the caller announces it."""
        buffer = self.queued.popleft()
        self.move(buffer, Step.COMPLETE)
        return buffer

    # Streaming

    def stream_on(self, session_id: int) -> None:
        """STREAMON. V4l2Error: EBUSY for another session, EINVAL without (enough) buffers."""
        self.check_owner(session_id)
        if self.streaming:
            return
        if not self.buffers or len(self.buffers) < self.min_buffers:
            raise V4l2Error(EINVAL, f"STREAMON with {len(self.buffers)} buffers")
        self.streaming = True
        try:
            self._start_if_ready()
        except V4l2Error:
            self.streaming = False
            raise

    def stream_off(self) -> None:
        """Stop, and give every buffer back to the guest without a DQBUF."""
        was_running, self.running, self.streaming = self.running, False, False
        self.queued.clear()
        for buffer in self.buffers.values():
            self.move(buffer, Step.CANCEL)
            buffer.clear()
        if was_running:
            self._stop()

    def is_mapped(self, buffer: Buffer) -> bool:
        """Tell whether the guest maps any plane of the buffer."""
        for plane in buffer.planes:
            if plane.allocation is not None and self._arena.is_mapped(plane.allocation):
                return True
        return False

    # Inside

    def _start_if_ready(self) -> None:
        if len(self.queued) < self.min_buffers:
            return
        self.running = True
        try:
            self._start()
        except V4l2Error:
            self.running = False
            raise
        except Exception as error:
            self.running = False
            raise V4l2Error(EIO, f"the source cannot start: {error}") from error

    def _free_indices(self, count: int) -> range:
        """Find the first run of `count` unused indices, or else the longest there is."""
        longest = range(0)
        start = 0
        for index in range(self.max_buffers + 1):
            if index < self.max_buffers and index not in self.buffers:
                if index + 1 - start == count:
                    return range(start, index + 1)
                continue
            if index - start > len(longest):
                longest = range(start, index)
            start = index + 1
        return longest

    def _allocate(self, indices: range, sizes: Sequence[int]) -> int:
        """Allocate as many of `indices` as memory allows; gives how many."""
        for done, index in enumerate(indices):
            planes: list[BufferPlane] = []
            try:
                for size in sizes:
                    allocation = self._arena.allocate(size) if self.memory == MMAP else None
                    planes.append(BufferPlane(size, allocation))
            except MemoryError:
                self._release_planes(planes)
                return done
            self.buffers[index] = Buffer(index, tuple(planes))
        return len(indices)

    def _release(self, buffer: Buffer) -> None:
        del self.buffers[buffer.index]
        buffer.targets = ()
        self._release_planes(buffer.planes)

    def _release_planes(self, planes: Sequence[BufferPlane]) -> None:
        for plane in planes:
            if plane.allocation is not None:
                self._arena.release(plane.allocation)

    def _forget_if_empty(self) -> None:
        if not self.buffers:
            self.memory = 0


def check_memory_type(memory: int) -> None:
    """EINVAL for DMABUF, which we do not have, and for what is no memory type at all."""
    if memory not in {MMAP, USERPTR}:
        raise V4l2Error(EINVAL, f"memory type {memory} is not supported")
