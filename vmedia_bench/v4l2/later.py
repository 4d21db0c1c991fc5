"""The end of an ioctl that goes on outside the loop."""

from collections.abc import Callable

from vmedia_bench.v4l2.errors import V4l2Error

Done = Callable[[V4l2Error | None], None]


class Later:
    """Settled once: with None when all went well, else with the errno. Loop only."""

    __slots__ = ("_error", "_settled", "_waiting")

    def __init__(self) -> None:
        self._settled = False
        self._error: V4l2Error | None = None
        self._waiting: list[Done] = []

    @property
    def settled(self) -> bool:
        """Whether the end is known."""
        return self._settled

    def then(self, done: Done) -> None:
        """Call `done` with the error, or None, as soon as the end is known."""
        if self._settled:
            done(self._error)
        else:
            self._waiting.append(done)

    def settle(self, error: V4l2Error | None) -> None:
        """Make the end known. A second call is ignored."""
        if self._settled:
            return
        self._settled = True
        self._error = error
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(error)
