"""The workbench: panes around one connection to a bench."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Static

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.bench import Snapshot
from vmedia_bench.control.operations.controls import ControlList, ControlListParams, ControlState
from vmedia_bench.control.operations.faults import InjectErrorParams
from vmedia_bench.control.operations.trace import RecordKind
from vmedia_bench.control.registry import operation
from vmedia_bench.tui.beat import beat_of, rush_told_ns
from vmedia_bench.tui.deeds import Deeds
from vmedia_bench.tui.driver import WorkbenchDriver
from vmedia_bench.tui.guest_runner import GuestRunner
from vmedia_bench.tui.layout import ALWAYS, LEAST, plan
from vmedia_bench.tui.link import BenchLostError, Connect, Link, RefusedError
from vmedia_bench.tui.model.cli_line import words_line
from vmedia_bench.tui.model.form import build, form_fields
from vmedia_bench.tui.model.rates import RateMeter
from vmedia_bench.tui.model.rush import only_rush
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.palette import WorkbenchCommands
from vmedia_bench.tui.panes.catalog import PANES
from vmedia_bench.tui.panes.controls import ControlsPane
from vmedia_bench.tui.panes.log import LogPane
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.panes.preview import PreviewPane
from vmedia_bench.tui.panes.trace_pane import TracePane
from vmedia_bench.tui.remembered import Remembered
from vmedia_bench.tui.screens.form import FormScreen, Make
from vmedia_bench.tui.screens.help import HelpScreen
from vmedia_bench.tui.screens.lines import LinesScreen
from vmedia_bench.tui.themes import THEMES
from vmedia_bench.tui.widgets.graphics import Graphics
from vmedia_bench.tui.widgets.header import BenchHeader
from vmedia_bench.tui.widgets.key_hints import KeyHints
from vmedia_bench.tui.widgets.pane_tabs import PaneTabs, Tab

RETRY_S = 0.5
OPENING_S = 0.5
SILENT_S = 5.0
"""A bench that lives tells something ten times a second."""


@dataclass
class Wishes:
    """What the operator said on the command line or in the configuration file."""

    keymap: dict[str, str] = field(default_factory=dict)
    """Keys by the ID of a binding, several with commas."""
    theme: str = ""
    graphics: Graphics | None = None
    """What draws real pixels on this terminal."""


class Workbench(App[None]):
    """One bench on one screen."""

    CSS_PATH = "workbench.tcss"
    TITLE = "vmedia-bench"
    COMMANDS: ClassVar[set[Any]] = {*App.COMMANDS, WorkbenchCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(kind.KEY, f"go_to('{kind.NAME}')", kind.TITLE, id=f"go.{kind.NAME}", show=False)
            for kind in PANES
        ),
        # The footer shows them in this order, and a narrow screen only the first ones.
        Binding("question_mark", "help", "Help", id="app.help", key_display="?"),
        Binding("ctrl+p", "command_palette", "Palette", id="app.palette", key_display="^p"),
        Binding("q", "quit", "Quit", id="app.quit"),
        Binding("slash", "filter", "Filter", id="app.filter", key_display="/"),
        Binding("space", "pause", "Pause", id="app.pause"),
        Binding("e", "inject_error", "Inject error", id="app.error", show=False),
        Binding("f", "go_to('faults')", "Faults", id="app.faults"),
        Binding("b", "go_to('backend')", "Backend", id="app.backend"),
        Binding("s", "snapshot", "Snapshot", id="app.snapshot"),
        Binding("d", "guest", "Built-in guest", id="app.guest", show=False),
        Binding("a", "all_sessions", "All sessions", id="app.all", show=False),
        Binding("z", "zoom_pane", "Only this pane", id="app.zoom", show=False),
        Binding("K", "kill_switch", "No faults", id="app.kill", show=False),
        Binding("c", "lines", "CLI line", id="app.lines"),
    ]

    def __init__(
        self,
        connect: Connect,
        wishes: Wishes | None = None,
        remembered: Remembered | None = None,
        guest_runner: GuestRunner | None = None,
    ) -> None:
        super().__init__()
        self.wishes = wishes or Wishes()
        self.remembered = remembered or Remembered()
        self.link = Link(connect, lambda: self.is_running)
        self.deeds = Deeds(self)
        self.session: int | None = None
        self.view: View | None = None
        self.paused = False
        self.graphics = self.wishes.graphics
        self.guest_runner = guest_runner
        self.ready: Callable[[], None] = lambda: None
        """Called once when all panes are there."""
        self.panes: dict[str, Pane] = {kind.NAME: kind() for kind in PANES}
        self._active = _known(self.remembered.active, self.panes, "preview")
        self._deck = _known(self.remembered.deck, self.panes, "commands")
        self._zoomed = self.remembered.zoomed
        self._header = BenchHeader()
        self._seen: tuple[Pane, ...] = ()
        self._laid_out = asyncio.Event()
        self._meter = RateMeter()
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.wishes.theme or self.remembered.theme
        self.theme = wanted if wanted in self.available_themes else THEMES[0].name
        self.set_keymap(self.wishes.keymap)

    def get_driver_class(self) -> type[Driver]:
        """Give ours where Textual takes its own for terminals: not in a browser."""
        found = super().get_driver_class()
        return WorkbenchDriver if found is LinuxDriver else found

    def compose(self) -> ComposeResult:
        """Header, panes, footer."""
        yield self._header
        # Containers that overlap what changes are drawn with it: there are as few as can be.
        with Container(id="top"):
            yield self.panes["sessions"]
            yield self.panes["preview"]
            yield self.panes["buffers"]
        yield PaneTabs()
        for name, pane in self.panes.items():
            if name not in ALWAYS:
                yield pane.add_class("deck")
        yield Static("", id="too-small")
        yield KeyHints()

    def on_mount(self) -> None:
        """Begin to follow the bench."""
        self.arrange()
        self.go_to(self._active)
        self.run_worker(self._follow(), name="follow")

    def on_ready(self) -> None:
        """All panes are there."""
        self._laid_out.set()
        self.ready()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002  widgets pass True where nothing is said
    ) -> None:
        """Show a message for some seconds. Texts come from anywhere, so brackets are brackets."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=False)

    def action_help_quit(self) -> None:
        """Say what quits, since Ctrl-C does not."""
        for active in self.active_bindings.values():
            if active.binding.id == "app.quit":
                self.notify(f"{self.get_key_display(active.binding)} quits.", timeout=3)

    # Layout

    def on_resize(self) -> None:
        """Lay the panes out anew."""
        self.call_after_refresh(self.arrange)

    def arrange(self) -> None:
        """Show the panes that are to be seen now."""
        width, height = self.size
        laid = plan(width, height, list(self.panes), self._active, self._deck, self._zoomed)
        screen = self.screen_stack[0]
        screen.set_class(laid.too_small, "-too-small")
        screen.set_class(laid.single, "-single")
        screen.query_one("#top").display = any(name in ALWAYS for name in laid.panes)
        screen.set_class(any(name not in ALWAYS for name in laid.panes), "-decked")
        screen.set_class(len(laid.panes) == 1, "-alone")
        self._seen = tuple(self.panes[name] for name in laid.panes)
        for name, pane in self.panes.items():
            pane.display = name in laid.panes
        if laid.too_small:
            screen.query_one("#too-small", Static).update(
                f"vmedia-bench needs {LEAST[0]}x{LEAST[1]} cells.\n"
                f"This terminal has {width}x{height}."
            )
            return
        self._draw_tabs(laid.tabs, laid.active)
        if self.view is not None:
            self._show(self.view)

    def _draw_tabs(self, names: Sequence[str], active: str) -> None:
        tabs = [
            Tab(name, pane.TITLE, pane.SHORT, pane.KEY)
            for name, pane in self.panes.items()
            if name in names
        ]
        armed = self.view is not None and self.view.snapshot.status.faults_armed > 0
        alarms = frozenset({"faults"}) if armed else frozenset[str]()
        self.screen_stack[0].query_one(PaneTabs).show(tabs, active, alarms)

    def go_to(self, name: str) -> None:
        """Bring a pane to the front and give it the keys."""
        self._active = name
        if name not in ALWAYS:
            self._deck = name
        self.arrange()
        self.call_after_refresh(self._focus_pane, name)

    def _focus_pane(self, name: str) -> None:
        if len(self.screen_stack) == 1:
            self.panes[name].take_keys()

    def claim_focus(self, pane: Pane) -> None:
        """Give the keys to a pane that was gone to before it had anything to give them to."""

        def claim() -> None:
            if self._active == pane.NAME and not pane.has_focus_within:
                self._focus_pane(pane.NAME)

        self.call_after_refresh(claim)

    def on_pane_tabs_clicked(self, message: PaneTabs.Clicked) -> None:
        """A tab was clicked."""
        self.go_to(message.pane)

    @property
    def pane(self) -> Pane:
        """The pane that has the keys, or else the one that was gone to last."""
        for pane in self.panes.values():
            if pane.display and pane.has_focus_within:
                return pane
        return self.panes[self._active]

    # The bench

    @property
    def bench_name(self) -> str:
        """What the bench is called, where a command line has to say it."""
        return self.view.snapshot.status.name if self.view is not None else ""

    async def _follow(self) -> None:
        # Nothing is drawn before there is something to say; who does not answer is not waited for.
        with self.batch_update(), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENING_S):
                await self._laid_out.wait()
                await self._look()
                await asyncio.gather(*(pane.prepare() for pane in self._seen))
        self.arrange()
        for screen in self.screen_stack:
            screen.refresh()
        while True:
            before = self.view
            if not await self._look():
                await asyncio.sleep(RETRY_S)
            elif self.view is not None:
                at_ns = self.view.snapshot.at_ns
                for pane in self._seen:
                    pane.beat(beat_of(at_ns))
                if before is not None and only_rush(before.snapshot, self.view.snapshot):
                    self.link.rest_until(rush_told_ns(at_ns))

    async def _look(self) -> bool:
        """Show the bench as it is now; False when it is lost, which is then shown."""
        try:
            async with asyncio.timeout(SILENT_S):
                await self.link.open()
                snapshot = await self.link.next_snapshot()
                if self.panes[ControlsPane.NAME].display:
                    snapshot = replace(snapshot, controls=await self._controls())
        except BenchLostError as error:
            self._lost(str(error))
            return False
        except TimeoutError:
            self._lost(f"The bench has said nothing for {SILENT_S:g} s")
            return False
        self._take(snapshot)
        return True

    async def _controls(self) -> tuple[ControlState, ...]:
        """The controls of the session looked at."""
        try:
            found: ControlList = await self.link.call(
                "controls.list", ControlListParams(session=self.session)
            )
        except RefusedError:
            # Each session has its own and none is looked at, or it has gone since.
            return ()
        return found.controls

    def _take(self, snapshot: Snapshot) -> None:
        if self.view is not None and not self.view.live:
            self.notify(f"{snapshot.status.name} is back.", title="Bench")
            if snapshot.status.pid != self.view.snapshot.status.pid:
                self.session = None
                for pane in self.panes.values():
                    pane.begin_anew()
        rates = self._meter.feed(snapshot.at_ns, snapshot.status.counters)
        if self.session is not None and all(s.id != self.session for s in snapshot.sessions):
            self.session = None
        self._show(View(snapshot, rates, self.session))

    def _lost(self, why: str) -> None:
        if not self.is_running:
            return
        if self.view is None:
            self._header.say(why)
        elif self.view.live:
            self._show(View(self.view.snapshot, self.view.rates, self.session, live=False))
            self.notify(
                f"{why}. The last that was seen stays on screen; it is tried again.",
                title="The bench is lost",
                severity="error",
            )

    def _show(self, view: View) -> None:
        armed = view.snapshot.status.faults_armed
        changed = self.view is None or self.view.snapshot.status.faults_armed != armed
        self.view = view
        self._header.show(view)
        for pane in self._seen:
            pane.show(view)
        if changed and self._seen:
            laid = plan(*self.size, list(self.panes), self._active, self._deck, self._zoomed)
            self._draw_tabs(laid.tabs, laid.active)

    def look_at(self, session: int | None) -> None:
        """Narrow all panes to a session; None: all sessions."""
        self.session = session
        if session is not None:
            self.note_line(("session", "show", str(session)))
        if self.view is not None:
            self._show(View(self.view.snapshot, self.view.rates, session, self.view.live))

    # Deeds

    def carry_out(
        self,
        name: str,
        params: object | None = None,
        then: Callable[[Any], None] | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Carry out an operation for the operator; `then` gets its result, `refused` why not."""

        async def deed() -> None:
            asked_for = Nothing() if params is None else params
            result = await self.deeds.perform(name, asked_for, refused=refused)
            if result is not None and then is not None:
                then(result)

        self.run_worker(deed(), group="deeds")

    async def perform(self, name: str, params: object, *, asked: bool = False) -> Any:
        """Carry out an operation, from a worker; see Deeds."""
        return await self.deeds.perform(name, params, asked=asked)

    def note_line(self, words: Sequence[str]) -> None:
        """Remember a command line, without the program's name, as what was just done."""
        self.deeds.note(words_line(words, self.bench_name))

    def ask_and_carry_out(self, name: str) -> None:
        """Ask for an operation's parameters where it has some, then carry it out."""
        found = operation(name)
        fields = form_fields(found.params)

        def done(result: object) -> None:
            from vmedia_bench.tui.model.plain import plain_text

            self.notify(plain_text(result) or "Done.", title=name, timeout=10)

        if not fields:
            self.carry_out(name, None, done)
            return
        values = {"session": str(self.session)} if self.session is not None else {}
        make = partial(build, found.params)
        form = partial(FormScreen, name, found.summary, fields, relevant=None)
        self.fill_in(
            form, make, values, lambda params, refused: self.carry_out(name, params, done, refused)
        )

    def fill_in(
        self,
        form: Callable[..., FormScreen],
        make: Make,
        values: dict[str, str],
        do: Callable[[Any, Callable[[str], None]], None],
    ) -> None:
        """Do something with a form's value; when that is refused, the form comes back as typed."""
        typed = dict(values)

        def remember(texts: dict[str, str]) -> object:
            typed.update(texts)
            return make(texts)

        def ask(problem: str = "") -> None:
            self.push_screen(form(make=remember, values=typed, problem=problem), go)

        def go(value: object | None) -> None:
            if value is not None:
                do(value, ask)

        ask()

    def inject_error(self, session: int | None) -> None:
        """Fail a session with EIO, after a question."""
        if session is None:
            self.notify("No session to fail: choose one with Enter.", severity="warning")
            return
        self.carry_out("faults.inject_error", InjectErrorParams(session=session))

    def export(self, text: str, kinds: Sequence[RecordKind], session: int | None) -> None:
        """Write what is filtered to a file."""
        from vmedia_bench.tui.exporting import export_trace

        export_trace(self, text, kinds, session)

    # Actions

    def action_go_to(self, name: str) -> None:
        """Bring a pane to the front."""
        self.go_to(name)

    def action_filter(self) -> None:
        """Type a filter: in the pane that has the keys, or else in the commands."""
        pane = self.pane
        if not isinstance(pane, (TracePane, LogPane)):
            self.go_to("commands")
            pane = self.panes["commands"]
        assert isinstance(pane, (TracePane, LogPane))
        self.call_after_refresh(pane.open_filter)

    def action_pause(self) -> None:
        """Stop what moves, or let it go on; the device does not notice."""
        preview = self.panes["preview"]
        assert isinstance(preview, PreviewPane)
        self.paused = preview.toggle_pause()
        if self.view is not None:
            preview.show(self.view)
        self.notify("Paused: space goes on." if self.paused else "Live again.", timeout=2)

    def action_inject_error(self) -> None:
        """Fail the session looked at, or the only one."""
        sessions = [s.id for s in self.view.snapshot.sessions] if self.view is not None else []
        only = sessions[0] if len(sessions) == 1 else None
        self.inject_error(self.session if self.session is not None else only)

    def action_snapshot(self) -> None:
        """Save the newest frame as PNG."""
        from vmedia_bench.tui.saving import save_snapshot

        self.run_worker(save_snapshot(self, Path.cwd()), group="deeds")

    def action_guest(self) -> None:
        """Start the built-in guest, or stop it."""
        if self.guest_runner is None or self.view is None:
            return
        said = self.guest_runner.toggle(self.view.snapshot.status)
        self.notify(said, title="Built-in guest")

    def action_all_sessions(self) -> None:
        """All sessions again."""
        self.look_at(None)

    def action_zoom_pane(self) -> None:
        """Show only the pane that has the keys, or all again."""
        self._active = self.pane.NAME
        self._zoomed = not self._zoomed
        self.go_to(self._active)

    def action_kill_switch(self) -> None:
        """Remove all fault rules."""
        self.carry_out(
            "faults.clear", None, lambda _: self.notify("All fault rules are gone.", timeout=3)
        )

    def action_lines(self) -> None:
        """Show the command lines for what was done."""
        self.push_screen(LinesScreen(self.deeds.lines))

    def action_help(self) -> None:
        """Say what the pane shows, and which keys there are."""
        pane = self.pane
        here, everywhere = [], []
        for active in self.screen.active_bindings.values():
            keys = self.get_key_display(active.binding)
            row = (keys, active.binding.description)
            if not active.binding.description or active.binding.key.startswith(("tab", "shift")):
                continue
            if active.node is self:
                everywhere.append(row)
            elif active.node is not self.screen:
                here.append(row)
        self.push_screen(HelpScreen(pane.TITLE, pane.HELP, here, everywhere))

    async def action_quit(self) -> None:
        """Quit; what was on screen is remembered."""
        self.keep()
        self.exit()

    def keep(self) -> None:
        """Remember what is on screen."""
        kept = self.remembered
        kept.theme = self.theme
        kept.active, kept.deck, kept.zoomed = self._active, self._deck, self._zoomed

    def commands(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        """What the palette offers beside panes and operations."""
        yield "Pause or go on", "Stop what moves on screen", self.action_pause
        yield "Save a frame as PNG", "Into the current folder", self.action_snapshot
        yield "Remove all fault rules", "The kill switch", self.action_kill_switch
        yield "Start or stop the built-in guest", "A guest without a VM", self.action_guest
        yield "Show all sessions", "Panes are no longer narrowed", self.action_all_sessions
        yield "Only this pane", "Or all of them again", self.action_zoom_pane
        yield "Show the command line", "For what was just done", self.action_lines

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[Any]:
        """Textual's own commands, without those that make no sense here."""
        for command in super().get_system_commands(screen):
            if command.title not in {"Maximize", "Minimize", "Screenshot"}:
                yield command


def _known(name: str, panes: dict[str, Pane], default: str) -> str:
    return name if name in panes else default
