"""A slider for a number."""

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class Slider(Toned, can_focus=True):
    """A line with a knob. It is moved by keys or mouse, and told when the value is another."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES, "slider--knob"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "by(-1)", "Less"),
        Binding("right", "by(1)", "More"),
        Binding("pageup,shift+right", "by(10)", "10 more", show=False),
        Binding("pagedown,shift+left", "by(-10)", "10 less", show=False),
        Binding("home", "to_end(False)", "Least", show=False),
        Binding("end", "to_end(True)", "Most", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The operator wants this value."""

        slider: "Slider"
        value: int

        @property
        def control(self) -> "Slider":
            """The slider."""
            return self.slider

    def __init__(self, least: int, most: int, step: int, value: int) -> None:
        super().__init__(classes="slider")
        self._least, self._most, self._step = least, most, max(step, 1)
        self.value = value

    def show(self, value: int) -> None:
        """Another value, from outside."""
        if value != self.value:
            self.value = value
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  one line is all there is
        """The line with its knob."""
        width, base = self.size.width, self.rich_style
        span = self._most - self._least
        place = round((self.value - self._least) / span * (width - 1)) if span else 0
        place = max(0, min(place, width - 1))
        knob = base + self.get_component_rich_style("slider--knob", partial=True)
        return Strip(
            [
                Segment("━" * place, base + self.tone("accent")),
                Segment("●", knob if self.has_focus else base + self.tone("accent")),
                Segment("─" * (width - 1 - place), base + self.tone("dim")),
            ]
        )

    def _want(self, value: int) -> None:
        step = self._step
        value = self._least + round((value - self._least) / step) * step
        value = max(self._least, min(value, self._most))
        if value != self.value:
            self.value = value
            self.refresh()
            self.post_message(self.Moved(self, value))

    def action_by(self, steps: int) -> None:
        """Some steps on; a slider with many values moves by more at once."""
        least = max(self._step, (self._most - self._least) // 100 // self._step * self._step)
        self._want(self.value + steps * (least if abs(steps) > 1 else self._step))

    def action_to_end(self, most: bool) -> None:
        """The least or the most."""
        self._want(self._most if most else self._least)

    def on_click(self, event: events.Click) -> None:
        """The value at the place that was clicked."""
        share = event.x / max(self.size.width - 1, 1)
        self._want(self._least + round(share * (self._most - self._least)))
