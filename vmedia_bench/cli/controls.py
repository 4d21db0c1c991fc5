"""`vmedia-bench formats` and `controls`."""

import typer

from vmedia_bench.cli.declared import group, plain_command
from vmedia_bench.cli.plain import plain


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("formats")(plain_command(plain("formats")))
    controls = group(app, "controls", "V4L2 controls, from the operator's side.")
    for verb in ("list", "get", "set", "change"):
        controls.command(verb)(plain_command(plain(f"controls {verb}")))
