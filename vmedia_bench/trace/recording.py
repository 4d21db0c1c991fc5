"""
The trace on its way to a file, beside a device that must not wait.

The ring hands over whole chunks, which costs the hot path nothing. Between the loop's other work
they are packed, a slice at a time: a thread that computes would take the interpreter from the
loop for 5 ms at a time. Only write(), which lets go of the interpreter, runs in a thread.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from vmedia_bench.trace.file import Packer, header
from vmedia_bench.trace.ring import Raw, TraceRing

SLICE: Final = 128
"""Records that are packed before the loop looks after others: about 0.2 ms."""
FLUSH_S: Final = 0.1
"""A record is in the file at the latest so long after it was made, on an idle disk."""
WRITE_AT: Final = 1 << 20
"""Bytes that are worth a write before the next flush."""
MOST_BEHIND: Final = 256 << 20
"""Bytes that a slow disk may leave in memory before the recording ends."""


class Recording:
    """
    Writes all records from `start` to `stop` into a file.

    Where the disk is full, gone or too slow, it ends by itself: `error` then says why in one line,
    and `ended` is called. Everything runs on the event loop that it was started on.
    """

    def __init__(
        self,
        ring: TraceRing,
        path: Path,
        *,
        metadata: Mapping[str, Any] | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self.error = ""
        self.records = 0
        """Records in the file so far."""
        self.bytes = 0
        """Bytes in the file so far."""
        self.active = False
        self._ring = ring
        self._metadata = dict(metadata or {})
        self._ended = ended
        self._packer = Packer()
        self._chunks: deque[tuple[int, list[Raw]]] = deque()
        self._packed: list[bytes] = []
        self._packed_bytes = self._packed_records = 0
        self._behind = 0
        self._listens = False
        self._sliced = False
        self._writing = False
        self._flushing = False
        self._idle: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._timer: asyncio.TimerHandle | None = None
        self._thread: ThreadPoolExecutor
        self._fd = -1

    def start(self, *, kept: bool = False, overwrite: bool = False) -> None:
        """
        Make the file and begin, with `kept` at the oldest record that the ring still has.

        Raises OSError (FileExistsError unless `overwrite`) where the file cannot be had.
        """
        fresh = os.O_TRUNC if overwrite else os.O_EXCL
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | fresh
        self._fd = os.open(self.path, flags, 0o644)
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "vmedia-bench-recording")
        self.active = True
        clocks = {"monotonic_ns": time.monotonic_ns(), "realtime_ns": time.time_ns()}
        self._keep(header(self._metadata | clocks), 0)
        self._ring.add_sink(self._take, kept=kept)
        self._listens = True
        self._tick()

    async def stop(self) -> None:
        """Write what there is up to now, and close the file. Nothing happens the second time."""
        if not self.active:
            return
        self._listen_no_more()
        self._flushing = True
        self._idle.clear()
        self._wake()
        await self._idle.wait()
        if self.active:
            self._end("")

    def _take(self, first: int, records: list[Raw]) -> None:
        """The ring's sink."""
        self._chunks.append((first, records))
        self._wake()

    def _wake(self) -> None:
        if not self._sliced:
            self._sliced = True
            self._loop.call_soon(self._slice)

    def _tick(self) -> None:
        self._ring.flush()
        self._flushing = True
        self._wake()
        self._timer = self._loop.call_later(FLUSH_S, self._tick)

    def _slice(self) -> None:
        """Pack some records; come back for the rest after the loop's other work."""
        self._sliced = False
        if not self.active:
            return
        if self._chunks:
            first, records = self._chunks.popleft()
            if len(records) > SLICE:
                self._chunks.appendleft((first + SLICE, records[SLICE:]))
                records = records[:SLICE]
            self._keep(self._packer.pack(first, records), len(records))
            self._wake()
        self._write()

    def _keep(self, data: bytes, records: int) -> None:
        self._packed.append(data)
        self._packed_bytes += len(data)
        self._packed_records += records
        self._behind += len(data)
        if self._behind > MOST_BEHIND:
            self._fail(f"{self.path}: the disk is too slow, {self._behind >> 20} MB wait for it")

    def _write(self) -> None:
        """Give the thread what is packed, when it is idle and there is reason to."""
        if not self.active or self._writing:
            return
        enough = self._packed_bytes >= WRITE_AT or (self._flushing and not self._chunks)
        if not enough:
            return
        if not self._packed:
            self._flushing = False
            self._idle.set()
            return
        data, records = b"".join(self._packed), self._packed_records
        self._packed.clear()
        self._packed_bytes = self._packed_records = 0
        self._writing = True
        writing = self._loop.run_in_executor(self._thread, _write_all, self._fd, data)
        writing.add_done_callback(lambda done: self._written(done, len(data), records))

    def _written(self, done: "asyncio.Future[None]", size: int, records: int) -> None:
        self._writing = False
        problem = None if done.cancelled() else done.exception()
        if not self.active:
            self._close()
            return
        if problem is not None:
            reason = problem.strerror if isinstance(problem, OSError) else str(problem)
            self._fail(f"{self.path}: {reason}, the recording ends after {self.records} records")
            return
        self._behind -= size
        self.bytes += size
        self.records += records
        self._write()

    def _fail(self, why: str) -> None:
        if not self.active:
            return
        self.error = why
        self._listen_no_more()
        self._end(why)

    def _listen_no_more(self) -> None:
        """Take what the ring has by now, and nothing after that."""
        if self._listens:
            self._listens = False
            self._ring.remove_sink(self._take)

    def _end(self, why: str) -> None:
        self.active = False
        if self._timer is not None:
            self._timer.cancel()
        self._chunks.clear()
        self._packed.clear()
        if not self._writing:
            self._close()
        self._idle.set()
        if why:
            self._ended()

    def _close(self) -> None:
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        self._thread.shutdown(wait=False)
        try:
            os.close(fd)
        except OSError as problem:
            self.error = self.error or f"{self.path}: {problem.strerror}"


def _write_all(fd: int, data: bytes) -> None:
    """Write it all; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
