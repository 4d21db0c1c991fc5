"""The backends: which there are, which can run, and changing to another."""

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.backends import (
    BackendList,
    BackendParams,
    BackendRow,
    BackendSwitch,
    BackendUseParams,
    DeviceRow,
    SwitchMode,
)
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.backend_rows import (
    COLUMNS,
    about_lines,
    backend_rows,
    changed_options,
    option_fields,
)
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.screens.form import FormScreen
from vmedia_bench.tui.screens.switch import SwitchScreen
from vmedia_bench.tui.widgets.table import RowTable
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned

EVERY = 20
"""Views between two readings of the list."""


class BackendText(Static, Toned):
    """The backend under the cursor, in full."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)


class BackendPane(Pane):
    """All backends; the one that runs is marked."""

    NAME = "backend"
    TITLE = "Backend"
    SHORT = "Back"
    KEY = "0"
    HELP = (
        "Where the pixels come from or go. ● active, ○ ready, ✖ cannot run here, with the reason "
        "and what to do about it.\n\n"
        "Enter changes to the backend under the cursor: first its options, then what the change "
        "would do to the sessions that are open, then it is done."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "use", "Change to it", id="backend.use"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._backends: tuple[BackendRow, ...] = ()
        self._tick = -1
        self._active = ""
        self._devices: dict[str, tuple[DeviceRow, ...]] = {}

    def compose(self) -> ComposeResult:
        """List above, details below."""
        yield RowTable(COLUMNS, empty="Not read yet.", id="backend-table")
        with VerticalScroll(id="backend-about"):
            yield BackendText(id="backend-text")

    def show(self, view: View) -> None:
        """Read the list anew now and then, and when another backend runs."""
        self._tick += 1
        status = view.snapshot.status
        self.say(f"{status.backend} · {status.card}")
        if view.live and (self._tick % EVERY == 0 or status.backend != self._active):
            self._active = status.backend
            self.run_worker(self._read(), exclusive=True, group="backends")

    async def _read(self) -> None:
        try:
            found: BackendList = await self.bench.link.call("backends.list", Nothing())
        except (BenchLostError, RefusedError):
            return
        if found.backends != self._backends:
            self._backends = found.backends
            self.query_one(RowTable).set_rows(backend_rows(found.backends))
            self._describe()

    def on_row_table_moved(self, message: RowTable.Moved) -> None:
        """Describe the backend under the cursor."""
        message.stop()
        self._describe()
        self.run_worker(self._find_devices(), exclusive=True, group="devices")

    async def _find_devices(self) -> None:
        backend = self._chosen()
        if backend is None:
            return
        try:
            found: BackendRow = await self.bench.link.call(
                "backends.show", BackendParams(backend=backend.name)
            )
        except (BenchLostError, RefusedError):
            return
        if found.devices != self._devices.get(found.name, ()):
            self._devices[found.name] = found.devices
            self._describe()

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """Change to it."""
        message.stop()
        self.action_use()

    def _chosen(self) -> BackendRow | None:
        key = self.query_one(RowTable).cursor_key
        return next((backend for backend in self._backends if backend.name == key), None)

    def _describe(self) -> None:
        backend = self._chosen()
        if backend is not None:
            text = self.query_one(BackendText)
            backend = replace(backend, devices=self._devices.get(backend.name, ()))
            lines = about_lines(backend, text.size.width)
            text.update(Text("\n").join(text.toned(line) for line in lines))

    def on_resize(self) -> None:
        """Describe it in as many cells as there are now."""
        self.call_after_refresh(self._describe)

    def action_use(self) -> None:
        """Change to the backend under the cursor."""
        backend = self._chosen()
        if backend is None:
            return
        if not backend.usable:
            self.notify(backend.reason, title=f"{backend.name} cannot run here", severity="warning")
            return
        self._change(backend)

    @work(exclusive=True, group="change")
    async def _change(self, backend: BackendRow) -> None:
        options: dict[str, str] = {}
        plans, problem = None, ""
        while plans is None:
            filled: dict[str, str] | None = await self.app.push_screen_wait(
                FormScreen(
                    f"Options of {backend.name}",
                    backend.summary,
                    option_fields(backend.options),
                    lambda texts: changed_options(backend.options, texts),
                    values=options,
                    problem=problem,
                )
            )
            if filled is None:
                return
            options = filled
            try:
                plans = await self._plans(backend.name, options)
            except RefusedError as error:
                problem = error.message
            except BenchLostError as error:
                self.notify(str(error), severity="error", title="The bench is lost")
                return
        mode = await self.app.push_screen_wait(SwitchScreen(backend.name, plans))
        if mode is not None:
            params = BackendUseParams(backend=backend.name, options=options, mode=mode)
            await self.bench.perform("backends.use", params, asked=True)

    async def _plans(self, name: str, options: dict[str, str]) -> dict[SwitchMode, BackendSwitch]:
        plans: dict[SwitchMode, BackendSwitch] = {}
        for mode in SwitchMode:
            params = BackendUseParams(backend=name, options=options, mode=mode, dry_run=True)
            plan: BackendSwitch = await self.bench.link.call("backends.use", params)
            if mode is SwitchMode.REFUSE and not plan.obstacles:
                return {mode: plan}
            plans[mode] = plan
        # That sessions are in the way is what the two other ways are about.
        del plans[SwitchMode.REFUSE]
        return plans
