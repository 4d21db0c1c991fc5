"""The registry of operations. Only the module that declares the one asked for is imported."""

from collections.abc import Iterator
from importlib import import_module

from vmedia_bench.control.operation import Operation

_HOMES = {
    "bench": "bench",
    "sessions": "sessions",
    "subscriptions": "sessions",
    "buffers": "buffers",
    "formats": "formats",
    "controls": "controls",
    "config": "config",
    "backends": "backends",
    "faults": "faults",
    "scenarios": "scenarios",
    "trace": "trace",
    "frames": "frames",
    "live": "live",
    "log": "live",
}
"""First part of an operation's name to the module that declares it."""


def operation(name: str) -> Operation:
    """The operation of that name; KeyError when there is none."""
    home = _HOMES[name.partition(".")[0]]
    for found in _declared(home):
        if found.name == name:
            return found
    raise KeyError(name)


def operations() -> Iterator[Operation]:
    """All operations, noun by noun."""
    for home in dict.fromkeys(_HOMES.values()):
        yield from _declared(home)


def _declared(home: str) -> tuple[Operation, ...]:
    declared: tuple[Operation, ...] = import_module(
        f"vmedia_bench.control.operations.{home}"
    ).OPERATIONS
    return declared
