"""The trace's rows: 100,000 of them scroll, since only those on screen exist."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from vmedia_bench.tui.model.rows import Row
from vmedia_bench.tui.model.trace_rows import COLUMNS, trace_row
from vmedia_bench.tui.trace_feed import Item, TraceView, WholeTrace
from vmedia_bench.tui.widgets.table import RowTable


class TraceTable(RowTable):
    """A RowTable over a TraceView. Following, it stays at the newest row until scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end,F", "follow", "Follow", id="trace.follow", key_display="End"),
    ]

    @dataclass
    class Followed(Message):
        """Following began or ended."""

        table: "TraceTable"

    def __init__(self, empty: str, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, empty=empty, id=id)
        self.trace: TraceView = WholeTrace()
        self.following = True
        self.began_ns = 0
        self.marks: set[int] = set()

    @property
    def row_count(self) -> int:
        """Rows of the trace view."""
        return self.trace.count

    def row_at(self, index: int) -> Row | None:
        """The row, where it has been fetched."""
        item = self.trace.item(index)
        if item is None:
            return None
        return trace_row(item.entry, self.began_ns, item.record.seq in self.marks)

    @property
    def chosen(self) -> Item | None:
        """The record under the cursor."""
        return self.trace.item(self.cursor)

    @property
    def seen(self) -> tuple[int, int]:
        """The rows on screen: first, and one past the last."""
        start = int(self.scroll_offset.y)
        return start, start + max(self.size.height - 1, 1)

    def show_trace(self, trace: TraceView) -> None:
        """Show other rows, from their end."""
        self.trace = trace
        self.cursor = 0
        self.following = True
        self.updated(0)

    def on_resize(self) -> None:
        """Stay at the newest row."""
        self.updated(0)

    def updated(self, moved: int) -> None:
        """The trace view has changed; the rows on screen moved up by `moved`, or down."""
        self._measure()
        if moved and not self.following:
            self.cursor = max(0, self.cursor - moved)
            self.scroll_to(y=max(0, self.scroll_offset.y - moved), animate=False, force=True)
        if self.following and self.row_count:
            self.cursor = self.row_count - 1
            self.scroll_to(y=self.row_count + 1 - self.size.height, animate=False, force=True)
        self.move_thumb()
        self.refresh()

    def _measure(self) -> None:
        self._take_size(Size(1, self.row_count + 1))

    def _follow(self, on: bool) -> None:
        if on != self.following:
            self.following = on
            self.post_message(self.Followed(self))

    def action_follow(self) -> None:
        """Stay at the newest row."""
        self._follow(True)
        self.updated(0)

    def action_move(self, by: int) -> None:
        """The cursor up or down; moving ends following."""
        self._follow(False)
        super().action_move(by)

    def action_page(self, by: int) -> None:
        """The cursor a page up or down."""
        self._follow(False)
        super().action_page(by)

    def action_jump(self, to: int) -> None:
        """The cursor to the first row."""
        self._follow(False)
        super().action_jump(to)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """Scrolling ends following."""
        self._follow(False)

    def on_click(self, event: events.Click) -> None:
        """A click is a look at one row: it ends following."""
        self._follow(False)
        super().on_click(event)

    def go_to_seq(self, seq: int) -> None:
        """Put the cursor on a record."""
        self._follow(False)
        self._put_cursor(self.trace.index(seq))

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or no longer."""
        item = self.chosen
        if item is not None:
            self.marks ^= {item.record.seq}
            self.refresh()

    def next_mark(self, back: bool) -> bool:
        """The cursor to the next mark, round the end; False when there is none."""
        if not self.marks:
            return False
        here = self.trace.seq(self.cursor)
        ordered = sorted(self.marks, reverse=back)
        beyond = [seq for seq in ordered if (seq < here if back else seq > here)]
        self.go_to_seq((beyond or ordered)[0])
        return True
