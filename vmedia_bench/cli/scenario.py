"""`vmedia-bench scenario`: steps from a file, with waits and expectations."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vmedia_bench.cli.asking import ask
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.declared import group
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import show
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.rpc import MAX_LINE

LONGEST = MAX_LINE // 2
"""Characters of a scenario: it goes to the bench in one line, and some of them are escaped."""


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", allow_dash=True, help="A TOML file; - is stdin.")
    ],
    junit: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the report as JUnit XML too.")
    ] = None,
    may_crash_guest: Annotated[
        bool, typer.Option("--may-crash-guest", help="Allow steps that may crash the guest.")
    ] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Run a scenario and report. Exit code 1 when a step fails."""
    name = "scenario" if str(file) == "-" else file.stem
    params = {"toml": _text(file), "name": name, "may_crash_guest": may_crash_guest}
    report = ask(bench, "scenarios.run", params, patient=True)
    # Shown first: a file that cannot be written must not take the report with it.
    show(plain("scenario run"), report, form, quiet)
    if junit is not None:
        _write_junit(junit, report)
    if not report["passed"]:
        raise typer.Exit(ExitCode.FAILURE)


def register(app: typer.Typer) -> None:
    """Add the command."""
    group(app, "scenario", "Steps from a file, with waits and expectations.").command("run")(run)


def _text(file: Path) -> str:
    try:
        if str(file) == "-":
            text = sys.stdin.read(LONGEST + 1)
        else:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(LONGEST + 1)
    except OSError as error:
        raise CommandFailedError(
            f"cannot read {file}: {error.strerror}", ExitCode.MISSING
        ) from error
    except UnicodeDecodeError as error:
        raise CommandFailedError(f"{file} is no text: {error}", ExitCode.USAGE) from error
    if len(text) > LONGEST:
        raise CommandFailedError(
            f"{file} is no scenario: more than {LONGEST} characters", ExitCode.USAGE
        )
    return text


def _write_junit(path: Path, report: dict[str, Any]) -> None:
    from vmedia_bench.faults.junit import junit_xml

    try:
        path.write_text(junit_xml(report), encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(
            f"cannot write {path}: {error.strerror}", ExitCode.MISSING
        ) from error
