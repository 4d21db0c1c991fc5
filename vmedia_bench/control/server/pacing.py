"""When requests may be served without much harm to the guest's commands."""

from collections.abc import Callable

PAUSE_NS = 10_000_000
"""Between two times that a busy guest is interrupted, ns."""


class Pacing:
    """
    Requests are served at once, but while a guest sends commands without a pause, they wait for
    each other: a command waits each time, and several requests in a row take little more than one.

    `busy` says whether it does, `now` is CLOCK_MONOTONIC in ns.
    """

    def __init__(self, busy: Callable[[], bool], now: Callable[[], int]) -> None:
        self._busy = busy
        self._now = now
        self._served_ns = -PAUSE_NS

    def served(self) -> None:
        """Requests are being served."""
        self._served_ns = self._now()

    def wait_ns(self) -> int:
        """How long the next ones have to wait."""
        return max(0, self._served_ns + PAUSE_NS - self._now()) if self._busy() else 0
