"""Structures made by hand: one field set at a time, by its name, to what a person typed."""

from collections.abc import Iterator
from typing import Any

import construct

from vmedia_bench.wire.layouts.fields import Con, fields_of

Path = tuple[str, ...]


def assign(layout: Con, data: bytes, path: str, text: str) -> bytes:
    """
    The structure `data` with one field set to `text`, a number or a spelled name.

    `path` is `fmt.pix.width`, or its end (`width`) where that is unambiguous. The other fields
    are parsed anew each time, since a type decides what a union shows. Raises ValueError, which
    names the fields there are.
    """
    container = layout.parse(data)
    names = _resolve(container, path)
    try:
        if len(names) == 1:
            return _patched(layout, data, names[0], _value(container[names[0]], text))
        holder = container
        for name in names[:-1]:
            holder = holder[int(name)] if name.isdigit() else holder[name]
        last: Any = int(names[-1]) if names[-1].isdigit() else names[-1]
        holder[last] = _value(holder[last], text)
        return bytes(layout.build(container))
    except (ValueError, KeyError, TypeError, construct.ConstructError) as error:
        raise ValueError(f"{path}={text}: not a value for this field") from error


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields of a parsed structure that hold no others, each with its path."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name != "_io" and member is not None:
                yield from leaves(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, (*path, str(index)))
    else:
        yield path, value


def _patched(layout: Con, data: bytes, name: str, value: object) -> bytes:
    """A field of the structure itself; what follows it may then read differently."""
    field = next(field for field in fields_of(layout) if field.name == name)
    built: bytes = field.con.build(value)
    return data[: field.offset] + built + data[field.offset + field.size :]


def _value(old: object, text: str) -> object:
    """`text` as what the field holds: a number where it is one, else a name or characters."""
    try:
        return int(text, 0)
    except ValueError:
        if isinstance(old, str):
            return text
        raise


def _resolve(container: Any, path: str) -> Path:
    wanted = tuple(path.split("."))
    paths = [names for names, _ in leaves(container)]
    matches = [names for names in paths if names == wanted] or [
        names for names in paths if names[-len(wanted) :] == wanted
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = ", ".join(".".join(names) for names in matches)
        raise ValueError(f"{path} may be {choices}")
    known = ", ".join(".".join(names) for names in paths)
    raise ValueError(f"there is no field {path}; there are {known}")
