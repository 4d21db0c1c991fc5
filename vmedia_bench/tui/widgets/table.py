"""A table for lists that change ten times a second: it draws the lines on screen and no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vmedia_bench.tui.model.rows import NARROW, Column, Key, Row, cell_text
from vmedia_bench.tui.widgets.thumb import show_place
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned


class RowTable(ScrollView, Toned, can_focus=True):
    """
    Rows with a cursor. The cursor stays with its row's key when rows come and go.

    Subclasses that fetch their rows as they are looked at override `row_count` and `row_at`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *TONE_CLASSES,
        "table--heading",
        "table--cursor",
        "table--cursor-blurred",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "jump(0)", "First", show=False),
        Binding("end", "jump(-1)", "Last", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The operator moved the cursor."""

        table: "RowTable"
        key: Key

        @property
        def control(self) -> "RowTable":
            """The table."""
            return self.table

    @dataclass
    class Chosen(Message):
        """Enter, or a click on the row that the cursor is on."""

        table: "RowTable"
        key: Key

        @property
        def control(self) -> "RowTable":
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002  Textual's own word
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._take_widths()
        self._rows: Sequence[Row] = ()
        self._empty = empty
        # For one drawing: the background, widths of all and of columns, and what is scrolled off.
        self._base = Style.null()
        self._across = self._left = self._above = 0
        self._drawn: list[int] = []
        self.cursor = 0

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row_at(self, index: int) -> Row | None:
        """The row at a place; None while it is not there yet."""
        return self._rows[index] if 0 <= index < len(self._rows) else None

    @property
    def cursor_key(self) -> Key | None:
        """The key of the row under the cursor."""
        row = self.row_at(self.cursor)
        return row.key if row is not None else None

    def set_empty(self, text: str) -> None:
        """What to say when there are no rows."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows. Nothing is drawn when they are the same."""
        if rows == self._rows:
            return
        key = self.cursor_key
        self._rows = rows
        for place, row in enumerate(rows):
            if row.key == key:
                self.cursor = place
                break
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self._measure()
        self.move_thumb()
        self.refresh()

    def go_to(self, key: Key) -> None:
        """Put the cursor on a row, where it is there."""
        for place in range(self.row_count):
            row = self.row_at(place)
            if row is not None and row.key == key:
                self._put_cursor(place)
                return

    def to_end(self) -> None:
        """Put the cursor on the last row, as the operator would."""
        self._put_cursor(self.row_count - 1, tell=False)

    def _measure(self) -> None:
        for place, column in enumerate(self._columns):
            if not column.width:
                longest = (cell_len(cell_text(row.cells[place])) for row in self._rows)
                self._widths[place] = max([cell_len(column.title), *longest])
        self._take_size(Size(sum(self._widths) + len(self._widths), self.row_count + 1))

    def _take_size(self, size: Size) -> None:
        """Have other rows to scroll through; the screen is laid out anew only where it must be."""
        if size == self.virtual_size:
            return
        always = self.styles.overflow_y == "scroll"
        scrolls = always or size.height > self.container_size.height
        if scrolls != self.show_vertical_scrollbar:
            self.virtual_size = size
            return
        self.set_reactive(RowTable.virtual_size, size)
        self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw other rows."""
        self.move_thumb()
        if round(old_value) != round(new_value):
            self.refresh()

    def move_thumb(self) -> None:
        """Have the scrollbar say what is in sight, when rows and place are as they will be."""
        if self.show_vertical_scrollbar:
            show_place(self.vertical_scrollbar, self.virtual_size.height, self.scroll_y)

    def on_resize(self) -> None:
        """Fit the columns to the screen, and keep the cursor in sight when the place shrinks."""
        self._take_widths(narrow=self.app.size.width < NARROW)
        self._measure()

    def render_lines(self, crop: Region) -> list[Strip]:
        """
        The lines that are to be drawn, all on one background.

        A table has no border, padding or opacity, and none of the terminal's own colours: Textual's
        way to all these takes half as long again.
        """
        self._base = self.rich_style
        self._across = self.scrollable_content_region.width
        self._left, self._above = self.scroll_offset
        self._drawn = self._drawn_widths()
        lines = [self.render_line(y) for y in crop.line_range]
        background = self.styles.background
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):
                lines = [line.apply_filter(line_filter, background) for line in lines]
        if crop.column_span != (0, self.size.width):
            lines = [line.crop(*crop.column_span) for line in lines]
        return lines

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the heading, a row, or nothing."""
        width, base = self._across, self._base
        if y == 0:
            return self._heading(base, width)
        index = self._above + y - 1
        if self.row_count == 0:
            return self._emptiness(base, width, y)
        if index >= self.row_count:
            return Strip.blank(width, base)
        row = self.row_at(index)
        if row is None:
            return Strip([Segment(" …".ljust(width), base + self.tone("dim"))], width)
        return self._line(row, index, base, width)

    def _heading(self, base: Style, width: int) -> Strip:
        style = base + self.component("table--heading")
        cells = [
            self._fit(column.title, fits, column.right)
            for column, fits in zip(self._columns, self._drawn, strict=True)
        ]
        return self._cut([Segment(" ".join(cells), style)], width, style)

    def _emptiness(self, base: Style, width: int, y: int) -> Strip:
        lines = self._empty.splitlines()
        at = y - 1 - max(0, (self.size.height - 1 - len(lines)) // 3)
        text = lines[at].center(width) if 0 <= at < len(lines) else ""
        return Strip([Segment(set_cell_size(text, width), base + self.tone("dim"))], width)

    def _line(self, row: Row, index: int, base: Style, width: int) -> Strip:
        line = base + self.tone(row.tone)
        under = index == self.cursor
        if under:
            name = "table--cursor" if self.has_focus else "table--cursor-blurred"
            line = base + self.component(name)
        segments = []
        # What has the line's own style is one segment: Textual's work is by the segment.
        plain = ""
        for column, fits, cell in zip(self._columns, self._drawn, row.cells, strict=False):
            text, tone = (cell, "") if isinstance(cell, str) else cell
            fitted = self._fit(text, fits, column.right)
            if not tone or (under and tone == "dim"):
                plain += fitted + " "
                continue
            if plain:
                segments.append(Segment(plain, line))
            segments.append(Segment(fitted, line + self.tone(tone)))
            plain = " "
        # One cell between two columns, and none behind the last.
        return self._cut([*segments, Segment(plain[:-1], line)], width, line)

    def _take_widths(self, narrow: bool = False) -> None:
        self._widths = [(narrow and column.narrow) or column.width for column in self._columns]

    def _cut(self, segments: list[Segment], width: int, style: Style) -> Strip:
        left, whole = self._left, Strip(segments)
        if not left and whole.cell_length <= width:
            return whole.extend_cell_length(width, style)
        if whole.cell_length > left + width and whole.crop(left + width).text.strip():
            return Strip([*whole.crop(left, left + width - 1), Segment("…", style)], width)
        return whole.extend_cell_length(left + width, style).crop(left, left + width)

    def _drawn_widths(self) -> list[int]:
        # One cell between two columns, and none behind the last.
        taken = sum(self._widths) + len(self._widths) - 1
        spare = max(self._across - taken, 0)
        return [
            width + spare * column.flex
            for column, width in zip(self._columns, self._widths, strict=True)
        ]

    @staticmethod
    def _fit(text: str, width: int, right: bool) -> str:
        if len(text) <= width and text.isascii() and text.isprintable():
            return text.rjust(width) if right else text.ljust(width)
        have = cell_len(text)
        if have > width:
            return set_cell_size(text, max(width - 1, 0)) + "…" * (width > 0)
        return text.rjust(width) if right and have == len(text) else set_cell_size(text, width)

    def _put_cursor(self, place: int, tell: bool = True) -> None:
        if not self.row_count:
            return
        self.cursor = max(0, min(place, self.row_count - 1))
        self.show_cursor()
        self.refresh()
        key = self.cursor_key
        if tell and key is not None:
            self.post_message(self.Moved(self, key))

    def show_cursor(self) -> None:
        """Bring the cursor into sight."""
        region = Region(int(self.scroll_offset.x), self.cursor, 1, 2)
        self.scroll_to_region(region, animate=False, force=True)

    def action_move(self, by: int) -> None:
        """The cursor up or down."""
        self._put_cursor(self.cursor + by)

    def action_page(self, by: int) -> None:
        """The cursor a page up or down."""
        self._put_cursor(self.cursor + by * max(self.size.height - 2, 1))

    def action_jump(self, to: int) -> None:
        """The cursor to the first row, or with -1 to the last."""
        self._put_cursor(self.row_count - 1 if to < 0 else to)

    def choose(self) -> None:
        """Choose the row under the cursor."""
        key = self.cursor_key
        if key is not None:
            self.post_message(self.Chosen(self, key))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there; a second one on the same row chooses it."""
        index = int(self.scroll_offset.y) + event.y - 1
        if event.y < 1 or not 0 <= index < self.row_count:
            return
        again = index == self.cursor and event.chain >= 2
        self._put_cursor(index)
        if again:
            self.choose()
