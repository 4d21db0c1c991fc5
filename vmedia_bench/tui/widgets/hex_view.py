"""Bytes in rows, some of them lit, with a cursor that another widget can follow."""

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class HexView(ScrollView, Toned, can_focus=True):
    """Offset, hexadecimal, characters. The lit part is a field's."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES, "hex--lit", "hex--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "go(-1)", "Back", show=False),
        Binding("right", "go(1)", "On", show=False),
        Binding("up,k", "rows(-1)", "Up", show=False),
        Binding("down,j", "rows(1)", "Down", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another byte."""

        view: "HexView"
        offset: int

    def __init__(self, data: bytes = b"", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.data = data
        self.lit = range(0)
        self.cursor = 0

    @property
    def columns(self) -> int:
        """Bytes a row: 16 where there is room."""
        return 16 if self.size.width >= 72 else 8

    def show(self, data: bytes) -> None:
        """Other bytes."""
        self.data = data
        self.lit = range(0)
        self.cursor = 0
        self._measure()
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def light(self, start: int, length: int) -> None:
        """Light some bytes and bring them into sight."""
        self.lit = range(start, start + length)
        self.cursor = start
        self._sight(start)
        self.refresh()

    def _measure(self) -> None:
        rows = -(-len(self.data) // self.columns)
        size = Size(1, rows)
        if size != self.virtual_size:
            self.virtual_size = size

    def on_resize(self) -> None:
        """Count the rows anew."""
        self._measure()

    def render_line(self, y: int) -> Strip:
        """One row of bytes."""
        base, width = self.rich_style, self.size.width
        columns = self.columns
        start = (int(self.scroll_offset.y) + y) * columns
        part = self.data[start : start + columns]
        if not part and not (start == 0 and y == 0):
            return Strip.blank(width, base)
        if not self.data:
            return Strip([Segment("  no bytes", base + self.tone("dim"))]).adjust_cell_length(
                width, base
            )
        dim = base + self.tone("dim")
        segments = [Segment(f"{start:04x}  ", dim)]
        for place in range(columns):
            at = start + place
            gap = "  " if place % 8 == 7 else " "
            if place < len(part):
                segments.append(Segment(f"{part[place]:02x}", self._style(at, base, part[place])))
                joined = at in self.lit and at + 1 in self.lit and place + 1 < columns
                segments.append(Segment(gap, self._style(at, base, 1) if joined else base))
            else:
                segments.append(Segment("  " + gap, base))
        for place, byte in enumerate(part):
            shown = chr(byte) if 32 <= byte < 127 else "·"
            segments.append(Segment(shown, self._style(start + place, dim, byte)))
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, at: int, base: Style, byte: int) -> Style:
        if at == self.cursor and self.has_focus:
            return base + self.get_component_rich_style("hex--cursor", partial=True)
        if at in self.lit:
            return base + self.get_component_rich_style("hex--lit", partial=True)
        return base if byte else base + self.tone("dim")

    def _sight(self, offset: int) -> None:
        region = Region(0, offset // self.columns, 1, 1)
        self.scroll_to_region(region, animate=False, force=True)

    def _put(self, offset: int) -> None:
        if not self.data:
            return
        self.cursor = max(0, min(offset, len(self.data) - 1))
        self._sight(self.cursor)
        self.post_message(self.Moved(self, self.cursor))
        self.refresh()

    def action_go(self, by: int) -> None:
        """The cursor some bytes on."""
        self._put(self.cursor + by)

    def action_rows(self, by: int) -> None:
        """The cursor some rows on."""
        self._put(self.cursor + by * self.columns)

    def on_click(self, event: events.Click) -> None:
        """The cursor to the byte that was clicked."""
        columns = self.columns
        row = int(self.scroll_offset.y) + event.y
        at = event.x - 6
        hex_width = columns * 3 + columns // 8
        column = at - hex_width if at >= hex_width else (at - at // 25) // 3
        if 0 <= column < columns:
            self._put(row * columns + column)
