"""Waiting until something holds, without asking all the time."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from vmedia_bench.control.operations.live import Topic
from vmedia_bench.control.server.news import News

LOOK_EVERY_S = 0.01
"""How often counters are looked at while somebody waits; news are looked at when they come."""


class Waiter(NamedTuple):
    """One who waits."""

    holds: Callable[[], bool]
    done: asyncio.Future[None]


class Waits:
    """All who wait. `activity` gives anything that differs once something has happened."""

    def __init__(self, news: News, activity: Callable[[], object]) -> None:
        self._activity = activity
        self._seen: object = None
        self._waiting: list[Waiter] = []
        self._timer: asyncio.TimerHandle | None = None
        news.listen(self._news)

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Return as soon as `holds` does; TimeoutError after `timeout_s` seconds."""
        if holds():
            return
        loop = asyncio.get_running_loop()
        waiter = Waiter(holds, loop.create_future())
        self._waiting.append(waiter)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_EVERY_S, self._look)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.done
        finally:
            self._waiting.remove(waiter)

    def _look(self) -> None:
        self._timer = None
        activity = self._activity()
        if activity != self._seen:
            self._seen = activity
            self._check()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _news(self, topic: Topic, item: dict[str, Any]) -> None:
        del topic, item
        self._check()

    def _check(self) -> None:
        for waiter in self._waiting:
            if not waiter.done.done() and waiter.holds():
                waiter.done.set_result(None)
