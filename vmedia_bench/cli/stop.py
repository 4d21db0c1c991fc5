"""`vmedia-bench stop`."""

import typer

from vmedia_bench.cli.declared import plain_command
from vmedia_bench.cli.plain import plain


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stop")(plain_command(plain("stop")))
