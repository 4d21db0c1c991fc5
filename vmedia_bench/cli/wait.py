"""`vmedia-bench wait`: the piece that scripts need."""

import typer

from vmedia_bench.cli.declared import plain_command
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.operations.bench import Condition


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("wait")(plain_command(plain("wait"), kinds={"condition": Condition}))
