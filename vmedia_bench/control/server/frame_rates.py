"""How many frames a second go back to the driver, measured over the last second."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vmedia_bench.v4l2.ports import Cancel
from vmedia_bench.v4l2.snapshot import QueueSnapshot

SAMPLE_NS = 250_000_000
WINDOW_NS = 1_000_000_000

Key = tuple[int | None, int]
"""Owner and buffer type."""


class Sample(NamedTuple):
    """How many frames a queue had given back at a time."""

    at_ns: int
    frames: int


class FrameRates:
    """
    Samples the frame counters of all queues while `run`ning; `rate` compares with then.

    `queues` gives what there is, `now` CLOCK_MONOTONIC in ns, `later` calls back after a delay.
    """

    def __init__(
        self,
        queues: Callable[[], Iterable[QueueSnapshot]],
        now: Callable[[], int],
        later: Callable[[int, Callable[[], None]], Cancel],
    ) -> None:
        self._queues = queues
        self._now = now
        self._later = later
        self._samples: dict[Key, deque[Sample]] = {}
        self._cancel: Cancel | None = None

    def run(self) -> None:
        """Sample from now on."""
        if self._cancel is None:
            self._tick()

    def stop(self) -> None:
        """Sample no more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._samples.clear()

    def rate(self, queue: QueueSnapshot) -> float:
        """Frames a second of a queue; 0 before there is anything to compare with."""
        samples = self._samples.get((queue.owner, queue.type))
        if not queue.streaming or not samples:
            return 0.0
        now = self._now()
        then = _before(samples, now - WINDOW_NS)
        if queue.frames < then.frames or now <= then.at_ns:
            return 0.0
        return (queue.frames - then.frames) * 1e9 / (now - then.at_ns)

    def _tick(self) -> None:
        self._cancel = self._later(SAMPLE_NS, self._tick)
        now = self._now()
        seen = set()
        for queue in self._queues():
            key = (queue.owner, queue.type)
            seen.add(key)
            samples = self._samples.setdefault(key, deque())
            # Counters begin anew at STREAMON.
            if not queue.streaming or (samples and queue.frames < samples[-1].frames):
                samples.clear()
            if queue.streaming:
                samples.append(Sample(now, queue.frames))
            while len(samples) > 1 and samples[1].at_ns <= now - WINDOW_NS:
                samples.popleft()
        for key in self._samples.keys() - seen:
            del self._samples[key]


def _before(samples: deque[Sample], moment: int) -> Sample:
    """Give the newest sample that is no younger than `moment`, else the oldest."""
    found = samples[0]
    for sample in samples:
        if sample.at_ns > moment:
            break
        found = sample
    return found
