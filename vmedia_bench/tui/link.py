"""The one way to the bench: its control API, made anew after it was lost."""

import os
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from vmedia_bench.control.client import BenchError, BenchLostError, OperationFailedError

__all__ = ["BenchLostError", "Caller", "Connect", "Link", "RefusedError", "connect_to"]

RefusedError = OperationFailedError
"""The bench answered with an error."""


class Caller(Protocol):
    """A connection to a bench: AsyncClient, or what stands in for it in tests."""

    async def call(self, name: str, params: object) -> Any:
        """Carry out one operation of the registry; gives its typed result."""
        ...

    async def call_with_fd(self, name: str, params: object) -> tuple[Any, int | None]:
        """The same for an operation that passes a file descriptor, which is the caller's then."""
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

    @property
    def up(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._caller is not None

    async def open(self) -> None:
        """Connect where there is no connection; BenchLostError when that fails."""
        if self._caller is None:
            try:
                self._caller = await self._connect()
            except BenchError as error:
                raise BenchLostError(str(error)) from error

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

    def close(self) -> None:
        """Hang up, where there is a connection."""
        if self._caller is not None:
            self._drop(self._caller)

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
        caller.close()
