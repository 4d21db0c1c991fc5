"""Printing what a command found: data on stdout, in the form that was asked for."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import Plain


def show(command: Plain, result: dict[str, Any], form: str, quiet: bool) -> None:
    """Print a result; with `quiet` only the names of what is in it."""
    if form == Form.JSON:
        print_json(result)
    elif form == Form.JSONL:
        print_lines(command.entries(result))
    elif quiet:
        for name in command.names(result):
            print(name)
    else:
        print(command.text(result))


def show_data(data: object, form: str, text: Callable[[], str]) -> None:
    """Print one thing: as text for people, as an indented document, or on a line."""
    if form == Form.JSON:
        print_json(data)
    elif form == Form.JSONL:
        print_lines([data])
    else:
        print(text())


def print_json(data: object) -> None:
    """One JSON document, indented."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_lines(entries: Iterable[object]) -> None:
    """One JSON document a line."""
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False))


def narrate(text: str, quiet: bool = False) -> None:
    """A line on stderr, unless quiet."""
    if not quiet:
        print(f"vmedia-bench: {text}", file=sys.stderr)
