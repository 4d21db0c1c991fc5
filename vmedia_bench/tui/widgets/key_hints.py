"""The keys that do something now, in the last line."""

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

GAP = " "


@dataclass(frozen=True, slots=True)
class Hint:
    """One key: its name for Textual, as it is shown, and what it does."""

    key: str
    shown: str
    does: str
    enabled: bool

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return len(self.shown) + 1 + len(self.does)


class KeyHints(Widget):
    """
    The keys of the focused widget, its pane and the app; a click is the key.

    Textual's own Footer makes a widget for each key whenever the focus moves, which takes a
    quarter of the time that going to another pane takes, and it never lets them go.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"hints--key", "hints--does"}

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[Hint, ...] = ()

    def on_mount(self) -> None:
        """Hear of the keys that there are."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if not self.app.app_focus or screen is not self.screen:
            return
        shown: dict[str, Hint] = {}
        for _node, binding, enabled, _tooltip in screen.active_bindings.values():
            if binding.show and binding.action not in shown:
                display = self.app.get_key_display(binding)
                shown[binding.action] = Hint(binding.key, display, binding.description, enabled)
        hints = tuple(shown.values())
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  one line is all there is
        """The keys, as many as there is whole room for."""
        base = self.rich_style
        key = self.get_component_rich_style("hints--key")
        does = self.get_component_rich_style("hints--does")
        segments = []
        left = self.size.width
        for hint in self._hints:
            left -= hint.width
            if left < 0:
                break
            left -= len(GAP)
            off = Style() if hint.enabled else Style(dim=True)
            segments += [
                Segment(hint.shown, key + off),
                Segment(f" {hint.does}", does + off),
                Segment(GAP, base),
            ]
        width = self.size.width
        return Strip(segments).extend_cell_length(width, base).crop(0, width)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        start = 0
        for hint in self._hints:
            if start <= event.x < start + hint.width:
                if hint.enabled:
                    self.app.simulate_key(hint.key)
                else:
                    self.app.bell()
                return
            start += hint.width + len(GAP)
