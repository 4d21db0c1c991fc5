"""Any result of an operation in a few lines of text."""

from dataclasses import fields, is_dataclass

MOST = 12


def plain_text(result: object) -> str:
    """Its fields, one a line; lists by their length, nested ones left out beyond a few lines."""
    if not is_dataclass(result) or isinstance(result, type):
        return str(result or "")
    lines = []
    for each in fields(result):
        value = getattr(result, each.name)
        if isinstance(value, (tuple, list)):
            plain = all(isinstance(item, (str, int, float)) for item in value)
            shown = ", ".join(map(str, value)) if plain else f"{len(value)}"
            lines.append(f"{each.name}: {shown or 'none'}")
        elif not is_dataclass(value):
            lines.append(f"{each.name}: {value}")
    more = len(lines) - MOST
    return "\n".join([*lines[:MOST], *([f"and {more} more"] if more > 0 else [])])
