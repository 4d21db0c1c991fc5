"""What all panes are: a titled box that is shown one view after another."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench


class Pane(Vertical):
    """One pane. Subclasses say what they are called and draw in `show`."""

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""
    SHORT: ClassVar[str] = ""
    """Its title where there is room for four letters."""
    KEY: ClassVar[str] = ""
    """The key that goes to it from anywhere."""
    HELP: ClassVar[str] = ""
    """What `?` says about it, beside its keys."""

    def __init__(self) -> None:
        super().__init__(id=self.NAME, classes="pane")
        self.border_title = self.TITLE
        self._said = ""

    @property
    def bench(self) -> "Workbench":
        """The app, under its own type."""
        return cast("Workbench", self.app)

    def show(self, view: View) -> None:
        """Draw what a view says; called some ten times a second while the pane can be seen."""

    def beat(self, number: int) -> None:
        """Ask for what is to be seen, together with all others; `number` as beat_of() gives."""

    async def prepare(self) -> None:
        """Fetch what the very first drawing is to show, when the first view is there."""

    def begin_anew(self) -> None:
        """Forget what another bench has said: one with the same name has taken its place."""

    def say(self, about: str) -> None:
        """Put something beside the title."""
        if about != self._said:
            self._said = about
            # Content, since a filter or a card's name may have brackets.
            self.border_title = Content(f"{self.TITLE} · {about}" if about else self.TITLE)

    def action_choose(self) -> None:
        """Choose the row under the cursor; the table tells the pane."""
        for table in self.query(RowTable):
            if table.has_focus:
                table.choose()

    def take_keys(self) -> None:
        """Give the keys to the part that takes them when the pane is gone to."""
        widget = self.first_focus()
        if widget is not None:
            widget.focus()

    def first_focus(self) -> Widget | None:
        """That part."""
        for widget in self.query("*"):
            if widget.focusable and widget.display:
                return widget
        return None
