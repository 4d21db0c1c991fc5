"""A form in a dialog: what is typed becomes a value, or the mistake is said."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Select, Static

from vmedia_bench.tui.model.form import FormField
from vmedia_bench.tui.widgets.form_fields import FormFields

Make = Callable[[dict[str, str]], Any]
"""The value out of what is typed; ValueError says what is wrong."""
Relevant = Callable[[dict[str, str]], set[str]]
"""The fields that count, by what is filled in already."""


class FormScreen(ModalScreen[Any]):
    """Gives the value, or None when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("ctrl+s,f2", "accept", "Do it"),
    ]

    def __init__(
        self,
        title: str,
        about: str,
        fields: Sequence[FormField],
        make: Make,
        relevant: Relevant | None = None,
        values: dict[str, str] | None = None,
        problem: str = "",
    ) -> None:
        super().__init__()
        self._problem = problem
        self._title = title
        self._about = about
        self._fields = fields
        self._make = make
        self._relevant = relevant
        self._values = values

    def compose(self) -> ComposeResult:
        """What it is about, the fields, the answer."""
        with Vertical(classes="dialog -form") as box:
            box.border_title = self._title
            yield Static(self._about, classes="hint", markup=False)
            yield FormFields(self._fields, self._values)
            problem = f"✖ {self._problem}" if self._problem else ""
            yield Static(problem, id="form-problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="cancel", compact=True)
                yield Button("Do it (F2)", id="accept", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Hide what does not count yet."""
        self._sift()
        # The fields' own parts come after them.
        self.call_after_refresh(self._sift)
        if not self._fields:
            self.query_one("#accept").focus()

    def on_select_changed(self, _message: Select.Changed) -> None:
        """A choice may make other fields count."""
        self._sift()

    def _sift(self) -> None:
        if self._relevant is not None:
            form = self.query_one(FormFields)
            form.show_only(self._relevant(form.texts()))

    def on_input_submitted(self) -> None:
        """Enter in a field does it."""
        self.action_accept()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by mouse or Enter."""
        if event.button.id == "accept":
            self.action_accept()
        else:
            self.dismiss(None)

    def action_accept(self) -> None:
        """Make the value, or say what is wrong."""
        try:
            value = self._make(self.query_one(FormFields).texts())
        except ValueError as error:
            self.query_one("#form-problem", Static).update(f"✖ {error}")
            return
        self.dismiss(value)
