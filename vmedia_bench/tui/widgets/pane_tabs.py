"""The strip that names the panes behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


@dataclass(frozen=True, slots=True)
class Tab:
    """One name in the strip."""

    pane: str
    title: str
    short: str
    key: str


class PaneTabs(Toned):
    """Names to click; the keys beside them work from anywhere."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES, "tabs--active"}

    @dataclass
    class Clicked(Message):
        """A name was clicked."""

        pane: str

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._tabs: Sequence[Tab] = ()
        self._active = ""
        self._alarms: frozenset[str] = frozenset()

    def show(self, tabs: Sequence[Tab], active: str, alarms: frozenset[str]) -> None:
        """Name these panes; `alarms` are those that want to be looked at."""
        if (tabs, active, alarms) != (self._tabs, self._active, self._alarms):
            self._tabs, self._active, self._alarms = tabs, active, alarms
            self.refresh()

    def _pieces(self) -> list[tuple[Tab, str, str]]:
        """(tab, key, title), shortened where there is no room for whole titles."""
        full = [(tab, f" {tab.key}", f" {tab.title} ") for tab in self._tabs]
        if sum(len(key) + len(title) for _, key, title in full) <= self.size.width:
            return full
        return [(tab, tab.key, f" {tab.short} ") for tab in self._tabs]

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  one line is all there is
        """The strip."""
        base = self.rich_style
        active = base + self.get_component_rich_style("tabs--active", partial=True)
        segments = []
        for tab, key, title in self._pieces():
            style = active if tab.pane == self._active else base
            alarm = tab.pane in self._alarms
            style += self.tone("hot" if alarm else "")
            marked = style if alarm else style + self.tone("accent")
            segments += [Segment(key, marked), Segment(title, style)]
        return Strip(segments).extend_cell_length(self.size.width, base).crop(0, self.size.width)

    def on_click(self, event: events.Click) -> None:
        """Go to the pane whose name was clicked."""
        at = 0
        for tab, key, title in self._pieces():
            at += len(key) + len(title)
            if event.x < at:
                self.post_message(self.Clicked(tab.pane))
                return
