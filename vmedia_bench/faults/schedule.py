"""When a rule acts: which of its matches, and between which times."""

import random

from vmedia_bench.faults.rule import Schedule

NS = 1_000_000_000


class Course:
    """A schedule under way, from arming on. Times are nanoseconds of one clock.

    The same schedule always chooses the same matches: its draws come from its seed.
    """

    __slots__ = ("_begin", "_draws", "_end", "_left", "_schedule", "_seen")

    def __init__(self, schedule: Schedule, now: int) -> None:
        self._schedule = schedule
        self._begin = now + round(schedule.from_s * NS)
        self._end = None if schedule.until_s is None else now + round(schedule.until_s * NS)
        self._seen = 0
        self._left = schedule.count
        self._draws = random.Random(schedule.seed)

    def looks(self, now: int) -> bool:
        """Whether it is time: outside of it, nothing counts as a match."""
        return self._begin <= now and (self._end is None or now < self._end)

    def chooses(self) -> bool:
        """Whether to act on the match that came; asked once for each, in their order."""
        if self._left == 0:
            return False
        self._seen += 1
        place = self._seen - self._schedule.skip
        if place <= 0 or place % self._schedule.every:
            return False
        if self._schedule.probability < 1 and self._draws.random() >= self._schedule.probability:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def spent(self, now: int) -> bool:
        """Whether it will never choose again."""
        return self._left == 0 or (self._end is not None and now >= self._end)

    @property
    def end(self) -> int | None:
        """When it is over for good, None for never."""
        return self._end
