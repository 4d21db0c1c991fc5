"""When a process that has died may be started anew: at once, then later and later."""

from collections.abc import Callable
from typing import Final

LONG_LIFE_NS: Final = 10_000_000_000
"""One that has lived so long does not count as dying in a row."""

FIRST_WAIT_NS: Final = 1_000_000_000
LONGEST_WAIT_NS: Final = 30_000_000_000


class Comeback:
    """
    Counts the deaths in a row of a process that lives now; `now` gives nanoseconds.

    The first is forgiven at once, the second after FIRST_WAIT_NS, each further one after twice as
    long as the one before, LONGEST_WAIT_NS at most.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._born_ns = now()
        self._not_before_ns = 0
        self.deaths = 0

    def born(self) -> None:
        """A process was started."""
        self._born_ns = self._now()

    def died(self) -> None:
        """It is gone."""
        now = self._now()
        if now - self._born_ns >= LONG_LIFE_NS:
            self.deaths = 0
        wait = min(FIRST_WAIT_NS << self.deaths - 1, LONGEST_WAIT_NS) if self.deaths else 0
        self._not_before_ns = now + wait
        self.deaths += 1

    @property
    def wait_ns(self) -> int:
        """How long it is until the next may be started; 0: it may."""
        return max(0, self._not_before_ns - self._now())
