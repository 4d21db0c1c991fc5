"""What stands in the preview's place while no VM is connected: how to connect one."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from vmedia_bench.tui.model.connecting import HowTo, how_to_connect
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class HowToBlock(Static, Toned, can_focus=True):
    """The options for one VMM; Enter or a click copies them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "copy", "Copy"),
        Binding("down,j", "app.focus_next", "Next", show=False),
        Binding("up,k", "app.focus_previous", "Previous", show=False),
    ]

    class Copied(Message):
        """The options are in the clipboard."""

        def __init__(self, how_to: HowTo) -> None:
            super().__init__()
            self.how_to = how_to

    def __init__(self, how_to: HowTo) -> None:
        super().__init__(classes="how-to")
        self._how_to = how_to

    def on_mount(self) -> None:
        """Draw it: it never changes."""
        text = Text()
        text.append(f"{self._how_to.title}\n", "bold")
        text.append("\n".join(self._how_to.lines))
        self.update(text)

    def action_copy(self) -> None:
        """Copy the options as one line."""
        self.app.copy_to_clipboard(self._how_to.copied)
        self.post_message(self.Copied(self._how_to))

    def on_click(self, event: events.Click) -> None:
        """Copy by mouse."""
        event.stop()
        self.action_copy()


class WaitingBlock(VerticalScroll, can_focus=False):
    """How to connect, VMM by VMM, and the guest that needs no VM."""

    class Filled(Message):
        """There is something to give the keys to."""

    def __init__(self) -> None:
        super().__init__(id="waiting")
        self._socket = ""
        self._gone = False

    def compose(self) -> ComposeResult:
        """The heading; the rest comes with the first view."""
        yield Static("", id="waiting-head")
        yield Static("", id="waiting-guest")
        yield Static("", id="waiting-notes", markup=False)

    def show(self, name: str, socket: str, gone: bool) -> None:
        """Say how to reach this socket, where that has not been said already."""
        if (socket, gone) == (self._socket, self._gone):
            return
        self._gone = gone
        head = Text()
        word = "The VM has gone. Waiting for the next one on" if gone else "Waiting for a VM on"
        head.append(f"{word}\n")
        head.append(socket, "bold")
        self.query_one("#waiting-head", Static).update(head)
        if socket == self._socket:
            return
        self._socket = socket
        guest = Text("No VM at hand?  ")
        guest.append(" d ", "bold reverse")
        guest.append("  the built-in guest connects and streams")
        self.query_one("#waiting-guest", Static).update(guest)
        self.run_worker(self._fill(name, socket), exclusive=True)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """With the first block show what stands above it, too: a pane begins with its heading."""
        if event.widget is self.query(HowToBlock).first():
            self.call_after_refresh(self.scroll_home, animate=False)

    async def _fill(self, name: str, socket: str) -> None:
        import asyncio

        how_tos = await asyncio.to_thread(how_to_connect, name, socket)
        await self.query(HowToBlock).remove()
        await self.mount(*(HowToBlock(how_to) for how_to in how_tos), after="#waiting-guest")
        notes = [note for how_to in how_tos for note in how_to.notes]
        self.query_one("#waiting-notes", Static).update("\n".join(f"▲ {note}" for note in notes))
        self.post_message(self.Filled())
