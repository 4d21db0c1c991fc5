"""When a client is told: at the same moments as all others, so that a guest waits once."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.control.operations.live import SubscribeParams, Topic
from vmedia_bench.control.server.log_buffer import LogBuffer
from vmedia_bench.control.server.news import News
from vmedia_bench.control.server.subscription import Subscription


class Clock:
    """A loop of which only the clock and the timers are used."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Any]] = []

    def time(self) -> float:
        """Seconds."""
        return self.now

    def call_soon(self, what: Any) -> None:
        """In the next turn."""
        self.call_at(self.now, what)

    def call_at(self, when: float, what: Any) -> None:
        """Later."""
        self.due.append((when, what))


def next_time(now: float, interval_ms: int) -> float:
    """When a client that is told something at a time is told again."""
    clock = Clock()
    bench = SimpleNamespace(log=LogBuffer(), news=News())
    subscription = Subscription(
        cast("asyncio.AbstractEventLoop", clock),
        cast("Any", bench),
        send=lambda _line: None,
        has_room=lambda: True,
    )
    subscription.subscribe(SubscribeParams(topics=(Topic.LOG,), interval_ms=interval_ms))
    _at_once, flush = clock.due.pop()
    clock.now = now
    flush()
    ((when, _flush),) = clock.due
    return when


@given(st.floats(0, 1e6), st.integers(10, 10_000))
def test_the_next_time_is_a_multiple_of_the_interval_after_half_of_it_at_least(
    now: float, interval_ms: int
) -> None:
    interval = interval_ms / 1000
    when = next_time(now, interval_ms)
    assert when / interval == pytest.approx(round(when / interval), abs=1e-6)
    assert 0.499 * interval <= when - now <= 1.501 * interval


@pytest.mark.parametrize("early", [0.0, 1e-9, -0.04])
def test_a_timer_that_comes_a_little_early_or_late_skips_nothing_and_repeats_nothing(
    early: float,
) -> None:
    assert next_time(12.3 - early, 100) == pytest.approx(12.4)
