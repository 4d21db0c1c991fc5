"""An event loop that only moves when a test says so."""

from collections.abc import Callable


class HandReactor:
    """Satisfies v4l2.ports.Reactor: `readable(fd)` and `let_pass(ns)` make things happen."""

    def __init__(self) -> None:
        self.watched: dict[int, Callable[[], None]] = {}
        self._now = 0
        self._timers: list[tuple[int, Callable[[], None]]] = []

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        self.watched[fd] = readable

    def unwatch(self, fd: int) -> None:
        self.watched.pop(fd, None)

    def later(self, delay_ns: int, call: Callable[[], None]) -> Callable[[], None]:
        timer = (self._now + delay_ns, call)
        self._timers.append(timer)

        def cancel() -> None:
            if timer in self._timers:
                self._timers.remove(timer)

        return cancel

    def readable(self, fd: int) -> None:
        """`fd` has something to read."""
        self.watched[fd]()

    def let_pass(self, ns: int) -> None:
        """Let time pass; what is due is called in its order."""
        self._now += ns
        while due := sorted((t for t in self._timers if t[0] <= self._now), key=lambda t: t[0]):
            self._timers.remove(due[0])
            due[0][1]()


class Host:
    """
    What a source needs of the core.

    `failures` are the errnos it gave up with, `woken` how often it was worth another try.
    """

    def __init__(self) -> None:
        self.reactor = HandReactor()
        self.failures: list[int] = []
        self.woken = 0

    def frame_ready(self) -> None:
        self.woken += 1

    def end_of_stream(self) -> None: ...

    def fail(self, errno: int) -> None:
        self.failures.append(errno)
