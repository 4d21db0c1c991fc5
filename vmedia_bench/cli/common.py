"""Options that many commands share."""

from typing import Annotated, Any, TypeAlias

import typer

from vmedia_bench.cli.completion import complete_bench
from vmedia_bench.cli.form import Form

_BENCH_HELP = "Which bench: its name, or the path of its control socket [default: the only one]."
_FORM_HELP = "For people, one JSON document, or one a line."
_QUIET_HELP = "Only names or IDs, one a line; nothing where there are none."

BENCH: Any = typer.Option(
    None, "--bench", envvar="VMEDIA_BENCH", help=_BENCH_HELP, autocompletion=complete_bench
)
FORMAT: Any = typer.Option(Form.TABLE, "--format", envvar="VMEDIA_BENCH_FORMAT", help=_FORM_HELP)
QUIET: Any = typer.Option(False, "--quiet", "-q", help=_QUIET_HELP)

BenchOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--bench", envvar="VMEDIA_BENCH", help=_BENCH_HELP, autocompletion=complete_bench),
]
FormOption: TypeAlias = Annotated[
    Form, typer.Option("--format", envvar="VMEDIA_BENCH_FORMAT", help=_FORM_HELP)
]
QuietOption: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help=_QUIET_HELP)]
