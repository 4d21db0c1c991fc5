"""What may come next in a filter: for completion on a command line and in a screen."""

from collections.abc import Sequence
from typing import NamedTuple

from vmedia_bench.trace.filter_fields import LISTED
from vmedia_bench.trace.filter_parser import OPERATORS, WORDS, FilterError, Token, tokens


class Completion(NamedTuple):
    """What may stand from `start` to the end of the expression, likely ones first."""

    start: int
    candidates: tuple[str, ...]


def complete(text: str, values: dict[str, Sequence[str]] | None = None) -> Completion:
    """
    What the word at the end of `text` may become.

    `values` has the words of fields that only the caller knows (`{"session": ["3", "5"]}`).
    An expression that cannot be read has none.
    """
    try:
        found = tokens(text)
    except FilterError:
        return Completion(len(text), ())
    word = ""
    if found and found[-1].end == len(text) and found[-1].text not in {"(", ")", ","}:
        last = found.pop()
        word = text[last.start :]
    fitting = _fitting(found, word, values or {})
    lower = word.lower()
    chosen = [each for each in fitting if each.lower().startswith(lower)]
    chosen += [each for each in fitting if lower in each.lower() and each not in chosen]
    return Completion(len(text) - len(word), tuple(chosen))


def _fitting(found: list[Token], word: str, values: dict[str, Sequence[str]]) -> Sequence[str]:
    """All that the grammar allows after these tokens."""
    place, field = _state(found)
    if place == "field":
        return (*LISTED, "not", *_fields_in_bytes(word))
    if place == "operator":
        return (*OPERATORS, "and", "or")
    if place == "value":
        listed = LISTED.get(field)
        return (*values.get(field, ()), *(listed.choices if listed else ()))
    return ("and", "or")


def _state(found: list[Token]) -> tuple[str, str]:
    """What comes next (field, operator, value, joint), and the field that it is about."""
    place, field, in_list = "field", "", False
    for token in found:
        text = token.text
        if place == "field":
            if token.quoted or text not in {*WORDS, "("}:
                place, field = "operator", text
        elif place == "operator":
            if text in {"and", "or"}:
                place = "field"
            elif text == ")":
                place = "joint"
            else:
                place, in_list = "value", text == "in"
        elif place == "value":
            if not in_list or text == ")":
                place = "joint"
        elif text in {"and", "or"}:
            place = "field"
    return place, field


def _fields_in_bytes(word: str) -> tuple[str, ...]:
    """Paths are many, so they come once a word is begun."""
    if len(word) < 2:
        return ()
    from vmedia_bench.trace.field_names import known_paths

    if "." in word:
        return known_paths()
    return tuple(sorted({path.rpartition(".")[2] for path in known_paths()} - LISTED.keys()))
