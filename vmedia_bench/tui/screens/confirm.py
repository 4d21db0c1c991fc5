"""A question before what can hurt."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class ConfirmScreen(ModalScreen[bool]):
    """Yes or no; the safe answer has the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No"),
        Binding("y", "answer(True)", "Yes"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, consequences: str, yes: str = "Do it") -> None:
        super().__init__()
        self._question = question
        self._consequences = consequences
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Question, consequences, answers."""
        with Vertical(classes="dialog -danger") as box:
            box.border_title = f"▲ {self._question}"
            yield Static(self._consequences, classes="consequences", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("No (Esc)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        """The safe answer first."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by mouse or Enter."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """An answer by key."""
        self.dismiss(yes)
