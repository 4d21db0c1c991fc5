"""The coding processes of a device: those at work, and one that waits for the next session."""

from __future__ import annotations

from errno import EBUSY
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.worker import Worker, WorkerError
from vmedia_bench.v4l2.errors import V4l2Error

if TYPE_CHECKING:
    from vmedia_bench.v4l2.ports import Cancel, Reactor

# Another spare is not started at once: the processors are wanted by the one just taken.
_REPLACE_NS: Final = 200_000_000


class Farm:
    """
    At most `most` processes that run `target` with `threads`, (how many, one for each frame).

    A process takes a good part of a second to start, longer on a busy machine, and clients do
    not wait for ever: v4l2-compliance gives a decoder one second from STREAMON to its first
    event. So one process is started ahead and waits, asleep, for a session.
    """

    def __init__(self, target: str, most: int, threads: tuple[int, bool]) -> None:
        self.most = most
        self.running = 0
        self._target = target
        self._threads = threads
        self._spare: Worker | None = None
        self._cancel: Cancel | None = None

    def prepare(self, reactor: Reactor) -> None:
        """Start a spare process, unless there is one or none may run; failure shows in `take`."""
        self._call_off()
        if self._spare is not None or self.running >= self.most:
            return
        try:
            self._spare = self._start()
        except WorkerError:
            return
        self._spare.watch(reactor, lambda _: self._drop(), lambda _: self._drop())

    def take(self, reactor: Reactor) -> Worker:
        """Give the spare process or a new one; V4l2Error(EBUSY) when so many run, WorkerError."""
        if self.running >= self.most:
            raise V4l2Error(EBUSY, f"{self.running} coding processes run, no more may")
        worker, self._spare = self._spare or self._start(), None
        self.running += 1
        self._call_off()
        self._cancel = reactor.later(_REPLACE_NS, lambda: self.prepare(reactor))
        return worker

    def forget(self) -> None:
        """Count one less: a session's process has ended."""
        self.running -= 1

    def close(self) -> None:
        """End the spare process; the others are their sessions'."""
        self._call_off()
        self._drop()

    def _start(self) -> Worker:
        return Worker(self._target, self._threads, name="codec")

    def _drop(self) -> None:
        """Let the spare go, because it died or says what nobody asked."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _call_off(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
