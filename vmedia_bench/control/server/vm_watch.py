"""How far the VM has come, drawn from what the transport tells its observers."""

from vmedia_bench.control.operations.bench import VmState
from vmedia_bench.control.operations.live import Topic
from vmedia_bench.control.server.news import News
from vmedia_bench.vhost.observer import (
    Connected,
    DevicePaused,
    DeviceReset,
    DeviceResumed,
    DeviceStarted,
    Event,
    FrontendGone,
)

_STATES: dict[type, VmState] = {
    Connected: VmState.CONNECTED,
    DeviceStarted: VmState.READY,
    DeviceResumed: VmState.READY,
    DevicePaused: VmState.PAUSED,
    DeviceReset: VmState.CONNECTED,
    FrontendGone: VmState.GONE,
}


class VmWatch:
    """An observer of the transport. `state` is the VM's, `reason` why the front-end left."""

    def __init__(self, news: News) -> None:
        self.state = VmState.WAITING
        self.reason = ""
        self._news = news

    def __call__(self, event: Event) -> None:
        """Something happened to the transport."""
        state = _STATES.get(type(event))
        if state is not None:
            self.state = state
            self.reason = event.reason if isinstance(event, FrontendGone) else ""
            self._news.tell(Topic.VM, {"state": state.value, "reason": self.reason})
