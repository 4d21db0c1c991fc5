"""The line into which a filter is typed: completion, history, and what is wrong with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

Complete = Callable[[str], tuple[int, Sequence[str]]]
"""Where the word at the text's end begins, and what may stand there, likely ones first."""


HINTS = 6


class _Words(Suggester):
    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed."""
        start, words = self._complete(value)
        typed = value[start:]
        for word in words:
            if typed and word.lower().startswith(typed.lower()) and len(word) > len(typed):
                return value[:start] + typed + word[len(typed) :]
        return None


class _Line(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", "Older", show=False),
        Binding("down", "newer", "Newer", show=False),
        Binding("tab", "complete", "Complete", show=False),
        Binding("escape", "give_up", "Close"),
    ]

    def action_older(self) -> None:
        """The filter typed before this one."""
        self.parent.walk(1)  # type: ignore[union-attr]

    def action_newer(self) -> None:
        """The filter typed after this one."""
        self.parent.walk(-1)  # type: ignore[union-attr]

    def action_complete(self) -> None:
        """Take the completion that is shown."""
        self.action_cursor_right()
        self.cursor_position = len(self.value)

    def action_give_up(self) -> None:
        """Leave the line without a filter."""
        self.parent.close()  # type: ignore[union-attr]


class FilterLine(Horizontal):
    """Opened by `/`; Enter applies, Escape takes the filter away."""

    @dataclass
    class Applied(Message):
        """A filter to apply; empty: none."""

        line: "FilterLine"
        text: str

        @property
        def control(self) -> "FilterLine":
            """The line."""
            return self.line

    def __init__(self, complete: Complete, hint: str, history: Sequence[str] = ()) -> None:
        super().__init__(classes="filter-line")
        self._complete = complete
        self._hint = hint
        self.history = list(history)
        self._place = -1
        self.display = False

    def compose(self) -> ComposeResult:
        """A prompt, the text, what is wrong."""
        yield Static(" / ", classes="filter-prompt")
        yield _Line(placeholder=self._hint, suggester=_Words(self._complete), compact=True)
        yield Static("", classes="filter-problem", markup=False)

    @property
    def text(self) -> str:
        """What is typed."""
        return self.query_one(Input).value

    def open(self) -> None:
        """Show it and take the keys."""
        self.display = True
        self.query_one(Input).focus()

    def close(self) -> None:
        """Take it and its filter away."""
        self.query_one(Input).value = ""
        self.complain("")
        self.display = False
        self.post_message(self.Applied(self, ""))

    def put(self, text: str) -> None:
        """Show a text that is applied already."""
        self.query_one(Input).value = text
        self.display = bool(text)

    def complain(self, problem: str) -> None:
        """Say what is wrong, or that nothing is."""
        line = self.query_one(".filter-problem", Static)
        line.update(f"✖ {problem} " if problem else "")
        line.set_class(bool(problem), "-wrong")

    def walk(self, by: int) -> None:
        """Through the history, 1 for older."""
        if not self.history:
            return
        self._place = max(-1, min(self._place + by, len(self.history) - 1))
        line = self.query_one(Input)
        line.value = self.history[self._place] if self._place >= 0 else ""
        line.cursor_position = len(line.value)

    def remember(self, text: str) -> None:
        """Put a filter at the head of the history."""
        if text:
            self.history[:] = [text, *(old for old in self.history if old != text)][:50]
        self._place = -1

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what may come next."""
        event.stop()
        _, words = self._complete(event.value)
        line = self.query_one(".filter-problem", Static)
        line.set_class(False, "-wrong")
        line.update(" ".join(words[:HINTS]))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply what is typed."""
        event.stop()
        if not event.value.strip():
            self.close()
            return
        self.post_message(self.Applied(self, event.value.strip()))
