"""The event loop of a worker process, for sources that wait for more than the bench."""

import heapq
import itertools
import selectors
import time
from collections.abc import Callable

_NS = 1_000_000_000


class ChildLoop:
    """Waits for descriptors and delays; satisfies v4l2.ports.Reactor. One thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopped = False

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever `fd` can be read, until `unwatch`; replaces a former one."""
        self.unwatch(fd)
        self._selector.register(fd, selectors.EVENT_READ, readable)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`; one that is not watched is passed over."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def later(self, delay_ns: int, call: Callable[[], None]) -> Callable[[], None]:
        """Call `call` once after a delay; what comes back cancels it."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic_ns() + delay_ns, number, call))

        def cancel() -> None:
            self._timers = [timer for timer in self._timers if timer[1] != number]
            heapq.heapify(self._timers)

        return cancel

    def stop(self) -> None:
        """Let `run` return."""
        self._stopped = True

    def run(self) -> None:
        """Call what is due until `stop`."""
        while not self._stopped:
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            now = time.monotonic_ns()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()

    def _timeout(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, (self._timers[0][0] - time.monotonic_ns()) / _NS)
