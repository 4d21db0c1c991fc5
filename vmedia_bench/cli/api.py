"""`vmedia-bench api`: the control API's schema."""

import typer

from vmedia_bench.cli.output import print_json


def api() -> None:
    """Print the control API's schema, as OpenRPC."""
    from vmedia_bench.control.openrpc import openrpc

    print_json(openrpc())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("api")(api)
