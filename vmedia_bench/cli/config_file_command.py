"""`vmedia-bench config-file`: which configuration is in force."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from vmedia_bench.cli.common import FormOption
from vmedia_bench.cli.config_file import PATH_VARIABLE, config_path, read_config
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import print_json, print_lines
from vmedia_bench.cli.table import pairs

EXAMPLE = """\
# Options for all commands.
format = "table"        # table, json or jsonl
# bench = "cam0"        # which bench commands talk to

# A table a command; its keys are the command's long options.
[serve]
size = "1280x720"
fps = 30

[wait]
timeout = 60

[trace.show]
limit = 200
"""


def config_file(
    example: Annotated[
        bool, typer.Option("--example", help="Print a file to start from instead.")
    ] = False,
    form: FormOption = Form.TABLE,
) -> None:
    """Show which configuration file and which environment variables give defaults."""
    if example:
        print(EXAMPLE, end="")
        return
    found = _in_force()
    if form is Form.JSON:
        print_json(found)
    elif form is Form.JSONL:
        print_lines([found])
    else:
        state = "in force" if found["exists"] else "not there"
        settings = [(f"  {key}", str(value)) for key, value in found["settings"].items()]
        variables = [(f"  {key}", value) for key, value in found["variables"].items()]
        print(pairs([("file", f"{found['path']} ({state})"), *settings]))
        if variables:
            print(f"environment\n{pairs(variables)}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("config-file")(config_file)


def _in_force() -> dict[str, Any]:
    path: Path = config_path()
    return {
        "path": str(path),
        "named_by": PATH_VARIABLE if os.environ.get(PATH_VARIABLE) else "",
        "exists": path.exists(),
        "settings": dict(_flat(read_config(), "")),
        "variables": {
            name: value
            for name, value in sorted(os.environ.items())
            if name == "VMEDIA_BENCH" or name.startswith("VMEDIA_BENCH_")
        },
    }


def _flat(config: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in config.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
