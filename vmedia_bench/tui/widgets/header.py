"""The line at the top."""

from vmedia_bench.tui.model.header import Part, header_parts
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.widgets.toned_line import Parts, TonedLine


class BenchHeader(TonedLine):
    """Bench, VM, backend, rates and armed faults."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._view: View | None = None
        self._key: object = None
        self.show_parts([(" vmedia-bench", "dim")])

    def show(self, view: View) -> None:
        """Draw a view's line, where something in it is another."""
        self._view = view
        status = view.snapshot.status
        names = (status.name, status.peer, status.backend, status.card)
        age = int(status.uptime_s - view.since_step_s)
        key = (view.rates, view.live, status.vm, status.faults_armed, names, age, self.size.width)
        if key == self._key:
            return
        self._key = key
        left, right = header_parts(view, self.size.width or 80)
        self.show_parts(_toned(left), _toned(right))

    def say(self, text: str) -> None:
        """A line instead, while there is no view yet."""
        self._key = None
        self.show_parts([(" vmedia-bench  ", "dim"), (f"✖ {text}", "bad")])

    def on_resize(self) -> None:
        """Fit the line anew."""
        if self._view is not None:
            self.show(self._view)


def _toned(parts: list[Part]) -> Parts:
    return [(part.text, part.tone) for part in parts]
