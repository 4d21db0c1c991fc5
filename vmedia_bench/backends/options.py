"""What a backend can be set to: its options dataclass, shown to people and read from text."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIZE: Final = re.compile(r"(\d+)[xX](\d+)")
_SWITCHES: Final = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option as people see it. `type` is int, float, str, bool, size, path or choice.

    `default` is text as `--set` takes it; `required` ones have none.
    """

    name: str
    type: str
    default: str
    help: str
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of one type are called and read; `read` raises ValueError with what it wants."""

    name: str
    read: Callable[[str], object]
    choices: tuple[str, ...] = ()


def describe_options(options_type: type[Any]) -> tuple[Option, ...]:
    """List the fields of an options dataclass; metadata has their `help` and `choices`."""
    hints = get_type_hints(options_type)
    found = []
    for field in dataclasses.fields(options_type):
        kind = _kind(hints[field.name], field.metadata)
        default = _default(field)
        found.append(
            Option(
                field.name,
                kind.name,
                "" if default is dataclasses.MISSING else text_of(default),
                field.metadata.get("help", ""),
                kind.choices,
                default is dataclasses.MISSING,
            )
        )
    return tuple(found)


def read_options(options_type: type[Any], text: Mapping[str, str]) -> dict[str, object]:
    """
    Give the values that `name=text` pairs stand for, ready for the options dataclass.

    Raises ValueError with one line for an unknown name, a text that is no value of its type, and
    an option without default that is missing.
    """
    hints = get_type_hints(options_type)
    fields = {field.name: field for field in dataclasses.fields(options_type)}
    values = {}
    for name, value in text.items():
        if name not in fields:
            known = f"there are {', '.join(fields)}" if fields else "there are none"
            raise ValueError(f"{name}: not an option; {known}")
        try:
            values[name] = _kind(hints[name], fields[name].metadata).read(value)
        except ValueError as error:
            raise ValueError(f"{name} {value!r}: {error}") from None
    for name, field in fields.items():
        if name not in values and _default(field) is dataclasses.MISSING:
            raise ValueError(f"{name}: has no default; set it with --set {name}=...")
    return values


def text_of(value: object) -> str:
    """Give a value as the text that `read_options` reads back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value)


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _kind(hint: Any, metadata: Mapping[str, Any]) -> _Kind:
    """Choose how a field is read by its annotation; `None` in it makes an empty text None."""
    members = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    optional = NoneType in members
    kind = _plain_kind([member for member in members if member is not NoneType])
    choices = tuple(map(text_of, metadata.get("choices", ())))
    if choices:
        kind = _Kind("choice", _one_of(choices, kind.read), choices)
    if optional:
        read = kind.read
        return dataclasses.replace(kind, read=lambda text: read(text) if text else None)
    return kind


def _plain_kind(members: list[Any]) -> _Kind:
    if Fraction in members:
        return _Kind("float", _fraction)
    hint = members[0]
    if get_origin(hint) is tuple:
        return _Kind("size", _size)
    if get_origin(hint) is Literal:
        words = {text_of(word): word for word in get_args(hint)}
        return _Kind("choice", _one_of(tuple(words), words.__getitem__), tuple(words))
    if isinstance(hint, type) and issubclass(hint, Enum):
        words = {text_of(word): word for word in hint}
        return _Kind("choice", _one_of(tuple(words), words.__getitem__), tuple(words))
    found = _PLAIN.get(hint)
    if found is None:
        raise TypeError(f"an option cannot be of type {hint!r}")
    return found


def _one_of(words: tuple[str, ...], read: Callable[[str], object]) -> Callable[[str], object]:
    def choose(text: str) -> object:
        if text not in words:
            raise ValueError(f"not one of {', '.join(words)}")
        return read(text)

    return choose


def _integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError("not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("not a number") from None


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError("not a number such as 25, 29.97 or 30000/1001") from None


def _switch(text: str) -> bool:
    try:
        return _SWITCHES[text.lower()]
    except KeyError:
        raise ValueError("not yes or no") from None


def _size(text: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("not a size such as 640x480")
    return int(found[1]), int(found[2])


_PLAIN: Final[dict[type, _Kind]] = {
    bool: _Kind("bool", _switch),
    int: _Kind("int", _integer),
    float: _Kind("float", _number),
    str: _Kind("str", str),
    Path: _Kind("path", Path),
}
