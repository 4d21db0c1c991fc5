"""The sessions pane. Choosing a session narrows all other panes to it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from vmedia_bench.tui.model.sessions import COLUMNS, session_count_text, session_rows
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.widgets.table import RowTable

EMPTY = "No session is open.\nOne appears when the guest opens /dev/video0."


class SessionsPane(Pane):
    """A live table of the guest's sessions."""

    NAME = "sessions"
    TITLE = "Sessions"
    SHORT = "Sess"
    KEY = "1"
    HELP = (
        "Every file handle that the guest has open on the device.\n\n"
        "Enter or a double click chooses a session: all other panes then show only what is its. "
        "`a` shows all again. q/done counts the buffers that the device holds and the DQBUF events "
        "that the driver has not taken yet; drop counts frames for which no buffer was queued."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Look at it", id="sessions.choose"),
        Binding("e", "inject_error", "Inject error", id="sessions.error"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._table = RowTable(COLUMNS, empty=EMPTY, id="sessions-table")

    def compose(self) -> ComposeResult:
        """The table."""
        yield self._table

    def show(self, view: View) -> None:
        """The sessions of a view."""
        self.say(session_count_text(view))
        self._table.set_rows(session_rows(view))

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """A session was chosen; choosing it again lets it go."""
        session = int(message.key)
        self.bench.look_at(None if self.bench.session == session else session)

    def action_inject_error(self) -> None:
        """Fail the session under the cursor."""
        key = self._table.cursor_key
        self.bench.inject_error(int(key) if key is not None else None)
