"""Asking a node what any program could ask it: enumerations, by ioctl."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EINVAL, ENODATA, ENOTTY
from struct import Struct
from typing import Any

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import Node

OPERATOR = 0
"""The session ID under which the operator asks: guests' begin with 1."""
LONGEST_ENUMERATION = 1024

_NO_MORE = frozenset((EINVAL, ENOTTY, ENODATA))

Ask = Callable[[int, bytes], bytes]
"""(ioctl number, argument): the argument as the ioctl leaves it, or V4l2Error."""


@contextmanager
def asking(node: Node, session: int | None) -> Iterator[Ask]:
    """Ask as a session that is open, or, without one, as one that is open meanwhile."""
    session_id = OPERATOR if session is None else session
    if session is None:
        node.open(OPERATOR)

    def ask(number: int, argument: bytes) -> bytes:
        arg = bytearray(argument)
        node.ioctl(session_id, number, arg, ())
        return bytes(arg)

    try:
        yield ask
    finally:
        if session is None:
            node.close(OPERATOR)


def enumerate_with(
    ask: Ask, number: int, codec: Struct, request: Callable[[int], bytes]
) -> Iterator[tuple[Any, ...]]:
    """Ask for index 0, 1, ... until there is none left; `request` gives the argument of one."""
    for index in range(LONGEST_ENUMERATION):
        try:
            yield codec.unpack_from(ask(number, request(index)))
        except V4l2Error as error:
            if error.errno in _NO_MORE:
                return
            raise
