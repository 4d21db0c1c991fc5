"""Fields to fill in: one line each, with what belongs in it."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch

from vmedia_bench.tui.model.form import FormField
from vmedia_bench.tui.widgets.line import Line


class FieldRow(Horizontal):
    """One field: name, widget, help."""

    def __init__(self, field: FormField, value: str) -> None:
        super().__init__(classes="field-row")
        self.field = field
        self._value = value

    def compose(self) -> ComposeResult:
        """Name, widget, help."""
        mark = " *" if self.field.required else ""
        name = self.field.name.rpartition(".")[2].replace("_", " ")
        yield Static(f"{name}{mark}", classes="field-name", markup=False)
        yield self._widget()
        yield Line(self.field.help, classes="field-help")

    def _widget(self) -> Widget:
        field, value = self.field, self._value or self.field.default
        if field.kind == "choice":
            known = value in field.choices
            return Select(
                [(choice, choice) for choice in field.choices],
                value=value if known else Select.NULL,
                allow_blank=not (known and field.required),
                prompt="-",
                compact=True,
            )
        if field.kind == "bool":
            return Switch(value == "on", animate=False)
        return Input(self._value, placeholder=field.default or _hint(field), compact=True)

    @property
    def text(self) -> str:
        """What is filled in; empty for nothing."""
        for select in self.query(Select):
            return str(select.value) if isinstance(select.value, str) else ""
        for switch in self.query(Switch):
            return "on" if switch.value else "off"
        return self.query_one(Input).value.strip()


class FormFields(VerticalScroll, can_focus=False):
    """Fields below each other; those that do not count are hidden."""

    def __init__(self, fields: Sequence[FormField], values: dict[str, str] | None = None) -> None:
        super().__init__(classes="form-fields")
        self._fields = list(fields)
        self._values = values or {}

    def compose(self) -> ComposeResult:
        """The rows."""
        for field in self._fields:
            yield FieldRow(field, self._values.get(field.name, ""))

    def texts(self) -> dict[str, str]:
        """What is filled in, by name, of the fields that are shown."""
        return {row.field.name: row.text for row in self.query(FieldRow) if row.display}

    def show_only(self, names: set[str]) -> None:
        """Hide all other fields."""
        for row in self.query(FieldRow):
            row.display = row.field.name in names


def _hint(field: FormField) -> str:
    if field.choices:
        return " ".join(field.choices)
    return {"int": "number", "float": "number", "pairs": "name=value ..."}.get(field.kind, "")
