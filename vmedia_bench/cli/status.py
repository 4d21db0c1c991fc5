"""`vmedia-bench status`."""

from typing import Annotated

import typer

from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.registry import operation


def status(
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Sessions, buffers, fault rules and controls too, at one moment."
        ),
    ] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show the bench, its VM, rings and memory."""
    command = plain("status --all") if everything else plain("status")
    values = {"controls": True} if everything else {}
    answer(command, values, bench=bench, form=form, quiet=quiet)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", help=operation("bench.status").summary)(status)
