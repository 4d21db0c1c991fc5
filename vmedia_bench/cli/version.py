"""`vmedia-bench version`."""

import platform

import typer

from vmedia_bench import __version__


def version() -> None:
    """Print the versions of vmedia-bench and of the Python that runs it."""
    print(f"vmedia-bench {__version__} (Python {platform.python_version()})")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("version")(version)
