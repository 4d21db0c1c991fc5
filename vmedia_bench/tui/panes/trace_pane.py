"""What the commands and the events pane have in common: rows, filter, marks, one in full."""

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from vmedia_bench.control.operations.trace import RecordKind, TraceRecord
from vmedia_bench.trace.entry import Entry
from vmedia_bench.trace.filter import Filter, FilterError, compile_filter
from vmedia_bench.trace.filter_completion import complete
from vmedia_bench.tui.beat import RUSH_BEAT
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.text import count_text
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.fetching import FetchingPane
from vmedia_bench.tui.screens.record import RecordScreen
from vmedia_bench.tui.trace_feed import MatchedTrace, Matcher, TraceView, WholeTrace
from vmedia_bench.tui.widgets.filter_line import FilterLine
from vmedia_bench.tui.widgets.table import RowTable
from vmedia_bench.tui.widgets.toned_line import TonedLine
from vmedia_bench.tui.widgets.trace_table import TraceTable

PORTIONS = 4
"""How many portions of the trace are searched in one beat at most."""


class TracePane(FetchingPane):
    """Rows of the trace, of some kinds or of all."""

    KINDS: ClassVar[tuple[RecordKind, ...]] = ()
    EMPTY: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "In full", id="trace.choose"),
        Binding("m", "mark", "Mark", id="trace.mark"),
        Binding("n", "next_mark(False)", "Next mark", id="trace.next", show=False),
        Binding("N", "next_mark(True)", "Previous mark", id="trace.previous", show=False),
        Binding("x", "export", "Export", id="trace.export"),
        Binding("X", "clear", "Clear", id="trace.clear", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter("", None)
        self._session: int | None = None
        self._view: View | None = None
        self._rushing: TraceView | None = None
        """What was all new when it was read last."""

    def compose(self) -> ComposeResult:
        """Filter, rows, what there is."""
        yield FilterLine(self._complete, "ioctl == QBUF and status != 0   (Tab completes)")
        yield TraceTable(self.EMPTY, id=f"{self.NAME}-table")
        yield TonedLine(classes="trace-line")

    def on_mount(self) -> None:
        """Filter as the last time."""
        kept = self.bench.remembered
        self.query_one(FilterLine).history = kept.history.setdefault(self.NAME, [])
        if not self.apply(kept.filters.get(self.NAME, "")):
            self.apply("")

    def show(self, view: View) -> None:
        """Follow the session that is looked at."""
        self._view = view
        status = view.snapshot.status
        self.table.began_ns = view.snapshot.at_ns - int(status.uptime_s * 1e9)
        if view.session != self._session:
            self._session = view.session
            self._choose_trace()

    def beat(self, number: int) -> None:
        """
        Read, where there may be something to see.

        Rows that rush by have their own beat: nobody reads what stays for a tenth of a second,
        and the device gets the time.
        """
        rushing = self.table.following and self.table.trace is self._rushing
        if number == RUSH_BEAT or not rushing:
            super().beat(number)

    def begin_anew(self) -> None:
        """Its trace begins with record 1 again."""
        self.table.marks.clear()
        self._choose_trace()

    def first_focus(self) -> Widget | None:
        """The rows."""
        return self.table

    @cached_property
    def table(self) -> TraceTable:
        """The rows."""
        return self.query_one(TraceTable)

    def apply(self, text: str) -> bool:
        """Filter by an expression; False when it is none, which the line then says."""
        line = self.query_one(FilterLine)
        try:
            self.filter = compile_filter(text)
        except FilterError as error:
            line.complain(str(error))
            return False
        line.complain("")
        line.put(text)
        line.remember(text)
        self.bench.remembered.filters[self.NAME] = text
        self._choose_trace()
        return True

    def _choose_trace(self) -> None:
        empty = self.EMPTY if self._session is None else f"Nothing of session {self._session} yet."
        self.table.set_empty("No record fits the filter." if self.filter.text else empty)
        if self.filter.text or self.KINDS or self._session is not None:
            self.table.show_trace(MatchedTrace(self.KINDS, self._matcher()))
        else:
            self.table.show_trace(WholeTrace())
        self._tell()

    def _matcher(self) -> Matcher | None:
        wanted, session = self.filter, self._session

        def matches(record: TraceRecord, entry: Entry) -> bool:
            if session is not None and entry.session not in {0, session}:
                return False
            return wanted(record, entry)

        return matches if wanted.text or session is not None else None

    def wants(self) -> bool:
        """Whether there may be a row to see that is not here."""
        live = self._view is not None and self._view.live and self.bench.link.up
        return live and self.display and self.is_on_screen and not self.bench.paused

    async def fetch(self) -> None:
        """Get the rows that are to be seen, where the bench gives them."""
        with contextlib.suppress(BenchLostError, RefusedError):
            await self._read()

    async def _read(self) -> None:
        table = self.table
        trace = table.trace
        last, changes, moved = trace.last, trace.changes, 0
        for _ in range(PORTIONS):
            start, stop = (row - moved for row in table.seen)
            moved += await trace.fetch(self.bench.link.call, start, stop, table.following)
            if not (isinstance(trace, MatchedTrace) and trace.behind):
                break
        if trace is table.trace and trace.changes != changes:
            table.updated(moved)
        self._tell()
        whole = table.following and not isinstance(trace, MatchedTrace)
        self._rushing = trace if whole and trace.last - last >= table.size.height else None

    def _tell(self) -> None:
        table, trace = self.table, self.table.trace
        parts = [(" ● following" if table.following else " ○ stopped · End follows", "accent")]
        if not isinstance(trace, MatchedTrace):
            parts.append((f"   {count_text(trace.count)} kept of {count_text(trace.last)}", "dim"))
        else:
            parts.append((f"   {count_text(trace.count)} shown", "dim"))
            if trace.behind:
                parts.append((f" · searched {trace.searched:.0%}", "warn"))
            if trace.left_out:
                parts.append((f" · {count_text(trace.left_out)} left out: too fast", "warn"))
        if table.marks:
            parts.append((f" · {len(table.marks)} marked", "warn"))
        self.query_one(TonedLine).show_parts(parts)
        self.say(self._about())

    def _about(self) -> str:
        words = []
        if self._session is not None:
            words.append(f"session {self._session}")
        if self.filter.text:
            words.append(self.filter.text)
        return " · ".join(words)

    def _complete(self, text: str) -> tuple[int, Sequence[str]]:
        sessions = self._view.snapshot.sessions if self._view else ()
        return complete(text, {"session": [str(session.id) for session in sessions]})

    def open_filter(self) -> None:
        """Let the operator type a filter."""
        self.query_one(FilterLine).open()

    def on_filter_line_applied(self, message: FilterLine.Applied) -> None:
        """A filter was typed, or taken away."""
        message.stop()
        if self.apply(message.text):
            self.table.focus()
            if message.text:
                self.bench.note_line(self._filter_words(message.text))

    def _filter_words(self, text: str) -> Sequence[str]:
        return ("commands", "--filter", text)

    def on_trace_table_followed(self, message: TraceTable.Followed) -> None:
        """Say whether it stays at the newest row."""
        message.stop()
        self._tell()

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """Show a record in full."""
        message.stop()
        if self.table.chosen is not None:
            self.app.push_screen(RecordScreen(self.table))

    def action_mark(self) -> None:
        """Mark the record under the cursor, or no longer."""
        self.table.toggle_mark()
        self._tell()

    def action_next_mark(self, back: bool) -> None:
        """Go to the next marked record."""
        if not self.table.next_mark(back):
            self.notify("Nothing is marked: m marks the row under the cursor.")

    def action_export(self) -> None:
        """Write what is filtered to a file."""
        self.bench.export(self.filter.text, self.KINDS, self._session)

    def action_clear(self) -> None:
        """Forget the trace."""
        self.bench.carry_out("trace.clear")
