"""Fault rules: hit counts, arm and disarm, a form for new ones, one-shot buttons, a kill switch."""

from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, VerticalScroll
from textual.widgets import Button, Static

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.faults import (
    FaultAddParams,
    FaultParams,
    Preset,
    PresetList,
    PresetParams,
)
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.fault_rows import (
    COLUMNS,
    fault_rows,
    faults_title,
    misfit,
    relevant_fields,
)
from vmedia_bench.tui.model.form import build, form_fields
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.screens.form import FormScreen
from vmedia_bench.tui.widgets.table import RowTable

EMPTY = "No fault rule.\nn adds one; the buttons below act once."
ABOUT = "Where it looks, what it does there, and how often. Fields that do not count are hidden."


class OneShot(Button):
    """A ready-made rule; pressed, it is added for the session looked at."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset.name, compact=True, classes="one-shot", tooltip=preset.summary)
        self.preset = preset


class FaultsPane(Pane):
    """The rules in the order in which they are tried."""

    NAME = "faults"
    TITLE = "Faults"
    SHORT = "Flts"
    KEY = "9"
    HELP = (
        "Rules that change what the device answers. The first that matches and is armed acts; "
        "⚑ armed, ✓ spent (its schedule is over), ○ off. ▲ may crash a guest with a known "
        "weakness.\n\n"
        "Enter arms or disarms the rule under the cursor, `n` adds one by form, Delete removes it. "
        "The buttons add a ready-made rule, for the session looked at. `K` from anywhere removes "
        "all rules and lets go of what they hold back."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "add", "New", id="faults.add"),
        Binding("enter", "arm", "Arm/disarm", id="faults.toggle"),
        Binding("delete,backspace", "remove", "Remove", id="faults.remove", key_display="Del"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        """Rules above, buttons below."""
        yield RowTable(COLUMNS, empty=EMPTY, id="faults-table")
        yield Static("Once, now:", id="presets-head")
        with VerticalScroll(id="presets", can_focus=False):
            yield ItemGrid(min_column_width=22, id="presets-grid", regular=False)

    def show(self, view: View) -> None:
        """The rules of a view."""
        self._view = view
        self.say(faults_title(view.snapshot.faults))
        self.query_one(RowTable).set_rows(fault_rows(view.snapshot.faults, view.snapshot.at_ns))
        if not self._asked and view.live:
            self._asked = True
            self.run_worker(self._fill())

    async def _fill(self) -> None:
        try:
            presets: PresetList = await self.bench.link.call("faults.presets", Nothing())
        except (BenchLostError, RefusedError):
            self._asked = False
            return
        grid = self.query_one("#presets-grid")
        await grid.remove_children()
        await grid.mount(*(OneShot(preset) for preset in presets.presets))

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """A one-shot button."""
        message.stop()
        if isinstance(message.button, OneShot):
            self.bench.carry_out(
                "faults.use_preset",
                PresetParams(preset=message.button.preset.name, session=self.bench.session),
            )

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """Arm or disarm."""
        message.stop()
        self.action_arm()

    def action_arm(self) -> None:
        """Arm the rule under the cursor, or disarm it."""
        fault = self._chosen()
        if fault is not None:
            on = fault.armed and not fault.spent
            self.bench.carry_out(f"faults.{'disarm' if on else 'arm'}", FaultParams(id=fault.id))

    def action_remove(self) -> None:
        """Remove the rule under the cursor."""
        fault = self._chosen()
        if fault is not None:
            self.bench.carry_out("faults.remove", FaultParams(id=fault.id))

    def _chosen(self) -> Any:
        key = self.query_one(RowTable).cursor_key
        if self._view is None:
            return None
        return next((fault for fault in self._view.snapshot.faults if fault.id == key), None)

    def action_add(self) -> None:
        """A form for a new rule."""

        def make(texts: dict[str, str]) -> FaultAddParams:
            wrong = misfit(texts)
            if wrong:
                raise ValueError(wrong)
            params: FaultAddParams = build(FaultAddParams, texts)
            return params

        chosen = {"rule.match.on": "command", "rule.action.do": "errno"}
        if self.bench.session is not None:
            chosen["rule.match.session"] = str(self.bench.session)
        self.bench.fill_in(
            partial(
                FormScreen,
                "New fault rule",
                ABOUT,
                form_fields(FaultAddParams),
                relevant=relevant_fields,
            ),
            make,
            chosen,
            lambda params, refused: self.bench.carry_out("faults.add", params, refused=refused),
        )
