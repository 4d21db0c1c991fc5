"""How long a worker may leave something unanswered."""

from collections.abc import Callable

from vmedia_bench.v4l2.ports import Cancel, Reactor


class Patience:
    """
    Counts questions and answers; calls `lost` when none came for `limit_ns` while one was due.

    One timer at a time, however many questions there are.
    """

    def __init__(
        self,
        reactor: Reactor,
        now: Callable[[], int],
        limit_ns: int,
        lost: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._now = now
        self._limit_ns = limit_ns
        self._lost = lost
        self._waiting = 0
        self._since_ns = 0
        self._cancel: Cancel | None = None

    def asked(self) -> None:
        """Something was asked."""
        if not self._waiting:
            self._since_ns = self._now()
        self._waiting += 1
        if self._cancel is None:
            self._cancel = self._reactor.later(self._limit_ns, self._look)

    def answered(self) -> None:
        """Something was answered; ValueError when nothing was asked."""
        if not self._waiting:
            raise ValueError("it answers what nobody has asked")
        self._waiting -= 1
        self._since_ns = self._now()

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._waiting = 0

    def _look(self) -> None:
        self._cancel = None
        if not self._waiting:
            return
        left = self._since_ns + self._limit_ns - self._now()
        if left <= 0:
            self._lost()
        else:
            self._cancel = self._reactor.later(left, self._look)
