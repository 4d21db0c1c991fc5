"""What a fault rule can do to a running bench on its own."""

from collections.abc import Callable

from vmedia_bench.device.interceptor import Interceptor
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.vhost.server import VhostServer


class BenchStage:
    """The fault engine's hands: satisfies its Stage, over the parts of a bench.

    `interceptor` is the engine itself; it is in the device's way only while it asks to be. `soon`
    has something called in the loop's next turn.
    """

    def __init__(
        self,
        device: MediaDevice,
        transport: VhostServer,
        trace: TraceRing,
        *,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._soon = soon
        self._device = device
        self._transport = transport
        self._trace = trace
        self.interceptor: Interceptor | None = None
        self.fired_count = 0

    def intercept(self, on: bool) -> None:
        """Stand between device and driver, or step aside."""
        self._device.intercept(self.interceptor if on else None)

    def fired(self, rule: int, session: int, text: str) -> None:
        """A rule acted: into the trace, in its place among the commands."""
        self.fired_count += 1
        self._trace.fault(text, session, rule)

    def open_sessions(self) -> tuple[int, ...]:
        """IDs of the sessions that work."""
        return tuple(s.id for s in self._device.sessions.all() if not s.failed_with)

    def fail_session(self, session_id: int, errno: int) -> None:
        """EVT_ERROR for a session; one that is not open is passed over."""
        self._device.node.fail(session_id, errno)

    def send_event(self, event: bytes) -> None:
        """An event nobody asked for."""
        self._device.send_raw(event)

    def release_event(self, event: bytes) -> bool:
        """Send an event that was kept back; False when it is void by now."""
        return self._device.release_event(event)

    def config(self) -> bytes:
        """The config space as the guest sees it."""
        return self._device.config_space()

    def set_config(self, config: bytes | None) -> None:
        """Show another config space and announce it; None: the device's own."""
        self._device.set_config(config)

    def stop_ring(self, index: int) -> None:
        """Serve a ring no more."""
        self._transport.stop_ring(index)

    def resume_ring(self, index: int) -> None:
        """Serve it again."""
        self._transport.resume_ring(index)

    def disconnect(self, reason: str) -> None:
        """Close the vhost-user connection, once the command that led to it is done with."""
        self._soon(lambda: self._transport.disconnect(reason))
