"""The coding processes of a device: those at work, and those that wait for sessions."""

from __future__ import annotations

from collections import deque
from errno import EBUSY
from functools import partial
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.worker import Worker, WorkerError
from vmedia_bench.v4l2.errors import V4l2Error

if TYPE_CHECKING:
    from vmedia_bench.v4l2.ports import Cancel, Reactor

SPARES: Final = 2
"""How many processes wait at most."""

# The next spare is not started at once: the processors are wanted by the process just taken.
_NEXT_NS: Final = 500_000_000


class Farm:
    """
    At most `most` processes that run `target` with `threads`, (how many, one for each frame).

    A process takes a good part of a second to start, longer on a busy machine, and clients do
    not wait for ever: v4l2-compliance gives a decoder one second from STREAMON to its first
    event, and opens a session for each of its tests. So some are started ahead and wait, asleep.
    """

    def __init__(self, target: str, most: int, threads: tuple[int, bool]) -> None:
        self.most = most
        self.running = 0
        self._target = target
        self._threads = threads
        self._spares: deque[Worker] = deque()
        self._cancel: Cancel | None = None

    def prepare(self, reactor: Reactor) -> None:
        """Start spare processes one by one, as many as may run; failure shows in `take`."""
        self._call_off()
        if not self._has_room:
            return
        try:
            worker = self._start()
        except WorkerError:
            return
        # It has nothing to say before it is told what to do.
        gone = partial(self._drop, worker)
        worker.watch(reactor, gone, gone)
        self._spares.append(worker)
        if self._has_room:
            self._prepare_later(reactor)

    def take(self, reactor: Reactor) -> Worker:
        """Give a spare process or a new one; V4l2Error(EBUSY) when so many run, WorkerError."""
        if self.running >= self.most:
            raise V4l2Error(EBUSY, f"{self.running} coding processes run, no more may")
        worker = self._spares.popleft() if self._spares else self._start()
        self.running += 1
        self._prepare_later(reactor)
        return worker

    def forget(self) -> None:
        """Count one less: a session's process has ended."""
        self.running -= 1

    def close(self) -> None:
        """End the spare processes; the others are their sessions'."""
        self._call_off()
        while self._spares:
            self._spares.popleft().close()

    @property
    def _has_room(self) -> bool:
        spares = len(self._spares)
        return spares < SPARES and self.running + spares < self.most

    def _start(self) -> Worker:
        return Worker(self._target, self._threads, name="codec")

    def _drop(self, worker: Worker, why: object) -> None:
        """Let a spare go, because it died or speaks."""
        del why
        if worker in self._spares:
            self._spares.remove(worker)
            worker.close()

    def _prepare_later(self, reactor: Reactor) -> None:
        self._call_off()
        self._cancel = reactor.later(_NEXT_NS, partial(self.prepare, reactor))

    def _call_off(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
