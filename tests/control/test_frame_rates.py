"""Frames a second, from counters and a clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from vmedia_bench.control.server.frame_rates import SAMPLE_NS, FrameRates
from vmedia_bench.v4l2.snapshot import QueueSnapshot
from vmedia_bench.v4l2.source import Format, PlaneFormat

FORMAT = Format(1, 0, 160, 120, 1, 8, 0, 0, 0, 0, (PlaneFormat(160, 28800),))
NS = 1_000_000_000


@dataclass
class Rig:
    """A clock that is moved by hand, and one queue."""

    now: int = 5 * NS
    frames: int = 0
    streaming: bool = True
    owner: int | None = 1
    due: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def queue(self) -> QueueSnapshot:
        return QueueSnapshot(
            1,
            self.owner,
            1,
            self.streaming,
            self.streaming,
            FORMAT,
            Fraction(1, 30),
            0,
            self.frames,
            0,
            0,
            (),
        )

    def later(self, delay_ns: int, call: Callable[[], None]) -> Callable[[], None]:
        entry = (self.now + delay_ns, call)
        self.due.append(entry)
        return lambda: self.due.remove(entry) if entry in self.due else None

    def run_for(self, ns: int, frames_a_sample: int) -> None:
        """Let time pass, with so many frames in each quarter of a second."""
        end = self.now + ns
        while self.due and self.due[0][0] <= end:
            self.now, call = self.due.pop(0)
            self.frames += frames_a_sample
            call()
        self.now = end


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def rates(rig: Rig) -> FrameRates:
    rates = FrameRates(lambda: (rig.queue(),), lambda: rig.now, rig.later)
    rates.run()
    return rates


def test_nothing_is_known_at_first(rig: Rig, rates: FrameRates) -> None:
    assert rates.rate(rig.queue()) == 0


def test_the_last_second_counts_and_not_what_was_before(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(3 * NS, 30)
    assert rates.rate(rig.queue()) == pytest.approx(120)
    rig.run_for(2 * NS, 6)
    assert rates.rate(rig.queue()) == pytest.approx(24)


def test_less_than_a_second_is_measured_over_what_there_was(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(2 * SAMPLE_NS, 15)
    assert rates.rate(rig.queue()) == pytest.approx(60)


def test_frames_since_the_last_sample_count(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(NS, 0)
    rig.now += NS // 10
    rig.frames += 11
    assert rates.rate(rig.queue()) == pytest.approx(10)


def test_a_new_stream_begins_anew(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(2 * NS, 30)
    rig.frames = 0
    assert rates.rate(rig.queue()) == 0
    rig.run_for(2 * SAMPLE_NS, 10)
    assert rates.rate(rig.queue()) == pytest.approx(40)


def test_a_queue_that_does_not_stream_has_no_rate(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(2 * NS, 30)
    rig.streaming = False
    assert rates.rate(rig.queue()) == 0


def test_another_owner_has_a_rate_of_its_own(rig: Rig, rates: FrameRates) -> None:
    rig.run_for(2 * NS, 30)
    rig.owner = 2
    assert rates.rate(rig.queue()) == 0


def test_nothing_runs_once_it_is_stopped(rig: Rig, rates: FrameRates) -> None:
    rates.run()
    assert len(rig.due) == 1
    rates.stop()
    assert rig.due == []
