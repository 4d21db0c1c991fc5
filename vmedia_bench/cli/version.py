"""`vmedia-bench version`."""

import platform

import typer

from vmedia_bench import __version__
from vmedia_bench.cli.common import FormOption
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import show_data


def version(form: FormOption = Form.TABLE) -> None:
    """Print the versions of vmedia-bench and of the Python that runs it."""
    python = platform.python_version()
    data = {"version": __version__, "python": python}
    show_data(data, form, lambda: f"vmedia-bench {__version__} (Python {python})")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("version")(version)
