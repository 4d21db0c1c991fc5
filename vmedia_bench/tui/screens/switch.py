"""What changing the backend would do, before it is done."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from vmedia_bench.control.operations.backends import BackendSwitch, SwitchMode
from vmedia_bench.tui.model.backend_rows import consequences, mode_title
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class Consequences(Static, Toned):
    """Lines of what would happen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)


class SwitchScreen(ModalScreen[SwitchMode | None]):
    """Gives the way to change that was chosen, or None."""

    # Until the plans are drawn, too, no key may reach what ends sessions.
    AUTO_FOCUS = "#mode-none"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("left,right,up,down", "app.focus_next", show=False),
    ]

    def __init__(self, backend: str, plans: dict[SwitchMode, BackendSwitch]) -> None:
        super().__init__()
        self._backend = backend
        self._plans = plans

    def compose(self) -> ComposeResult:
        """Each way with what it does, and its button."""
        with Vertical(classes="dialog") as box:
            box.border_title = f"Change to {self._backend}"
            for mode, plan in self._plans.items():
                with Vertical(classes="switch-plan"):
                    yield Consequences(id=f"plan-{mode.value}")
                    yield Button(
                        mode_title(mode),
                        id=f"mode-{mode.value}",
                        disabled=bool(plan.obstacles),
                        variant="error" if mode is SwitchMode.FORCE else "primary",
                        compact=True,
                    )
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", id="mode-none", compact=True)

    def on_mount(self) -> None:
        """Draw the plans; the mildest that works has the keys."""
        for mode, plan in self._plans.items():
            place = self.query_one(f"#plan-{mode.value}", Consequences)
            lines = [place.toned([line]) for line in consequences(plan)]
            place.update(Text("\n").join(lines))
        mild = [mode for mode in self._plans if mode is not SwitchMode.FORCE]
        free = [mode.value for mode in mild if not self._plans[mode].obstacles]
        self.query_one(f"#mode-{free[0] if free else 'none'}", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer."""
        word = (event.button.id or "").removeprefix("mode-")
        self.dismiss(SwitchMode(word) if word != "none" else None)
