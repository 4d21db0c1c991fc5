"""Help on a pane: what it shows, and the keys that work in it."""

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Markdown, Static

Keys = Sequence[tuple[str, str]]
"""(key, what it does)."""


class HelpScreen(ModalScreen[None]):
    """Closed by any of the usual keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "dismiss", "Close")
    ]

    def __init__(self, title: str, text: str, here: Keys, everywhere: Keys) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._here = here
        self._everywhere = everywhere

    def compose(self) -> ComposeResult:
        """Text, then keys."""
        with VerticalScroll(classes="dialog -help") as box:
            box.border_title = self._title
            box.border_subtitle = "Esc closes"
            yield Markdown(self._text)
            if self._here:
                yield Static("Keys in this pane", classes="help-head")
                yield Static(_keys(self._here))
            yield Static("Keys everywhere", classes="help-head")
            yield Static(_keys(self._everywhere))


def _keys(keys: Keys) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(2):
        table.add_column(width=12, justify="right", no_wrap=True)
        table.add_column(ratio=1)
    cells = [(Text(key, "bold"), Text(text)) for key, text in keys]
    for place in range(0, len(cells), 2):
        pair = [*cells[place], *(cells[place + 1] if place + 1 < len(cells) else ("", ""))]
        table.add_row(*pair)
    return table
