"""The command lines that do what was just done."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class CommandLine(Static, can_focus=True):
    """One line; Enter or a click copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,c,y", "copy", "Copy"),
        Binding("down,j", "app.focus_next", "Older", show=False),
        Binding("up,k", "app.focus_previous", "Newer", show=False),
    ]

    def __init__(self, line: str) -> None:
        super().__init__(line, classes="command-line", markup=False)
        self.line = line

    def action_copy(self) -> None:
        """Copy it, and close."""
        self.app.copy_to_clipboard(self.line)
        self.notify("Copied.")
        self.screen.dismiss()

    def on_click(self, event: events.Click) -> None:
        """Copy by mouse."""
        event.stop()
        self.action_copy()


class LinesScreen(ModalScreen[None]):
    """The newest first; it is in the clipboard already."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """One line each."""
        with Vertical(classes="dialog") as box:
            box.border_title = "The same on the command line"
            if not self._lines:
                yield Static(
                    "Nothing done yet. Whatever you do here can be done by a command, which then "
                    "stands here, ready to copy.",
                    classes="hint",
                )
                return
            yield Static("The first is copied. Enter copies another.", classes="hint")
            with VerticalScroll(can_focus=False, classes="command-lines"):
                for line in self._lines:
                    yield CommandLine(line)

    def on_mount(self) -> None:
        """Copy the newest."""
        if self._lines:
            self.app.copy_to_clipboard(self._lines[0])
