"""Rates a second and their recent past, out of counters that only grow."""

from collections import deque
from dataclasses import dataclass

from vmedia_bench.control.operations.bench import Counters

NS = 1_000_000_000
WINDOW_NS = NS
STEP_NS = NS // 2
KEPT = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: that of the last second, and those of each half second before, oldest first."""

    now: float = 0.0
    past: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Rates:
    """What the header shows. Bytes are megabytes (1e6) a second."""

    commands: Rate = Rate()
    frames: Rate = Rate()
    megabytes: Rate = Rate()


class RateMeter:
    """
    Fed one snapshot after another; a bench that began anew starts it anew.

    The rates change with every half second of the clock, as all does that rushes by: a figure that
    changes faster cannot be read.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, Counters]] = deque()
        self._past: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self._step = -1
        self._rates = Rates()

    def feed(self, at_ns: int, counters: Counters) -> Rates:
        """Take the counters of a moment (CLOCK_MONOTONIC of the bench); gives the rates."""
        if self._seen and (at_ns < self._seen[-1][0] or counters.commands < self._newest):
            self._seen.clear()
            self._past.clear()
            self._step = -1
        self._seen.append((at_ns, counters))
        while len(self._seen) > 2 and self._seen[1][0] <= at_ns - WINDOW_NS:
            self._seen.popleft()
        step = at_ns // STEP_NS
        if step != self._step:
            self._step = step
            now = self._now()
            self._past.append(now)
            past = zip(*self._past, strict=True)
            self._rates = Rates(
                *(Rate(rate, before) for rate, before in zip(now, past, strict=True))
            )
        return self._rates

    @property
    def _newest(self) -> int:
        return self._seen[-1][1].commands

    def _now(self) -> tuple[float, float, float]:
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        if end <= start:
            return 0.0, 0.0, 0.0
        seconds = (end - start) / NS
        return (
            (after.commands - before.commands) / seconds,
            (after.frames - before.frames) / seconds,
            (after.frame_bytes - before.frame_bytes) / seconds / 1e6,
        )
