"""Tables for people: aligned, without borders, numbers to the right."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of `rows` under `head`; a column of nothing but figures is aligned to the right."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [
        bool(rows) and all(_is_figure(row[column]) for row in rows) for column in range(len(head))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_figure(cell: str) -> bool:
    return cell in {"", "-"} or cell.replace(".", "", 1).replace(",", "").isdigit()
