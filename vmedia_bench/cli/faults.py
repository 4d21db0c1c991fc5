"""`vmedia-bench faults`: rules that change what the device answers."""

from typing import Any

import typer

from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.declared import (
    common_parameters,
    flag,
    function,
    group,
    plain_command,
    text_option,
)
from vmedia_bench.cli.plain import plain
from vmedia_bench.cli.rules import rule, rule_parameters
from vmedia_bench.control.registry import operation
from vmedia_bench.faults.rule import Do, On

MAY_CRASH = flag("may_crash_guest", "Accept that the guest may crash.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    faults = group(app, "faults", "Rules that change what the device answers.")
    faults.command("list")(plain_command(plain("faults list")))
    parameters = (
        *rule_parameters(),
        text_option("name", "What to call it [default: what it does]."),
        flag("disarmed", "Add it without letting it act."),
        MAY_CRASH,
        *common_parameters(),
    )
    faults.command("add")(function(operation("faults.add").summary, parameters, _add))
    for verb in ("remove", "arm", "disarm", "clear", "presets"):
        faults.command(verb)(plain_command(plain(f"faults {verb}")))


def _add(values: dict[str, Any]) -> None:
    shown = {name: values.pop(name) for name in ("bench", "form", "quiet")}
    may_crash, disarmed = values.pop("may_crash_guest"), values.pop("disarmed")
    name = values.pop("name") or ""
    added = rule(On(values.pop("on")), Do(values.pop("do")), values)
    added |= {"armed": not disarmed, "name": name}
    answer(plain("faults add"), {"rule": added, "may_crash_guest": may_crash}, **shown)
