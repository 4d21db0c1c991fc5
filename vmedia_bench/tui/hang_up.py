"""Being told that the terminal has gone: SIGHUP comes only to those whose own it was."""

import asyncio
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def told_of_hang_up(fd: int, hung_up: Callable[[], None]) -> Iterator[None]:
    """
    Have the running loop call `hung_up` when there is no other end of `fd` any more.

    Textual does not leave then: it would read from a terminal that is gone without a pause.
    """
    loop = asyncio.get_running_loop()
    with select.epoll() as watched:
        # Nothing is asked for: EPOLLHUP is told all the same, and keys are Textual's.
        watched.register(fd, 0)
        loop.add_reader(watched, hung_up)
        try:
            yield
        finally:
            loop.remove_reader(watched)
