"""Rings and memory."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from vmedia_bench.tui.model.ring_rows import Parts, arena_bar, ring_lines
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class RingText(Static, Toned):
    """The text of the pane."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)


class RingsPane(Pane):
    """What the transport is doing, and whose memory is whose."""

    NAME = "rings"
    TITLE = "Rings"
    SHORT = "Ring"
    KEY = "8"
    HELP = (
        "The two virtqueues: indices modulo 65,536, chains popped and not given back, chains that "
        "wait to be popped. Below, the features negotiated, the regions of guest memory (one that "
        "could shrink is not mapped, but read and written by system calls), and the arena behind "
        "shared-memory region 0, in which MMAP buffers lie."
    )

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[list[Parts], int] | None = None

    def compose(self) -> ComposeResult:
        """One long text."""
        with VerticalScroll():
            yield RingText(id="rings-text")

    def show(self, view: View) -> None:
        """The rings of a view."""
        status = view.snapshot.status
        text = self.query_one(RingText)
        width = text.size.width
        lines = [*ring_lines(status), [], *arena_bar(status, width)]
        if self._shown == (lines, width):
            return
        self._shown = (lines, width)
        drawn = [text.toned(line) for line in lines]
        fits = len(drawn) == text.size.height and all(line.cell_len <= width for line in drawn)
        text.update(Text("\n").join(drawn), layout=not fits)
        running = sum(ring.running for ring in status.rings)
        self.say(f"{running} of {len(status.rings)} run")
