"""`vmedia-bench log`: what the bench says."""

from typing import Annotated

import typer

from vmedia_bench.cli.asking import answer, connected
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import narrate, print_lines
from vmedia_bench.cli.plain import plain
from vmedia_bench.cli.views.trace import log_line
from vmedia_bench.control.registry import operation


def log(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")
    ] = False,
    after: Annotated[int, typer.Option(min=0, help="Lines with a higher number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 500,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show the bench's log."""
    values = {"after": after, "limit": limit}
    answer(plain("log"), values, bench=bench, form=form, quiet=quiet)
    if not follow:
        return
    with connected(bench) as client:
        for batch in client.follow(["log"]):
            if batch["lost"]:
                narrate(f"{batch['lost']} lines were lost")
            for line in batch["items"]:
                if form is Form.TABLE:
                    print(log_line(line), flush=True)
                else:
                    print_lines([line])


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("log", help=operation("log.read").summary)(log)
