"""What the fault engine can do to the bench on its own, and the clock it is given."""

from collections.abc import Callable
from typing import Protocol

Now = Callable[[], int]
"""CLOCK_MONOTONIC, nanoseconds."""
Later = Callable[[int, Callable[[], None]], Callable[[], None]]
"""Has something called once after so many nanoseconds; what comes back cancels it."""


class Stage(Protocol):
    """The bench, as far as rules act on it. Nothing here raises."""

    def intercept(self, on: bool) -> None:
        """Stand between device and driver, or step aside."""
        ...

    def fired(self, rule: int, session: int, text: str) -> None:
        """A rule acted: into the trace and to whoever watches. Session 0: none."""
        ...

    def open_sessions(self) -> tuple[int, ...]:
        """IDs of the sessions that work."""
        ...

    def fail_session(self, session_id: int, errno: int) -> None:
        """EVT_ERROR for a session; one that is not open is passed over."""
        ...

    def send_event(self, event: bytes) -> None:
        """An event nobody asked for; neither STREAMOFF nor CLOSE takes it back."""
        ...

    def release_event(self, event: bytes) -> bool:
        """Send an event that the engine kept back; False when it is void by now."""
        ...

    def config(self) -> bytes:
        """The config space as the guest sees it, 40 bytes."""
        ...

    def set_config(self, config: bytes | None) -> None:
        """Show another config space and announce it; None: the device's own."""
        ...

    def stop_ring(self, index: int) -> None:
        """Serve a ring no more."""
        ...

    def resume_ring(self, index: int) -> None:
        """Serve it again."""
        ...

    def disconnect(self, reason: str) -> None:
        """Close the vhost-user connection, not from under what is being done with it."""
        ...
