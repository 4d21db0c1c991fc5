"""A form for any operation: its fields out of the declared types, and the value out of texts."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. `name` is dotted where it lies in a nested type; `default` is text."""

    name: str
    kind: str
    """int, float, text, bool, choice, words (several), pairs (name=value, several) or value."""
    help: str = ""
    default: str = ""
    required: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()


def form_fields(kind: type[Any], prefix: str = "") -> list[FormField]:
    """The fields of a dataclass, nested ones in place."""
    hints = get_type_hints(kind, include_extras=True)
    found: list[FormField] = []
    for field in fields(kind):
        hint, text = _plain(hints[field.name])
        name = prefix + field.name
        if is_dataclass(hint) and isinstance(hint, type):
            found.extend(form_fields(hint, f"{name}."))
            continue
        default, required = _default(field)
        inner, optional = _inner(hint)
        found.append(
            FormField(name, _kind(inner), text, default, required, optional, _choices(inner))
        )
    return found


def build(kind: type[Any], texts: Mapping[str, str], prefix: str = "") -> Any:
    """A value of the dataclass; fields left out or empty keep their defaults.

    ValueError names the field and what was wrong with its text.
    """
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for field in fields(kind):
        hint, _ = _plain(hints[field.name])
        name = prefix + field.name
        if is_dataclass(hint) and isinstance(hint, type):
            values[field.name] = build(hint, texts, f"{name}.")
            continue
        text = texts.get(name, "")
        if text == "":
            if _default(field)[1]:
                raise ValueError(f"{name} is needed")
            continue
        values[field.name] = _value(_inner(hint)[0], text, name)
    return kind(**values)


def _plain(hint: Any) -> tuple[Any, str]:
    """A type without its annotation, and the help in it."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        return inner, next((note for note in notes if isinstance(note, str)), "")
    return hint, ""


def _inner(hint: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was in it."""
    if get_origin(hint) in {Union, types.UnionType}:
        rest = [each for each in get_args(hint) if each is not type(None)]
        if len(rest) == 1:
            return rest[0], len(get_args(hint)) == 2
        return object, False
    return hint, False


def _default(field: Any) -> tuple[str, bool]:
    """A field's default as text, and whether it has none."""
    if field.default_factory is not MISSING:
        return "", False
    if field.default is MISSING:
        return "", True
    return _text(field.default), False


def _text(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value.value if isinstance(value, Enum) else value)


def _kind(hint: Any) -> str:
    if get_origin(hint) is dict:
        return "pairs"
    if get_origin(hint) is tuple:
        return "words"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "choice"
    return {bool: "bool", int: "int", float: "float", str: "text"}.get(hint, "value")


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return tuple(str(member.value) for member in hint)
    return ()


def _value(hint: Any, text: str, name: str) -> Any:
    try:
        return _parsed(hint, text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _parsed(hint: Any, text: str) -> Any:
    if get_origin(hint) is tuple:
        return tuple(_parsed(get_args(hint)[0], word) for word in text.replace(",", " ").split())
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice(hint, text)
    readers: dict[Any, Callable[[str], Any]] = {
        bool: _switch,
        int: _number,
        float: _fraction,
        str: str,
        object: _any,
    }
    return _pairs(text) if get_origin(hint) is dict else readers[hint](text)


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r} is not NAME=VALUE")
        found[name] = value
    return found


def _choice(kind: type[Enum], text: str) -> Enum:
    for member in kind:
        if text in {str(member.value), member.name}:
            return member
    raise ValueError(f"{text!r} is none of {', '.join(str(m.value) for m in kind)}")


def _switch(text: str) -> bool:
    words = {"on": True, "yes": True, "true": True, "1": True}
    words |= {"off": False, "no": False, "false": False, "0": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError(f"{text!r} is not on or off") from None


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _fraction(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def _any(text: str) -> int | str:
    try:
        return int(text, 0)
    except ValueError:
        return text
