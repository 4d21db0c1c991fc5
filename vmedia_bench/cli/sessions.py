"""`vmedia-bench sessions`, `session`, `subscriptions` and `buffers`."""

import typer

from vmedia_bench.cli.declared import group, plain_command
from vmedia_bench.cli.plain import plain


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for words in ("sessions", "subscriptions", "buffers"):
        app.command(words)(plain_command(plain(words)))
    session = group(app, "session", "One open session.")
    session.command("show")(plain_command(plain("session show")))
