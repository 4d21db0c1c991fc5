"""`vmedia-bench trace export`: records in a format that another program reads."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vmedia_bench.cli.common import BenchOption, QuietOption
from vmedia_bench.cli.events import FilterOption
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.output import narrate
from vmedia_bench.cli.views.amounts import counted
from vmedia_bench.trace.export import FORMATS, ExportFormat, format_for, write_records
from vmedia_bench.trace.record import Record


def complete_format(incomplete: str) -> list[tuple[str, str]]:
    """Names of formats."""
    return [
        (each.name, each.summary) for each in FORMATS.values() if each.name.startswith(incomplete)
    ]


def export(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", allow_dash=True, help="Where to write it; - is stdout.")
    ],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A trace file [default: what the bench kept]."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help=f"{', '.join(FORMATS)} [default: by the suffix].",
            autocompletion=complete_format,
        ),
    ] = None,
    expression: FilterOption = "",
    bench: BenchOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write records in a format that another program reads."""
    from vmedia_bench.cli.records import wanted
    from vmedia_bench.cli.trace_source import records_of

    try:
        chosen = format_for(out, kind)
    except ValueError as error:
        raise CommandFailedError(str(error), ExitCode.USAGE) from error
    accept = wanted(expression)
    if source is not None and _same(source, out):
        raise CommandFailedError(f"{out} is the file that is read: write another", ExitCode.USAGE)
    with records_of(source, bench) as found:
        count = _write(out, chosen, accept.select(found.records), found.metadata)
    narrate(f"{counted(count, 'record')}, {chosen.summary}", quiet)


def register(trace: typer.Typer) -> None:
    """Add the command to its noun."""
    trace.command("export")(export)


def _same(source: Path, out: Path) -> bool:
    try:
        return source.samefile(out)
    except OSError:
        return False


def _write(
    out: Path, chosen: ExportFormat, records: Iterable[Record], metadata: Mapping[str, Any]
) -> int:
    try:
        if str(out) == "-":
            return write_records(records, sys.stdout.buffer, chosen, metadata)
        with out.open("wb") as file:
            return write_records(records, file, chosen, metadata)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandFailedError(
            f"cannot write {out}: {error.strerror}", ExitCode.MISSING
        ) from error
    except ValueError as error:
        raise CommandFailedError(f"{chosen.name}: {error}") from error
