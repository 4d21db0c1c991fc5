"""`vmedia-bench commands` and `events`: what passed between driver and device."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from vmedia_bench.cli.asking import connected
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.completion import complete_session
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import narrate, print_json
from vmedia_bench.cli.table import printable

if TYPE_CHECKING:
    from vmedia_bench.trace.filter import Filter
    from vmedia_bench.trace.record import Record

FollowOption: TypeAlias = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")
]
FilterOption: TypeAlias = Annotated[
    str,
    typer.Option("--filter", metavar="EXPR", help="Such as: ioctl == QBUF and status != 0."),
]
SessionOption: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, help="Only this session's.", autocompletion=complete_session),
]
LimitOption: TypeAlias = Annotated[
    int, typer.Option(min=0, help="So many of the newest; 0: all that are kept.")
]
FieldsOption: TypeAlias = Annotated[
    bool, typer.Option("--fields", help="In JSON: every field by name, not only a summary.")
]


def commands(
    follow: FollowOption = False,
    expression: FilterOption = "",
    session: SessionOption = None,
    limit: LimitOption = 50,
    fields: FieldsOption = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show the driver's commands and how they were answered."""
    _show(("command",), follow, expression, session, limit, Printer(form, quiet, fields), bench)


def events(
    follow: FollowOption = False,
    expression: FilterOption = "",
    session: SessionOption = None,
    limit: LimitOption = 50,
    fields: FieldsOption = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show events sent to the driver, faults that fired, and the life of the connection."""
    kinds = ("event", "fault", "note")
    _show(kinds, follow, expression, session, limit, Printer(form, quiet, fields), bench)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("events")(events)
    app.command("commands")(commands)


class Printer:
    """Prints records in a form; JSON is one document at the end, or lines while following."""

    def __init__(self, form: Form, quiet: bool, fields: bool) -> None:
        self._form = form
        self._quiet = quiet
        self._fields = fields

    def all(self, records: "list[Record]") -> None:
        """Print what was kept."""
        if self._form is Form.JSON:
            print_json([self._data(record) for record in records])
            return
        self.head()
        for record in records:
            self.one(record)

    def head(self) -> None:
        """Print what the columns are."""
        from vmedia_bench.cli.records import ENTRY_HEAD

        if self._form is Form.TABLE and not self._quiet:
            print(ENTRY_HEAD, flush=True)

    def one(self, record: "Record") -> None:
        """Print one."""
        from vmedia_bench.cli.records import entry_line
        from vmedia_bench.trace.entry import summarize

        if self._form is not Form.TABLE:
            print(json.dumps(self._data(record), ensure_ascii=False), flush=True)
        elif self._quiet:
            print(record.seq, flush=True)
        else:
            print(entry_line(summarize(record)), flush=True)

    def happened(self, topic: str, item: dict[str, Any]) -> None:
        """Print news that are no record: of the VM, of sessions."""
        if self._form is not Form.TABLE:
            print(json.dumps({"kind": topic, **item}, ensure_ascii=False), flush=True)
        elif not self._quiet:
            words = " ".join(str(value) for value in item.values() if value)
            print(f"{'':>8}  {topic} {printable(words)}", flush=True)

    def _data(self, record: "Record") -> dict[str, Any]:
        from vmedia_bench.cli.records import entry_data

        return entry_data(record, fields=self._fields)


def _show(
    kinds: tuple[str, ...],
    follow: bool,
    expression: str,
    session: int | None,
    limit: int,
    printer: Printer,
    bench: str | None,
) -> None:
    from vmedia_bench.cli.records import newest_records, wanted

    # What was typed is looked at alone first: a mistake in it is told as one of its own.
    accept = wanted(expression)
    if session is not None:
        narrowed = f" and ({expression})" if expression.strip() else ""
        accept = wanted(f"session == {session}{narrowed}")
    with connected(bench) as client:
        if not follow:
            printer.all(newest_records(client, limit, kinds, accept))
            return
        topics = ["command"] if kinds == ("command",) else ["event", "fault", "vm", "session"]
        batches = client.follow(topics, session=session)
        # Who sees the head misses nothing any more.
        printer.head()
        for topic, item in _items(batches):
            if topic in kinds:
                _print_accepted(item, accept, printer)
            elif not expression:
                printer.happened(topic, item)


def _print_accepted(item: dict[str, Any], accept: "Filter", printer: Printer) -> None:
    from vmedia_bench.trace.record import from_json

    record = from_json(item)
    if accept(record):
        printer.one(record)


def _items(batches: Iterator[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What happens, topic by topic; losses are told on stderr."""
    for batch in batches:
        if batch["lost"]:
            narrate(f"{batch['lost']} of topic {batch['topic']} were lost: too many to follow")
        for item in batch["items"]:
            yield batch["topic"], item
