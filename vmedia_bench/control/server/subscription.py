"""What one client is told without asking: batches of items, topic by topic."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from vmedia_bench.control.operations.live import Live, Subscribed, SubscribeParams, Topic
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.feeds import Feed, NewsFeed, feed_of
from vmedia_bench.control.server.requests import encode_live
from vmedia_bench.control.server.workbench import Workbench

SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS = 10, 10_000
BATCH = 500
"""Items of a topic that are told at once; more wait for the next interval."""


class Subscription:
    """
    The subscription of one client; none at first.

    Nothing is sent while the client has no room: what happens meanwhile waits, within bounds,
    and beyond them is counted as lost.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bench: Workbench,
        *,
        send: Callable[[bytes], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._bench = bench
        self._send = send
        self._has_room = has_room
        self._feeds: dict[Topic, Feed] = {}
        self._interval_s = 0.0
        self._timer: asyncio.Handle | None = None
        self._session: int | None = None

    @property
    def active(self) -> bool:
        """Whether the client subscribed to anything."""
        return bool(self._feeds)

    def subscribe(self, params: SubscribeParams) -> Subscribed:
        """live.subscribe: from now on these topics, and no others."""
        if not SHORTEST_INTERVAL_MS <= params.interval_ms <= LONGEST_INTERVAL_MS:
            raise RpcError(
                ErrorCode.INVALID_PARAMS,
                f"interval_ms: {SHORTEST_INTERVAL_MS} to {LONGEST_INTERVAL_MS}",
                {"field": "interval_ms"},
            )
        self.close()
        topics = tuple(dict.fromkeys(params.topics))
        self._feeds = {topic: feed_of(topic, self._bench, params.session) for topic in topics}
        self._session = params.session
        self._interval_s = params.interval_ms / 1000
        if topics:
            self._bench.news.listen(self._news)
            self._timer = self._loop.call_soon(self._flush)
        return Subscribed(topics=topics)

    def close(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._feeds = {}
        self._bench.news.leave(self._news)

    def _news(self, topic: Topic, item: dict[str, Any]) -> None:
        feed = self._feeds.get(topic)
        if isinstance(feed, NewsFeed) and self._session in {None, item.get("session")}:
            feed.add(item)

    def _flush(self) -> None:
        self._timer = self._loop.call_at(self._next_time(), self._flush)
        for topic, feed in tuple(self._feeds.items()):
            feed.keep_up()
            if not self._has_room():
                continue
            items, lost = feed.take(BATCH)
            if items or lost:
                self._send(encode_live(Live(topic=topic, items=items, lost=lost)))

    def _next_time(self) -> float:
        """
        The next multiple of the interval by the loop's clock, the same one for all clients.

        A guest is interrupted once for all of them. Who is nearer to it than half an interval, as
        a timer that comes late or a moment early, waits for the one after.
        """
        beats = self._loop.time() / self._interval_s
        return (math.floor(beats + 0.5) + 1) * self._interval_s
