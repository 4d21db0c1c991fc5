"""An answer that is not there yet."""

from collections.abc import Callable


class Pending:
    """A response that some other party's answer has to precede.

    Settled once; `then` calls at once when it already is.
    """

    __slots__ = ("_response", "_waiting")

    def __init__(self) -> None:
        self._response: bytes | None = None
        self._waiting: list[Callable[[bytes], None]] = []

    @property
    def settled(self) -> bool:
        """Whether the response is known."""
        return self._response is not None

    def then(self, done: Callable[[bytes], None]) -> None:
        """Call `done` with the response bytes as soon as they are known."""
        if self._response is None:
            self._waiting.append(done)
        else:
            done(self._response)

    def settle(self, response: bytes) -> None:
        """Make the response known. A second call is ignored."""
        if self._response is not None:
            return
        self._response = response
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(response)
