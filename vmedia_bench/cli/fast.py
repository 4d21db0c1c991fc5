"""
Plain reads without Typer, whose import alone costs more than such a command may take.

Only what is certainly right is answered here. Everything else (help, wrong arguments, a
configuration file, completion) is left to Typer, so that there is one place for each message.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vmedia_bench.cli.plain import PLAIN, Plain

_FORMS = ("table", "json", "jsonl")
_COMMON: dict[str, type] = {"bench": str, "format": str, "quiet": bool}
_SHORT = {"-q": "--quiet"}


class Read:
    """A plain read as the command line asks for it."""

    __slots__ = ("bench", "command", "form", "quiet", "values")

    def __init__(self, command: Plain, values: dict[str, Any]) -> None:
        self.bench: str | None = values.pop("bench", None)
        self.form: str = values.pop("format", "table")
        self.quiet: bool = values.pop("quiet", False)
        self.command = command
        self.values = values


def parse_read(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Read | None:
    """The read that a command line is, or None where Typer has to look at it."""
    for command in PLAIN:
        length = len(command.words)
        if command.fast and tuple(words[:length]) == command.words:
            if _has_defaults(command, environment):
                return None
            values = _values(command, words[length:])
            return None if values is None else Read(command, values)
    return None


def config_file_guess(environment: Mapping[str, str]) -> Path:
    """Where platformdirs puts the configuration file, without its import."""
    named = environment.get("VMEDIA_BENCH_CONFIG")
    folder = environment.get("XDG_CONFIG_HOME", "").strip()
    base = Path(folder) if folder else Path.home() / ".config"
    return Path(named) if named else base / "vmedia-bench" / "config.toml"


def _has_defaults(command: Plain, environment: Mapping[str, str]) -> bool:
    """Whether a file or the environment says what options start from."""
    prefix = "_".join(("VMEDIA_BENCH", *command.words, "")).upper()
    return (
        "_VMEDIA_BENCH_COMPLETE" in environment
        or any(name.startswith((prefix, "VMEDIA_BENCH_FORMAT")) for name in environment)
        or bool(environment.get("VMEDIA_BENCH_CONFIG"))
        or config_file_guess(environment).exists()
    )


def _values(command: Plain, words: Sequence[str]) -> dict[str, Any] | None:
    """Values by parameter; None for anything unknown, missing or unclear."""
    values: dict[str, Any] = {}
    places = list(command.places.items())
    rest = [_SHORT.get(word, word) for word in words]
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            found = _option(word, {**_COMMON, **command.options}, rest)
        else:
            found = _place(word, places)
        if found is None or found[0] in values:
            return None
        values[found[0]] = found[1]
    return None if places or values.get("format", "table") not in _FORMS else values


def _option(word: str, known: Mapping[str, type], rest: list[str]) -> tuple[str, Any] | None:
    name, sign, text = word.removeprefix("--").partition("=")
    kind = known.get(name)
    if kind is None or not word.startswith("--"):
        return None
    if kind is bool:
        return None if sign else (name, True)
    if not sign:
        if not rest or rest[0].startswith("-"):
            return None
        text = rest.pop(0)
    return _valued(name, kind, text)


def _place(word: str, places: list[tuple[str, type]]) -> tuple[str, Any] | None:
    return _valued(*places.pop(0), word) if places else None


def _valued(name: str, kind: type, text: str) -> tuple[str, Any] | None:
    if kind is int:
        return (name, int(text)) if text.isascii() and text.isdigit() else None
    return (name, text) if text else None
