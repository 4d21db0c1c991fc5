"""The one way to the bench: its control API, made anew after it was lost."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from vmedia_bench.control.client import BenchError, BenchLostError, OperationFailedError
from vmedia_bench.control.operations.bench import Snapshot
from vmedia_bench.control.operations.live import Live, Topic

__all__ = ["BenchLostError", "Caller", "Connect", "Link", "RefusedError", "connect_to"]

RefusedError = OperationFailedError
"""The bench answered with an error."""
BEAT_MS: Final = 100
"""How often the bench tells what there is: all that changes on the screen follows from it."""


class Caller(Protocol):
    """A connection to a bench: AsyncClient, or what stands in for it in tests."""

    on_live: Callable[[Live], None]
    on_lost: Callable[[BenchLostError], None]

    async def call(self, name: str, params: object) -> Any:
        """Carry out one operation of the registry; gives its typed result."""
        ...

    async def call_with_fd(self, name: str, params: object) -> tuple[Any, int | None]:
        """The same for an operation that passes a file descriptor, which is the caller's then."""
        ...

    async def subscribe(
        self, topics: Sequence[Topic], session: int | None = None, interval_ms: int = 50
    ) -> None:
        """Have `on_live` called with these topics; `on_lost` when the bench has gone."""
        ...

    def rest_until(self, when: float) -> None:
        """Sleep over what is told before a time of the loop's clock; a call ends that."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


Connect = Callable[[], Awaitable[Caller]]
"""Makes a connection, or raises BenchError."""


def connect_to(bench: str | None) -> Connect:
    """Connections to the bench of that name or control socket; None: the only one that runs."""

    async def connect() -> Caller:
        from vmedia_bench.control.aio import AsyncClient

        return await AsyncClient.connect(bench)

    return connect


class Link:
    """
    A connection that is made anew after it was lost.

    Answers that come when `wanted` says no any more are a BenchLostError: nobody is there to draw
    them, as when the screens are being taken down.
    """

    def __init__(self, connect: Connect, wanted: Callable[[], bool] = lambda: True) -> None:
        self._connect = connect
        self._wanted = wanted
        self._caller: Caller | None = None
        self._newest: Snapshot | None = None
        self._heard = asyncio.Event()
        self._why = "the connection to the bench was closed"

    @property
    def up(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._caller is not None

    async def open(self) -> None:
        """Connect and follow where there is no connection; BenchLostError when that fails."""
        if self._caller is not None:
            return
        try:
            caller = await self._connect()
        except BenchError as error:
            raise BenchLostError(str(error)) from error
        caller.on_live = self._take
        caller.on_lost = partial(self._lost, caller)
        self._newest = None
        try:
            await caller.subscribe((Topic.SNAPSHOT,), interval_ms=BEAT_MS)
        except RefusedError as error:
            caller.close()
            raise BenchLostError(f"the bench is of another version: {error}") from error
        except BaseException:
            caller.close()
            raise
        self._caller = caller

    async def next_snapshot(self) -> Snapshot:
        """The newest that was not given yet, ten a second. BenchLostError."""
        caller = self._held()
        while self._newest is None:
            self._heard.clear()
            await self._heard.wait()
            if self._caller is not caller:
                raise BenchLostError(self._why)
        snapshot, self._newest = self._newest, None
        self._check_wanted()
        return snapshot

    async def call(self, name: str, params: object) -> Any:
        """One operation. BenchLostError, RefusedError."""
        caller = self._held()
        try:
            result = await caller.call(name, params)
        except BenchLostError:
            self._drop(caller)
            raise
        self._check_wanted()
        return result

    async def call_with_fd(self, name: str, params: object) -> tuple[Any, int | None]:
        """One operation that passes a file descriptor. BenchLostError, RefusedError."""
        caller = self._held()
        try:
            result, fd = await caller.call_with_fd(name, params)
        except BenchLostError:
            self._drop(caller)
            raise
        try:
            self._check_wanted()
        except BenchLostError:
            if fd is not None:
                os.close(fd)
            raise
        return result, fd

    def rest_until(self, at_ns: int) -> None:
        """Sleep over snapshots before that time (CLOCK_MONOTONIC); a call ends that."""
        if self._caller is not None:
            self._caller.rest_until(at_ns / 1e9)

    def close(self) -> None:
        """Hang up, where there is a connection."""
        if self._caller is not None:
            self._drop(self._caller)

    def _take(self, live: Live) -> None:
        self._newest = live.items[-1]
        self._heard.set()

    def _lost(self, caller: Caller, error: BenchLostError) -> None:
        self._why = str(error)
        self._drop(caller)

    def _check_wanted(self) -> None:
        if not self._wanted():
            raise BenchLostError("the screens are closing")

    def _held(self) -> Caller:
        if self._caller is None:
            raise BenchLostError("no connection to the bench")
        return self._caller

    def _drop(self, caller: Caller) -> None:
        if self._caller is caller:
            self._caller = None
            self._heard.set()
        caller.close()
