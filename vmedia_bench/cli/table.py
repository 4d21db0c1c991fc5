"""Text for people: aligned tables without borders, and lists of names and values."""

from collections.abc import Iterable, Sequence

from vmedia_bench.cli.colour import paint


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of `rows` under `head`; a column of nothing but figures is aligned to the right.

    Control characters in cells are shown as escapes: what a guest names must not reach a terminal.
    """
    lines = [list(head), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [_is_numeric([row[column] for row in rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            paint(cell, cell.rjust(width) if right else cell.ljust(width))
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, one a line; a value of nothing is shown as `-`."""
    shown = [(name, printable(value) or "-") for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name.ljust(width)}  {paint(value, value)}" for name, value in shown)


def indented(text: str) -> str:
    """The lines of `text`, two spaces in."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def printable(text: str) -> str:
    """The text with its control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _is_numeric(column: Sequence[str]) -> bool:
    figures = [cell for cell in column if cell not in {"", "-"}]
    return bool(figures) and all(
        cell.replace(".", "", 1).replace(",", "").isdigit() for cell in figures
    )
