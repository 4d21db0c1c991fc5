"""The bench's log."""

from collections import deque
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from vmedia_bench.control.operations.live import Log, LogLine, LogParams
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.log_rows import COLUMNS, log_rows
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.widgets.filter_line import FilterLine
from vmedia_bench.tui.widgets.table import RowTable

KEPT = 5_000
PORTION = 500


class LogPane(Pane):
    """Newest last; it stays at the end unless the cursor is elsewhere."""

    NAME = "log"
    TITLE = "Log"
    SHORT = "Log"
    KEY = "l"
    HELP = (
        "What the bench says: connections, refused commands, protocol violations with the "
        "reason.\n\n"
        "`/` keeps the lines in which all the words typed occur: `warning vhost`."
    )

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._words = ""
        self._reading = False

    def compose(self) -> ComposeResult:
        """Filter and lines."""
        yield FilterLine(self._complete, "words that have to occur, such as: warning vhost")
        yield RowTable(COLUMNS, empty="The log is empty.", id="log-table")

    def on_mount(self) -> None:
        """Filter as in the last run."""
        kept = self.bench.remembered
        line = self.query_one(FilterLine)
        line.history = kept.history.setdefault(self.NAME, [])
        self._words = kept.filters.get(self.NAME, "")
        line.put(self._words)

    def show(self, view: View) -> None:
        """Read on where there is more."""
        last = view.snapshot.log_last
        behind = last > (self._lines[-1].seq if self._lines else 0)
        if behind and view.live and not self._reading:
            self._reading = True
            self.run_worker(self._read())

    def begin_anew(self) -> None:
        """Its log begins with line 1 again."""
        self._lines.clear()
        self._draw()

    def first_focus(self) -> Widget | None:
        """The lines."""
        return self.query_one(RowTable)

    async def _read(self) -> None:
        try:
            after = self._lines[-1].seq if self._lines else 0
            log: Log = await self.bench.link.call("log.read", LogParams(after=after, limit=PORTION))
            self._lines.extend(log.lines)
            self._draw()
        except (BenchLostError, RefusedError):
            pass
        finally:
            self._reading = False

    def _draw(self) -> None:
        table = self.query_one(RowTable)
        at_end = table.cursor >= table.row_count - 1
        rows = log_rows(list(self._lines), self._words)
        table.set_empty("No line has all these words." if self._words else "The log is empty.")
        table.set_rows(rows)
        if at_end:
            table.to_end()
        self.say(f"{len(rows)} of {len(self._lines)} · {self._words}" if self._words else "")

    def open_filter(self) -> None:
        """Let the operator type words."""
        self.query_one(FilterLine).open()

    def on_filter_line_applied(self, message: FilterLine.Applied) -> None:
        """Words were typed, or taken away."""
        message.stop()
        self._words = self.bench.remembered.filters[self.NAME] = message.text
        line = self.query_one(FilterLine)
        line.remember(message.text)
        line.put(message.text)
        self._draw()
        self.query_one(RowTable).focus()

    def _complete(self, text: str) -> tuple[int, Sequence[str]]:
        rooms = sorted({line.room for line in self._lines})
        typed = text.rpartition(" ")[2]
        words = ("error", "warning", "info", "debug", *rooms)
        return len(text) - len(typed), [word for word in words if word.startswith(typed)]
