"""`vmedia-bench trace`: the recorder, and what it has recorded."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from vmedia_bench.cli import trace_export, trace_replay
from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.declared import group, plain_command
from vmedia_bench.cli.events import FieldsOption, FilterOption, LimitOption, Printer
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import print_json, print_lines
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.registry import operation

SourceArgument: TypeAlias = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="A .vmtrace file [default: what the bench has kept]."),
]


def record(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to record to, until `trace stop`.")
    ],
    kept: Annotated[
        bool, typer.Option("--kept", help="Begin with what is kept in memory.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Record to a file until told to stop."""
    if str(file) == "-":
        raise CommandFailedError(
            "a recording is written by the bench, not by this command: name a file",
            ExitCode.USAGE,
        )
    values = {"path": str(file.absolute()), "kept": kept, "overwrite": overwrite}
    answer(plain("trace record"), values, bench=bench, form=form, quiet=quiet)


def show(
    file: SourceArgument = None,
    seq: Annotated[
        int | None, typer.Option("--record", min=1, help="Only the record of this number, in full.")
    ] = None,
    expression: FilterOption = "",
    limit: LimitOption = 50,
    fields: FieldsOption = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show records: commands, events, faults and notes in the order they happened."""
    from vmedia_bench.cli.records import newest, wanted
    from vmedia_bench.cli.trace_source import one, records_of

    if seq is not None:
        with records_of(file, bench) as found:
            _show_one(one(found.records, seq), form)
        return
    accept = wanted(expression)
    with records_of(file, bench) as found:
        Printer(form, quiet, fields).all(newest(accept.select(found.records), limit))


def stats(
    file: SourceArgument = None,
    expression: FilterOption = "",
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Count and time: commands, errors, latencies, frame rates, gaps."""
    from vmedia_bench.cli.records import wanted
    from vmedia_bench.cli.trace_source import records_of
    from vmedia_bench.cli.views.stats import stats_text
    from vmedia_bench.trace.stats import statistics

    accept = wanted(expression)
    with records_of(file, bench) as found:
        figures = asdict(statistics(found.records, accept))
    if form is Form.JSON:
        print_json(figures)
    elif form is Form.JSONL:
        print_lines(figures["commands"])
    elif not quiet:
        print(stats_text(figures))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    trace = group(app, "trace", "The recorder, and what it has recorded.")
    trace.command("status")(plain_command(plain("trace status")))
    trace.command("record", help=operation("trace.record").summary)(record)
    for verb in ("stop", "clear"):
        trace.command(verb)(plain_command(plain(f"trace {verb}")))
    trace.command("show")(show)
    trace.command("stats")(stats)
    trace_export.register(trace)
    trace_replay.register(trace)


def _show_one(found: object, form: Form) -> None:
    from vmedia_bench.cli.records import entry_data, entry_line
    from vmedia_bench.trace.decoded import decode
    from vmedia_bench.trace.entry import summarize
    from vmedia_bench.trace.record import Record

    if not isinstance(found, Record):
        raise CommandFailedError("there is no record of that number", ExitCode.MISSING)
    if form is not Form.TABLE:
        data = entry_data(found, fields=True)
        print_json(data) if form is Form.JSON else print_lines([data])
        return
    decoded = decode(found)
    print(entry_line(summarize(found)))
    for field in decoded.fields:
        print(f"  {field.side}[{field.offset}] {field.path} = {field.text}")
    for problem in decoded.problems:
        print(f"  wrong: {problem}")
