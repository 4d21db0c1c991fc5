"""The way from a session to its coding process: slots for what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from vmedia_bench.backends.codec.messages import (
    Changed,
    Command,
    Data,
    Drain,
    Drained,
    Free,
    Input,
    Pool,
    Produced,
    Refused,
    Report,
    Taken,
    decode_report,
    encode,
)
from vmedia_bench.backends.worker import SharedFrames, Worker, WorkerError

if TYPE_CHECKING:
    from vmedia_bench.v4l2.ports import Cancel, Reactor
    from vmedia_bench.v4l2.source import Plane

INPUT_SLOTS: Final = 4
POOL_SLOTS: Final = 4
_START_LIMIT_NS: Final = 30_000_000_000


class Link:
    """
    One coding process. `heard(report)` is called for what it says, `lost(why)` once when it
    died, made no sense, or gave no sign of life for `stuck_ns` although it could work.
    """

    def __init__(
        self,
        worker: Worker,
        reactor: Reactor,
        *,
        heard: Callable[[Report], None],
        lost: Callable[[str], None],
        stuck_ns: int,
        announces_sizes: bool,
    ) -> None:
        self._worker = worker
        self._reactor = reactor
        self._heard_report = heard
        self._lost = lost
        self._stuck_ns = stuck_ns
        self._generation = 0
        self._input: SharedFrames | None = None
        self._free_inputs: list[int] = []
        self._pool: SharedFrames | None = None
        self._pool_number = 0
        self._full_slots = 0
        self._draining = False
        # Until a decoder has told a size it works without a place for results.
        self._announces_sizes = announces_sizes
        self._sized = not announces_sizes
        self._signs = 0
        self._cancel: Cancel | None = None
        self._worker.watch(reactor, self._heard, self._fail)

    # What goes in

    def open_input(self, command: Input) -> None:
        """Begin anew; OSError when there is no memory."""
        self._drop_input()
        self._input = SharedFrames.create(command.slots, command.size)
        self._generation = command.generation
        self._free_inputs = list(range(command.slots))
        self._draining = False
        self._sized = not self._announces_sizes
        self._tell(command, self._input.fd)

    @property
    def has_room(self) -> bool:
        """Whether `feed` can be called."""
        return bool(self._free_inputs)

    def feed(
        self, planes: Sequence[Plane], bytesused: Sequence[int], token: int, *, key: bool = False
    ) -> None:
        """Copy a buffer in; only when it has room."""
        assert self._input is not None
        slot = self._free_inputs.pop()
        view = self._input.slot(slot)
        at = 0
        for plane, used in zip(planes, bytesused, strict=True):
            size = min(used, len(view) - at)
            view[at : at + size] = plane.read(0, size)
            at += size
        self._tell(Data(self._generation, slot, at, token, key))
        self._expect()

    def drain(self, number: int) -> None:
        """Ask for everything that is inside; the answer is Drained with this number."""
        self._draining = True
        self._tell(Drain(self._generation, number))
        self._expect()

    # What comes out

    def open_pool(self, pixelformat: int, size: tuple[int, int], length: int) -> None:
        """Give new slots of `length` bytes for results; OSError when there is no memory."""
        self._drop_pool()
        self._pool = SharedFrames.create(POOL_SLOTS, length)
        self._pool_number += 1
        self._full_slots = 0
        pool = Pool(self._pool_number, pixelformat, *size, POOL_SLOTS, length)
        self._tell(pool, self._pool.fd)
        self._expect()

    def close_pool(self) -> None:
        """Take the slots for results away: what is inside waits for others."""
        self._drop_pool()
        self._pool_number += 1
        self._tell(Pool(self._pool_number, 0, 0, 0, 0, 0))

    def result(self, produced: Produced) -> memoryview | None:
        """Give a result's bytes; None when its pool is gone."""
        if self._pool is None or produced.pool != self._pool_number:
            return None
        return self._pool.slot(produced.slot)[: produced.used]

    def release(self, produced: Produced) -> None:
        """Give a result's slot back."""
        if produced.pool == self._pool_number:
            self._full_slots -= 1
            self._tell(Free(produced.pool, produced.slot))
            self._expect()

    def close(self) -> None:
        """End the process."""
        self._call_off()
        self._worker.close()
        self._drop_input()
        self._drop_pool()

    # Inside

    def _heard(self, data: bytes) -> None:
        self._signs += 1
        if self._signs == 1:
            # It has started: from now on it may not take its time any more.
            self._call_off()
            self._expect()
        try:
            report = decode_report(data)
        except msgspec.MsgspecError as error:
            self._fail(f"its process makes no sense: {error}")
            return
        if isinstance(report, Refused):
            self._fail(report.why)
            return
        if isinstance(report, Taken):
            if report.generation == self._generation and report.slot < INPUT_SLOTS:
                self._free_inputs.append(report.slot)
        elif isinstance(report, Produced):
            if report.pool != self._pool_number or self._pool is None:
                return
            if not (0 <= report.slot < POOL_SLOTS and 0 <= report.used <= self._pool.size):
                self._fail("its process has written outside its slots")
                return
            self._full_slots += 1
        elif isinstance(report, Drained) and report.generation == self._generation:
            self._draining = False
        elif isinstance(report, Changed):
            self._sized = True
        self._heard_report(report)

    @property
    def _could_work(self) -> bool:
        """Whether the process has something to do and is not waiting for us."""
        busy = self._draining or len(self._free_inputs) < INPUT_SLOTS
        if self._pool is None:
            return busy and not self._sized
        return busy and self._full_slots < POOL_SLOTS

    def _expect(self) -> None:
        """Look after a while whether there was a sign of life."""
        if self._cancel is None and not self._worker.closed:
            signs = self._signs
            # A busy machine may take its time to start a process.
            limit_ns = self._stuck_ns if signs else max(self._stuck_ns, _START_LIMIT_NS)
            self._cancel = self._reactor.later(limit_ns, lambda: self._look(signs))

    def _look(self, signs: int) -> None:
        self._cancel = None
        if not self._could_work:
            return
        if self._signs == signs:
            self._fail(f"its process gave no sign of life for {self._stuck_ns / 1e9:g} s")
        else:
            self._expect()

    def _call_off(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _fail(self, why: str) -> None:
        if not self._worker.closed or self._input is not None or self._pool is not None:
            self.close()
            self._lost(why)

    def _tell(self, command: Command, *fds: int) -> None:
        if self._worker.closed:
            return
        try:
            self._worker.send(encode(command), fds)
        except WorkerError as error:
            why = str(error)
            # Not at once: this may be in the middle of an ioctl.
            self._reactor.later(0, lambda: self._fail(why))

    def _drop_input(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None
        self._free_inputs = []

    def _drop_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None
