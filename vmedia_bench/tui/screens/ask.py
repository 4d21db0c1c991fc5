"""One line to type."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

Check = Callable[[str], str]
"""What is wrong with a text; empty when nothing is."""


class AskScreen(ModalScreen[str | None]):
    """Asks for one text; Escape gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def __init__(self, what: str, now: str = "", check: Check | None = None) -> None:
        super().__init__()
        self._what = what
        self._now = now
        self._check = check

    def compose(self) -> ComposeResult:
        """The line, and what is wrong with it."""
        with Vertical(classes="dialog") as box:
            box.border_title = self._what
            yield Input(self._now, id="ask")
            yield Static("", id="ask-problem", markup=False)
            yield Static("Enter takes it · Escape leaves it", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it, where nothing is wrong."""
        problem = self._check(event.value) if self._check else ""
        if problem:
            self.query_one("#ask-problem", Static).update(f"✖ {problem}")
        else:
            self.dismiss(event.value)
