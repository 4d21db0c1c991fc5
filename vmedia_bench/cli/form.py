"""How a command prints what it found."""

from enum import StrEnum


class Form(StrEnum):
    """The forms of output, the same for all commands."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
