"""The command line that does what an operation just did."""

import shlex
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from string import Formatter
from typing import Any

from vmedia_bench.control.operation import Operation

PROGRAM = "vmedia-bench"
_SHARED = ("session", "type", "buffer")


def cli_line(operation: Operation, params: object, name: str = "") -> str:
    """The line for an operation with these parameters, on the bench called `name`."""
    values = _given(params)
    words: list[str] = []
    named = {field for _, field, _, _ in Formatter().parse(operation.cli) if field}
    filled = {
        key: shlex.quote(_plain(values.get(key, getattr(params, key, key.upper()))))
        for key in named
    }
    words.append(operation.cli.format(**filled))
    for key, value in values.items():
        if key not in named:
            words.extend(_option(key, value))
    where = f" --bench {name}" if name else ""
    return f"{PROGRAM} {' '.join(words)}{where}"


def words_line(words: Sequence[str], name: str = "") -> str:
    """A line from its words, on the bench called `name`."""
    where = f" --bench {name}" if name else ""
    return f"{PROGRAM} {shlex.join(words)}{where}"


def _given(params: object) -> dict[str, Any]:
    """The parameters that differ from their defaults, nested ones by dotted name."""
    found: dict[str, Any] = {}
    for field in fields(params):  # type: ignore[arg-type]
        value = getattr(params, field.name)
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        if is_dataclass(value) and not isinstance(value, type):
            inner = _given(value)
            if field.name == "action" and found.get("on") != "now":
                inner = {_of_action(name): each for name, each in inner.items()}
            found |= inner
        elif value != default:
            found[field.name] = value
    return found


def _of_action(name: str) -> str:
    """Match and action share some names: the action's have a prefix on the command line."""
    return f"action_{name}" if name in _SHARED else name


def _option(key: str, value: object) -> list[str]:
    if key == "mode":
        return [f"--{_plain(value)}"]
    if key == "armed":
        return ["--disarmed"]
    # Seconds are what options count in, so they drop their unit.
    flag = f"--{key.removesuffix('_s').replace('_', '-')}"
    if value is True:
        return [flag]
    if isinstance(value, dict):
        return [f"--set {shlex.quote(f'{name}={text}')}" for name, text in value.items()]
    if isinstance(value, (tuple, list)):
        return [f"{flag} {shlex.quote(_plain(each))}" for each in value]
    return [f"{flag} {shlex.quote(_plain(value))}"]


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))
