"""A decoded record as lines beside its bytes: which line has which bytes, and the other way."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmedia_bench.trace.decoded import Field


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One line of the tree: a heading (`field` None) or a field."""

    depth: int
    name: str
    value: str
    field: Field | None


def field_lines(fields: Sequence[Field]) -> list[FieldLine]:
    """A line a field, under headings for the structures around it."""
    lines: list[FieldLine] = []
    above: list[str] = []
    for field in fields:
        parents = field.path.split(".")[1:-1]
        shared = 0
        while shared < min(len(parents), len(above)) and parents[shared] == above[shared]:
            shared += 1
        lines += [
            FieldLine(depth, parents[depth], "", None) for depth in range(shared, len(parents))
        ]
        above = parents
        lines.append(FieldLine(len(parents), field.name, field.text, field))
    return lines


def line_of(lines: Sequence[FieldLine], offset: int) -> int | None:
    """The line whose field has the byte at `offset`; None for padding."""
    for place, line in enumerate(lines):
        field = line.field
        if field is not None and field.offset <= offset < field.offset + field.length:
            return place
    return None
