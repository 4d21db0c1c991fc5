"""`vmedia-bench log`: what the bench says."""

import json
from typing import Annotated, Any

import typer

from vmedia_bench.cli.asking import answer, connected
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import narrate
from vmedia_bench.cli.plain import plain
from vmedia_bench.cli.views.trace import log_line
from vmedia_bench.control.registry import operation


def log(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest lines.")] = 500,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Show the bench's log."""
    values = {"after": -limit, "limit": limit}
    if not follow:
        answer(plain("log"), values, bench=bench, form=form, quiet=quiet)
        return
    with connected(bench) as client:
        # Subscribed first and read then, no line falls in between.
        batches = client.follow(["log"])
        seen = _print(client.call("log.read", **values)["lines"], form, 0)
        for batch in batches:
            if batch["lost"]:
                narrate(f"{batch['lost']} lines were lost")
            seen = _print(batch["items"], form, seen)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("log", help=operation("log.read").summary)(log)


def _print(lines: list[dict[str, Any]], form: Form, seen: int) -> int:
    """Print the lines after number `seen`; gives the last one's number."""
    for line in lines:
        if line["seq"] > seen:
            text = log_line(line) if form is Form.TABLE else json.dumps(line, ensure_ascii=False)
            print(text, flush=True)
            seen = line["seq"]
    return seen
