"""Asking a node what any program could ask it, by ioctl."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from errno import EINVAL, ENODATA, ENOTTY
from itertools import count
from struct import Struct
from typing import Any

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.memory import GuestBuffer
from vmedia_bench.v4l2.ports import Node

LONGEST_ENUMERATION = 1024

_NO_MORE = frozenset((EINVAL, ENOTTY, ENODATA))
_operators = count(-1, -1)
"""The session IDs under which the operator asks: guests' begin with 1."""


class Ask:
    """Asks as one session: `await ask(ioctl number, argument)`."""

    def __init__(self, node: Node, session: int) -> None:
        self._node = node
        self.session = session

    async def __call__(
        self, number: int, argument: bytes, user: Sequence[GuestBuffer | None] = ()
    ) -> bytes:
        """Give the argument as the ioctl leaves it, or raise V4l2Error."""
        arg = bytearray(argument)
        await settled(self._node.ioctl(self.session, number, arg, user))
        return bytes(arg)


@asynccontextmanager
async def asking(node: Node, session: int | None) -> AsyncIterator[Ask]:
    """Ask as a session that is open, or, without one, as one that is open meanwhile."""
    if session is not None:
        yield Ask(node, session)
        return
    operator = next(_operators)
    try:
        await settled(node.open(operator))
        yield Ask(node, operator)
    finally:
        await settled(node.close(operator))


async def settled(later: Later | None) -> None:
    """Wait until a node is through with what it was asked; V4l2Error when it refused."""
    if later is None:
        return
    end: asyncio.Future[V4l2Error | None] = asyncio.get_running_loop().create_future()
    later.then(lambda error: None if end.done() else end.set_result(error))
    error = await end
    if error is not None:
        raise error


async def enumerate_with(
    ask: Ask, number: int, codec: Struct, request: Callable[[int], bytes]
) -> AsyncIterator[tuple[Any, ...]]:
    """Ask for index 0, 1, ... until there is none left; `request` gives the argument of one."""
    for index in range(LONGEST_ENUMERATION):
        try:
            yield codec.unpack_from(await ask(number, request(index)))
        except V4l2Error as error:
            if error.errno in _NO_MORE:
                return
            raise
