"""The tones that the model speaks of, as the theme's colours."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

TONES = ("dim", "good", "bad", "warn", "accent", "strong", "hot")


TONE_CLASSES = frozenset(f"tone--{tone}" for tone in TONES)
"""What a Toned widget has among its COMPONENT_CLASSES; Textual inherits them from one base only."""


class Toned(Widget):
    """A widget that can draw tones. Its colours are component classes in workbench.tcss."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._components: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Another theme, or another state: the tones are other colours."""
        self._components.clear()
        super().notify_style_update()

    def tone(self, name: str) -> Style:
        """The style of a tone or of a colour (#RRGGBB), to lay over a line's own."""
        if name.startswith("#"):
            return Style(color=name)
        if name not in TONES:
            return Style.null()
        return self.component(f"tone--{name}")

    def component(self, name: str) -> Style:
        """The style of a component class, to lay over a line's own."""
        # Textual forgets its own on each refresh, ten times a second here.
        if name not in self._components:
            self._components[name] = self.get_component_rich_style(name, partial=True)
        return self._components[name]

    def toned(self, parts: Iterable[tuple[str, str]]) -> Text:
        """Parts of (text, tone) as one Rich text."""
        text = Text(no_wrap=True, end="")
        for part, tone in parts:
            text.append(part, self.tone(tone))
        return text
