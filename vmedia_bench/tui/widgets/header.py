"""The line at the top."""

from vmedia_bench.tui.model.header import Part, header_parts
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.widgets.toned_line import Parts, TonedLine


class BenchHeader(TonedLine):
    """Bench, VM, backend, rates and armed faults."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._view: View | None = None
        self.show_parts([(" vmedia-bench", "dim")])

    def show(self, view: View) -> None:
        """Draw a view's line."""
        self._view = view
        left, right = header_parts(view, self.size.width or 80)
        self.show_parts(_toned(left), _toned(right))

    def say(self, text: str) -> None:
        """A line instead, while there is no view yet."""
        self.show_parts([(" vmedia-bench  ", "dim"), (f"✖ {text}", "bad")])

    def on_resize(self) -> None:
        """Fit the line anew."""
        if self._view is not None:
            self.show(self._view)


def _toned(parts: list[Part]) -> Parts:
    return [(part.text, part.tone) for part in parts]
