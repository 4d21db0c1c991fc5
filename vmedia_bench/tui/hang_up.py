"""Being told that the terminal has gone: SIGHUP comes only to those whose own it was."""

import asyncio
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def told_of_hang_up(fd: int, hung_up: Callable[[], None]) -> Iterator[None]:
    """
    Have the running loop call `hung_up` when there is no other end of `fd` any more.

    Nobody else leaves then: our driver for terminals only reads no more.
    """
    loop = asyncio.get_running_loop()
    with select.epoll() as watched:
        # Nothing is asked for: EPOLLHUP is told all the same, and keys are the driver's.
        watched.register(fd, 0)
        loop.add_reader(watched, hung_up)
        try:
            yield
        finally:
            loop.remove_reader(watched)
