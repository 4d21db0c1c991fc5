"""`vmedia-bench wait`: the piece that scripts need."""

import time
from typing import Any

import typer

from vmedia_bench.cli.asking import NoBenchError, ask
from vmedia_bench.cli.declared import plain_command
from vmedia_bench.cli.output import show
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.operations.bench import Condition

LOOK_EVERY_S = 0.05


def register(app: typer.Typer) -> None:
    """Add the command."""
    kinds = {"condition": Condition}
    app.command("wait")(plain_command(plain("wait"), kinds=kinds, run=_wait))


def _wait(bench: str | None, values: dict[str, Any], form: str, quiet: bool) -> None:
    """Wait for the bench itself first, where it has only just been started."""
    end = time.monotonic() + values["timeout_s"]
    while True:
        try:
            left = max(end - time.monotonic(), 0.0)
            result = ask(bench, "bench.wait", values | {"timeout_s": round(left, 3)})
            break
        except NoBenchError:
            if time.monotonic() >= end:
                raise
        time.sleep(LOOK_EVERY_S)
    show(plain("wait"), result, form, quiet)
