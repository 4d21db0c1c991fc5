"""`vmedia-bench trace replay`: a recorded guest against any back-end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.guest import Order, OrderOption, existing_socket
from vmedia_bench.cli.output import print_json, print_lines
from vmedia_bench.cli.table import printable

if TYPE_CHECKING:
    from vmedia_bench.replay.report import ReplayReport

LONGEST_S = 86400
"""Nobody waits longer for an event, and no socket much longer."""


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .vmtrace file, or one in JSON lines.")
    ],
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket", "--socket-path", help="The back-end's socket [default: the bench's]."
        ),
    ] = None,
    order: OrderOption = Order.QEMU,
    event_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for an expected event.")
    ] = 2.0,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Play a recorded guest to a back-end; report where it answers differently (exit code 1)."""
    if not event_timeout <= LONGEST_S:
        raise CommandFailedError(
            f"--event-timeout {event_timeout:g}: at most {LONGEST_S} seconds", ExitCode.USAGE
        )
    report = _replayed(file, existing_socket(socket, bench), order, event_timeout)
    if form is Form.JSON:
        print_json(report.to_json())
    elif form is Form.JSONL:
        print_lines(report.to_json()["differences"])
    elif not quiet:
        lines = [*map(str, report.differences), *report.notes, report.summary()]
        print("\n".join(map(printable, lines)))
    if report.aborted:
        raise CommandFailedError(report.aborted, ExitCode.PROTOCOL)
    if report.different:
        raise typer.Exit(ExitCode.FAILURE)


def register(trace: typer.Typer) -> None:
    """Add the command to its noun."""
    trace.command("replay")(replay)


def _replayed(file: Path, socket: Path, order: Order, limit_s: float) -> "ReplayReport":
    from vmedia_bench.cli.trace_source import records_of
    from vmedia_bench.guest.errors import BackendError, BackendUnreachableError
    from vmedia_bench.replay.player import replay as play

    try:
        with records_of(file, None) as found:
            return play(
                found.records,
                socket,
                metadata=found.metadata,
                order=order.value,
                event_limit_s=limit_s,
            )
    except BackendUnreachableError as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error
    except BackendError as error:
        raise CommandFailedError(str(error), ExitCode.PROTOCOL) from error
