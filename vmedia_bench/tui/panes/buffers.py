"""The buffers pane: a cell each that changes as the guest works, and every field below."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from vmedia_bench.control.operations.buffers import QueueState
from vmedia_bench.tui.model.buffers import (
    COLUMNS,
    buffer_cells,
    buffer_rows,
    buffers_title,
    queue_line,
    queues,
)
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.widgets.table import RowTable
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned

EMPTY = "No buffers.\nThey appear when a session asks for some with REQBUFS."


MOST_LINES = 3
"""Lines that the cells of a queue have with words."""
MARGIN = 1
"""Cells left and right of them."""


class QueueCells(Static, Toned):
    """Queues with their buffers as cells."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONE_CLASSES, "cell--box"}

    def __init__(self) -> None:
        super().__init__(id="queue-cells")
        self._drawn: tuple[tuple[QueueState, ...], int] = ((), 0)

    def show(self, shown: tuple[QueueState, ...], width: int) -> None:
        """Draw queues in so many cells, where something about them has changed."""
        if (shown, width) == self._drawn:
            return
        self._drawn = (shown, width)
        lines = [line for queue in shown for line in self._lines(queue, width)]
        self.display = bool(lines)
        self.update(Text("\n").join(lines), layout=False)
        self.styles.height = len(lines)

    def _lines(self, queue: QueueState, width: int) -> list[Text]:
        lines = [self.toned(queue_line(queue))]
        cells, per_line = self._cells(queue, width)
        for start in range(0, len(cells), per_line):
            line = Text()
            for text, tone in cells[start : start + per_line]:
                line.append(text, self._box(tone))
                line.append(" ")
            lines.append(line)
        return lines

    @staticmethod
    def _cells(queue: QueueState, width: int) -> tuple[list[tuple[str, str]], int]:
        """Cells, and how many go on a line: without words where there are too many for that."""
        for words in (True, False):
            cells = buffer_cells(queue, words)
            per_line = max(1, (width + 1) // (len(cells[0][0]) + 1)) if cells else 1
            if len(cells) <= MOST_LINES * per_line:
                break
        return cells, per_line

    def _box(self, tone: str) -> Style:
        return self.get_component_rich_style("cell--box", partial=True) + self.tone(tone)


class BuffersPane(Pane):
    """The buffers of the session looked at, or of all."""

    NAME = "buffers"
    TITLE = "Buffers"
    SHORT = "Bufs"
    KEY = "2"
    HELP = (
        "Where each buffer is in its life.\n\n"
        "○ dequeued: the guest has it. ◇ prepared. ◆ queued: the device may fill it. "
        "▶ filling. ✓ done: its DQBUF event waits for the driver. ✖ error.\n\n"
        "Enter unfolds a buffer's planes. `age` is the time since the frame's timestamp; `m`: the "
        "guest has the buffer mapped."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Planes", id="buffers.choose"),
        Binding("u", "unfold_all", "Unfold planes", id="buffers.unfold"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._cells = QueueCells()
        self._table = RowTable(COLUMNS, empty=EMPTY, id="buffers-table")
        self._unfolded: set[str] = set()
        self._view: View | None = None

    def compose(self) -> ComposeResult:
        """Cells above, fields below."""
        yield self._cells
        yield self._table

    def show(self, view: View) -> None:
        """The buffers of a view."""
        self._view = view
        self.say(buffers_title(view))
        self._cells.show(tuple(queues(view)), self.size.width - 2 * MARGIN)
        self._table.set_rows(buffer_rows(view, self._unfolded))

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """Fold or unfold a buffer."""
        key = "/".join(str(message.key).split("/")[:3])
        self._unfolded ^= {key}
        self._show_again()

    def action_unfold_all(self) -> None:
        """Unfold all buffers, or fold them."""
        if self._view is None:
            return
        keys = {str(row.key) for row in buffer_rows(self._view, frozenset())}
        self._unfolded = set() if keys <= self._unfolded else keys
        self._show_again()

    def _show_again(self) -> None:
        if self._view is not None:
            self.show(self._view)
