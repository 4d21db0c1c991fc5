"""One record in full: every field beside its bytes, request beside response."""

import contextlib
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from vmedia_bench.control.operations.trace import RecordKind
from vmedia_bench.trace.decoded import decode
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.fields import FieldLine, field_lines, line_of
from vmedia_bench.tui.model.rows import Column, Row
from vmedia_bench.tui.model.text import span_text
from vmedia_bench.tui.trace_feed import Item
from vmedia_bench.tui.widgets.hex_view import HexView
from vmedia_bench.tui.widgets.key_hints import KeyHints
from vmedia_bench.tui.widgets.table import RowTable
from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned
from vmedia_bench.tui.widgets.trace_table import TraceTable

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench

COLUMNS = (Column("field", 26), Column("value", flex=True))


class SideView(Vertical):
    """The fields of one direction, and its bytes; what is chosen in one is lit in the other."""

    def __init__(self, side: str, title: str) -> None:
        super().__init__(id=f"side-{side}", classes="side")
        self.side = side
        self.title = title
        self._lines: list[FieldLine] = []

    def compose(self) -> ComposeResult:
        """Fields beside bytes."""
        with Horizontal():
            yield RowTable(COLUMNS, empty="nothing", classes="side-fields")
            yield HexView()

    def show(self, lines: list[FieldLine], data: bytes) -> None:
        """Other fields and bytes."""
        self._lines = lines
        self.query_one(RowTable).set_rows([_row(at, line) for at, line in enumerate(lines)])
        self.query_one(HexView).show(data)
        self._light()
        self.border_title = f"{self.title} · {len(data)} byte{'s' * (len(data) != 1)}"

    def on_row_table_moved(self, message: RowTable.Moved) -> None:
        """Light the bytes of the field."""
        message.stop()
        self._light()

    def _light(self) -> None:
        key = self.query_one(RowTable).cursor_key
        field = self._lines[int(key)].field if key is not None else None
        if field is not None:
            self.query_one(HexView).light(field.offset, field.length)

    def on_hex_view_moved(self, message: HexView.Moved) -> None:
        """Go to the field of the byte."""
        message.stop()
        place = line_of(self._lines, message.offset)
        view = self.query_one(HexView)
        if place is None:
            view.lit = range(0)
            return
        field = self._lines[place].field
        assert field is not None
        view.lit = range(field.offset, field.offset + field.length)
        table = self.query_one(RowTable)
        table.cursor = place
        table.show_cursor()


class RecordHead(Static, Toned):
    """The record in two lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)


class RecordScreen(ModalScreen[None]):
    """Opened over the trace; the record before and after are a key away."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (124, "-roomy")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("left_square_bracket,p", "go(-1)", "Previous", key_display="["),
        Binding("right_square_bracket,n", "go(1)", "Next", key_display="]"),
        Binding("m", "mark", "Mark"),
        Binding("tab", "app.focus_next", "Fields/bytes"),
    ]

    def __init__(self, table: TraceTable) -> None:
        super().__init__()
        self._table = table
        item = table.chosen
        assert item is not None
        self.item = item
        self._wanted = item.record.seq

    def compose(self) -> ComposeResult:
        """Head, request, response."""
        with Vertical(id="record"):
            yield RecordHead(id="record-head")
            with Vertical(id="record-sides"):
                yield SideView("request", "Request")
                yield SideView("response", "Response")
            yield KeyHints()

    def on_mount(self) -> None:
        """Show the record that was chosen."""
        self._show()
        self.query_one("#side-response" if self._one_side else "#side-request").query_one(
            RowTable
        ).focus()

    @property
    def _one_side(self) -> bool:
        return self.item.record.kind != RecordKind.COMMAND

    def _show(self) -> None:
        record = self.item.record
        decoded = decode(record)
        head = self.query_one("#record-head", RecordHead)
        head.update(
            _head(head, self.item, decoded.problems, self.item.record.seq in self._table.marks)
        )
        request = self.query_one("#side-request", SideView)
        answer = self.query_one("#side-response", SideView)
        plain = record.kind in {RecordKind.FAULT, RecordKind.NOTE}
        self.query_one("#record").set_class(plain, "-plain")
        request.display = not self._one_side
        answer.title = "Event" if record.kind == RecordKind.EVENT else "Response"
        request.show(field_lines(decoded.side("request")), record.request)
        side = "event" if record.kind == RecordKind.EVENT else "response"
        answer.show(field_lines(decoded.side(side)), record.response)

    def action_go(self, by: int) -> None:
        """The record before or after, as the list has them."""
        trace = self._table.trace
        place = trace.index(self._wanted) + by
        if 0 <= place < trace.count:
            self._wanted = trace.seq(place)
            self._table.go_to_seq(self._wanted)
            self.run_worker(self._go_to_wanted())

    async def _go_to_wanted(self) -> None:
        """Show what is gone to; what was not in sight may have to be fetched first."""
        table, trace = self._table, self._table.trace
        place = trace.index(self._wanted)
        if trace.item(place) is None:
            with contextlib.suppress(BenchLostError, RefusedError):
                link = cast("Workbench", self.app).link
                table.updated(await trace.fetch(link.call, place, place + 1, False))
        item = trace.item(trace.index(self._wanted))
        if item is not None and item.record.seq == self._wanted:
            self.item = item
            self._show()

    def action_mark(self) -> None:
        """Mark this record, or no longer."""
        self._table.marks ^= {self.item.record.seq}
        self._show()


def _row(place: int, line: FieldLine) -> Row:
    indent = "  " * line.depth
    if line.field is None:
        return Row(place, ((f"{indent}{line.name}", "accent"), ""))
    zero = line.field.value in {0, ""}
    return Row(place, (f"{indent}{line.name}", (line.value, "dim" if zero else "")))


def _head(widget: Toned, item: Item, problems: tuple[str, ...], marked: bool) -> Text:
    record, entry = item.record, item.entry
    parts = [
        (" ◆ " if marked else "   ", "warn"),
        (f"#{record.seq}  ", "dim"),
        (f"{entry.verb} {entry.name if entry.name != entry.verb else ''}  ", "strong"),
        (f"session {entry.session}  " if entry.session else "", ""),
    ]
    if entry.failed:
        parts.append((f"✖ {entry.status_name}  ", "bad"))
    elif entry.status == 0:
        parts.append(("✓ 0  ", "good"))
    if entry.latency_ns:
        parts.append((f"{span_text(entry.latency_ns)}  ", ""))
    parts.append((record.note or entry.text, ""))
    if record.ring >= 0:
        parts.append(("\n   ", ""))
        chain = "+".join(map(str, record.readable)) or "0"
        room = "+".join(map(str, record.writable)) or "0"
        parts.append(
            (
                f"head {record.head} · readable {chain} · writable {room} · used {record.used}",
                "dim",
            )
        )
    parts += [(f"\n   ▲ {problem}", "warn") for problem in problems]
    return widget.toned(parts)
