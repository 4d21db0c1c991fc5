"""The events pane: what went to the guest, and what waits for event buffers."""

from collections.abc import Sequence

from vmedia_bench.control.operations.trace import RecordKind
from vmedia_bench.tui.model.text import count_text
from vmedia_bench.tui.panes.trace_pane import TracePane


class EventsPane(TracePane):
    """Records of kind event."""

    NAME = "events"
    TITLE = "Events"
    SHORT = "Evts"
    KEY = "5"
    KINDS = (RecordKind.EVENT,)
    EMPTY = "No event yet.\nDQBUF, EVENT and ERROR appear as the device sends them."
    HELP = (
        "What the device told the driver: DQBUF for each buffer given back, EVENT for V4L2 events "
        "it subscribed to, ERROR for a session that failed.\n\n"
        "Events wait in the device while the driver has offered no event buffer; the title counts "
        "them. Keys are those of the commands pane."
    )

    def _about(self) -> str:
        words = [super()._about()]
        if self._view is not None:
            status = self._view.snapshot.status
            free = next((ring.offered for ring in status.rings if ring.name == "eventq"), 0)
            words.append(f"{count_text(status.counters.events)} sent")
            words.append(f"{status.events_waiting} waiting, {free} event buffers free")
        return " · ".join(word for word in words if word)

    def _filter_words(self, text: str) -> Sequence[str]:
        return ("events", "--filter", text)
