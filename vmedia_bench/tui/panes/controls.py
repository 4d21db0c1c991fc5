"""The V4L2 controls, each with its widget, live both ways."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import AwaitMount
from textual.widgets import Static

from vmedia_bench.control.operations.controls import ControlSetParams, ControlState
from vmedia_bench.tui.model.control_rows import is_heading
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.widgets.control_row import ControlRow

SETTLE_S = 0.4
"""A value that was just set here is not taken back from a snapshot that is older than it."""


NONE = """This device has no controls, or each session has controls of its own:
choose a session with Enter in the sessions."""


class ControlsPane(Pane):
    """All controls of the device, or of the session looked at where each has its own."""

    NAME = "controls"
    TITLE = "Controls"
    SHORT = "Ctrl"
    KEY = "7"
    HELP = (
        "The controls that the guest sees, with the values they have now; what it sets moves here, "
        "and what is set here is announced to the guest's subscribers.\n\n"
        "Tab and arrows up and down go from one to the next; left and right move a slider, Page Up "
        "and Page Down by more, Home and End to its ends. `D` sets the default."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("D", "default", "Default", id="controls.default"),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[int, ControlRow] = {}
        self._held: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        """The rows come with the first view."""
        yield Static(NONE, id="controls-none")
        yield VerticalScroll(id="controls-rows", can_focus=False)

    def show(self, view: View) -> None:
        """The controls of a view; they are only in views while this pane can be seen."""
        controls = view.snapshot.controls
        shown = [control for control in controls if not is_heading(control)]
        self.query_one("#controls-none").display = not shown
        self.query_one("#controls-rows").display = bool(shown)
        self.say(f"{len(shown)}" if shown else "")
        if not controls:
            return
        if [control.id for control in controls] != list(self._rows):
            self._build(list(controls))
            return
        now = asyncio.get_running_loop().time()
        for control in controls:
            row = self._rows[control.id]
            if _range(control) != _range(row.control):
                self._replace(row, control)
            elif self._held.get(control.key, 0.0) < now:
                row.show(control)

    def _build(self, controls: list[ControlState]) -> None:
        self._rows = {control.id: ControlRow(control) for control in controls}
        place = self.query_one("#controls-rows", VerticalScroll)
        place.remove_children()
        self.run_worker(self._claim_focus(place.mount(*self._rows.values())), exclusive=True)

    async def _claim_focus(self, mounted: AwaitMount) -> None:
        """Rows can take the keys once their widgets are there."""
        await mounted
        self.bench.claim_focus(self)

    def _replace(self, row: ControlRow, control: ControlState) -> None:
        """Another row for a control with another range: its widget is made for one."""
        other = self._rows[control.id] = ControlRow(control)
        self.query_one("#controls-rows").mount(other, before=row)
        row.remove()

    def on_control_row_wanted(self, message: ControlRow.Wanted) -> None:
        """Set a control."""
        message.stop()
        self._held[message.control_key] = asyncio.get_running_loop().time() + SETTLE_S
        self.bench.carry_out(
            "controls.set",
            ControlSetParams(
                control=message.control_key, value=message.value, session=self.bench.session
            ),
            self._taken,
        )

    def _taken(self, control: ControlState) -> None:
        if control.id in self._rows:
            self._rows[control.id].show(control)

    def action_default(self) -> None:
        """Set the control that has the keys to its default."""
        for row in self._rows.values():
            if row.has_focus_within and row.control.type != "BUTTON":
                row.post_message(ControlRow.Wanted(row.control.key, row.control.default))


def _range(control: ControlState) -> tuple[object, ...]:
    return (control.minimum, control.maximum, control.step, control.menu)
