"""`vmedia-bench plugins`: backends that other packages bring."""

from typing import Any

import typer

from vmedia_bench.cli.common import FormOption, QuietOption
from vmedia_bench.cli.declared import group
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import print_json, print_lines
from vmedia_bench.cli.table import table

BUILT_IN = "built in"


def plugins_list(form: FormOption = Form.TABLE, quiet: QuietOption = False) -> None:
    """List backends that other packages of this installation bring, the broken ones too."""
    rows = _plugins()
    if form is Form.JSON:
        print_json({"plugins": rows})
    elif form is Form.JSONL:
        print_lines(rows)
    elif quiet:
        for row in rows:
            print(row["name"])
    elif not rows:
        print("no plugins: install a package with a backend, see docs/plugins.md")
    else:
        shown = [(row["name"], _state(row), row["origin"], row["summary"]) for row in rows]
        print(table(("backend", "state", "from", "summary"), shown))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group(app, "plugins", "Backends that other packages bring.").command("list")(plugins_list)


def _plugins() -> list[dict[str, Any]]:
    from vmedia_bench.backends import backends

    return [
        {
            "name": one.name,
            "summary": one.summary,
            "kind": one.kind,
            "origin": one.origin,
            "reason": one.unusable(),
        }
        for one in backends().values()
        if one.origin != BUILT_IN
    ]


def _state(row: dict[str, Any]) -> str:
    return f"unusable: {row['reason']}" if row["reason"] else "usable"
