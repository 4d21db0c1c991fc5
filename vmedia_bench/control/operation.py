"""What an operation is: one thing that an operator can do, declared once for API, CLI and TUI."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Danger(StrEnum):
    """What an operation can do to the guest; screens ask before the last two."""

    NONE = "none"
    """It only looks."""
    CHANGES = "changes"
    """The guest sees something else afterwards, as it may with any real device."""
    ENDS = "ends"
    """Sessions, connections or the bench end."""
    MAY_CRASH = "may-crash"
    """A guest driver with a known weakness may take its kernel down."""


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One entry of the registry.

    `name` is the JSON-RPC method, noun.verb. `params` and `result` are dataclasses whose fields
    are annotated with a line of help each. `cli` is the command line that does the same, with
    {field} for parameters.
    """

    name: str
    summary: str
    params: type[Any]
    result: type[Any]
    cli: str
    danger: Danger = Danger.NONE
    passes_fd: bool = False
    """Whether one file descriptor travels beside each result (SCM_RIGHTS); none beside an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No parameters, or no result."""
