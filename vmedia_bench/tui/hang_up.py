"""Being told that the terminal has gone: SIGHUP comes only to those whose own it was."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread


@contextmanager
def told_of_hang_up(fd: int, hung_up: Callable[[], None]) -> Iterator[None]:
    """
    Have `hung_up` called when SIGHUP comes or `fd` has no other end: once, in a thread of its own.

    The main thread may be anywhere then: in a drawing that nobody takes, or in the middle of what
    `hung_up` is going to do. SIGHUP is ignored afterwards.
    """
    over = False
    woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def watch() -> None:
        watched = select.poll()
        # Nothing is asked for: POLLHUP is told all the same, and keys are the driver's.
        watched.register(fd, 0)
        watched.register(woken, select.POLLIN)
        watched.poll()
        if not over:
            hung_up()

    watcher = Thread(target=watch, name="hang-up")
    signal.signal(signal.SIGHUP, lambda *_: os.eventfd_write(woken, 1))
    watcher.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        over = True
        os.eventfd_write(woken, 1)
        watcher.join()
        os.close(woken)
