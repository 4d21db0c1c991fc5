"""What may stand between the device and its driver, to change what the driver gets to see."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Answer(Protocol):
    """An answer that comes later; the transport's Pending, whoever made it."""

    def then(self, done: Callable[..., None]) -> None:
        """Call `done(response)` or `done(response, used length to report)` once."""
        ...


Response = bytes | Answer
Done = Callable[[bool], None]


class Interceptor(Protocol):
    """Asked at each of these points while it is in place. It must not raise."""

    def command(self, request: bytes, execute: Callable[[], Response]) -> Response:
        """A command came: call `execute` once, or not at all, and answer."""
        ...

    def event(self, event: bytes) -> Sequence[bytes] | None:
        """An event is about to wait for its buffer. None: so be it; else what to send instead."""
        ...

    def frame(self, session_id: int, buf_type: int) -> bool:
        """A frame is due on a queue. False: it is lost, and its buffer stays queued."""
        ...

    def shmem_map(self, proceed: Callable[[Done], None], done: Done) -> None:
        """The guest is to be shown shared memory: `proceed(done)` asks the front-end."""
        ...
