"""`vmedia-bench backends` and `backend`."""

from typing import Annotated

import typer

from vmedia_bench.cli.arguments import settings
from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.completion import complete_backend
from vmedia_bench.cli.declared import group, plain_command
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.registry import operation


def backend_use(
    backend: Annotated[
        str,
        typer.Argument(
            metavar="BACKEND", help="Name in the registry.", autocompletion=complete_backend
        ),
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the backend; repeatable."),
    ] = None,
    hot: Annotated[
        bool,
        typer.Option(
            "--hot", help="Change the source under open sessions, if it has their formats."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="End open sessions with EVT_ERROR ENODEV first.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Change the backend. With open sessions it is refused, without --hot or --force."""
    if hot and force:
        raise CommandFailedError("--hot and --force: choose one", ExitCode.USAGE)
    mode = "hot" if hot else "force" if force else "refuse"
    values = {
        "backend": backend,
        "options": settings(assignments or []),
        "mode": mode,
        "dry_run": dry_run,
    }
    answer(plain("backend use"), values, bench=bench, form=form, quiet=quiet)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backends")(plain_command(plain("backends")))
    backend = group(app, "backend", "One backend.")
    backend.command("show")(plain_command(plain("backend show")))
    backend.command("use", short_help=operation("backends.use").summary)(backend_use)
