"""What a step expects of a result: a place in it, an operator, and a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_SEGMENT = re.compile(r"\[([^]=]+)=([^]]*)\]|[^.\[]+")
_PATH = re.compile(r"(?:\[[^]=]+=[^]]*\]|[^.\[\]]+)(?:\.?\[[^]=]+=[^]]*\]|\.[^.\[\]]+)*")
_MISSING = object()


def _matches(value: Any, pattern: Any) -> bool:
    return re.search(str(pattern), str(value)) is not None


_OPERATORS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "eq": ("", lambda value, wanted: bool(value == wanted)),
    "ne": ("not ", lambda value, wanted: bool(value != wanted)),
    "lt": ("< ", lambda value, wanted: bool(value < wanted)),
    "le": ("<= ", lambda value, wanted: bool(value <= wanted)),
    "gt": ("> ", lambda value, wanted: bool(value > wanted)),
    "ge": (">= ", lambda value, wanted: bool(value >= wanted)),
    "contains": ("something with ", lambda value, wanted: wanted in value),
    "lacks": ("something without ", lambda value, wanted: wanted not in value),
    "one_of": ("one of ", lambda value, wanted: value in wanted),
    "matches": ("something like ", _matches),
}
OPERATORS = frozenset((*_OPERATORS, "exists"))
"""Their names, as a step spells them."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """`path` in a result, compared by `operator` with `value`."""

    path: str
    operator: str
    value: Any

    def failure(self, result: Any) -> str:
        """What was expected and what was seen, "" where they agree."""
        value = self.value
        seen = look_up(result, self.path)
        if self.operator == "exists":
            if (seen is not _MISSING) == bool(value):
                return ""
            return f"{self.path}: it is {'not there' if value else 'there'}"
        if seen is _MISSING:
            return f"{self.path}: it is not there, {_shown(value)} was expected"
        words, compare = _OPERATORS[self.operator]
        try:
            if compare(seen, value):
                return ""
        except (TypeError, re.error) as error:
            return f"{self.path}: {_shown(seen)} cannot be compared ({error})"
        return f"{self.path}: {words}{_shown(value)} was expected, {_shown(seen)} was seen"


def look_up(result: Any, path: str) -> Any:
    """
    What is at a path of a result.

    Its parts are names, list indices (negative ones from the end), `length`, and `[key=value]`
    for the first element of a list whose `key` reads `value`.
    """
    value = result
    for part in _SEGMENT.finditer(path):
        value = _chosen(value, part[1], part[2]) if part[1] else _inside(value, part[0])
        if value is _MISSING:
            return value
    return value


def is_path(path: str) -> bool:
    """Whether it can be read as a path."""
    return _PATH.fullmatch(path) is not None


def is_missing(value: Any) -> bool:
    """Whether `look_up` found nothing."""
    return value is _MISSING


def _chosen(value: Any, key: str, wanted: str) -> Any:
    if not isinstance(value, list | tuple):
        return _MISSING
    found = (e for e in value if isinstance(e, Mapping) and key in e and str(e[key]) == wanted)
    return next(found, _MISSING)


def _inside(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _MISSING)
    if name == "length" and isinstance(value, list | tuple | str):
        return len(value)
    if isinstance(value, list | tuple) and re.fullmatch(r"-?\d+", name):
        index = int(name)
        if -len(value) <= index < len(value):
            return value[index]
    return _MISSING


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value else repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."
