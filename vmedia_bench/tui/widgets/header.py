"""The line at the top."""

from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip

from vmedia_bench.tui.model.header import Part, header_parts
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class BenchHeader(Toned):
    """Bench, VM, backend, rates and armed faults."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self) -> None:
        super().__init__(id="header")
        self._left: list[Part] = [Part(" vmedia-bench", "dim")]
        self._right: list[Part] = []
        self._view: View | None = None

    def show(self, view: View) -> None:
        """Draw a view's line, where it differs from what is there."""
        self._view = view
        parts = header_parts(view, self.size.width or 80)
        if parts != (self._left, self._right):
            self._left, self._right = parts
            self.refresh()

    def say(self, text: str) -> None:
        """A line instead, while there is no view yet."""
        self._left, self._right = [Part(" vmedia-bench  ", "dim"), Part(f"✖ {text}", "bad")], []
        self.refresh()

    def on_resize(self) -> None:
        """Fit the line anew."""
        if self._view is not None:
            self.show(self._view)

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  one line is all there is
        """The line itself."""
        width, base = self.size.width, self.rich_style
        left = [Segment(part.text, base + self.tone(part.tone)) for part in self._left]
        right = [Segment(part.text, base + self.tone(part.tone)) for part in self._right]
        gap = width - sum(segment.cell_length for segment in (*left, *right))
        return Strip([*left, Segment(" " * max(gap, 0), base), *right]).crop(0, width)
