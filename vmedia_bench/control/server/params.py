"""From JSON objects to the parameters an operation declares, with errors that name the field."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from vmedia_bench.control.rpc import ErrorCode, RpcError

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>\$[^`]*)`)?$", re.DOTALL)
_nested_fields: dict[type[Any], dict[str, type[Any]]] = {}
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")


def decode_params(kind: type[Any], given: Mapping[str, Any]) -> Any:
    """
    Give an instance of the dataclass `kind`.

    RpcError(INVALID_PARAMS) for a field that is unknown, missing or of the wrong type.
    """
    for path, known in _unknown(kind, given, ""):
        raise _wrong(path, "there is no such parameter" + _near(path.rpartition(".")[2], known))
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _wrong(*_explain(str(error))) from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise _wrong("params", str(error)) from None


def _explain(text: str) -> tuple[str, str]:
    """Take msgspec's message apart: which field, and what is wrong with it."""
    match = _PLACE.match(text)
    what, place = (match["what"], match["place"] or "$") if match else (text, "$")
    path = place.removeprefix("$").removeprefix(".")
    missing = _MISSING.match(what)
    if missing is not None:
        return ".".join(filter(None, (path, missing["field"]))), "it is required"
    return path or "params", what[:1].lower() + what[1:].replace("`", "")


def _wrong(field: str, what: str) -> RpcError:
    return RpcError(ErrorCode.INVALID_PARAMS, f"{field}: {what}", {"field": field})


def _near(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known) or 'none'}"


def _unknown(kind: type[Any], given: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """Find fields that the dataclass does not have, which msgspec passes over."""
    if not isinstance(given, Mapping):
        return
    nested = _nested(kind)
    known = [field.name for field in fields(kind)]
    for name, value in given.items():
        if name not in known:
            yield f"{path}{name}", known
        elif name in nested:
            yield from _unknown(nested[name], value, f"{path}{name}.")


def _nested(kind: type[Any]) -> dict[str, type[Any]]:
    """Give the fields that are dataclasses themselves."""
    found = _nested_fields.get(kind)
    if found is None:
        found = _nested_fields[kind] = {
            name: part
            for name, hint in get_type_hints(kind, include_extras=True).items()
            for part in _parts(hint)
            if isinstance(part, type) and is_dataclass(part)
        }
    return found


def _parts(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is Annotated:
        yield from _parts(get_args(hint)[0])
    elif get_args(hint):
        for argument in get_args(hint):
            yield from _parts(argument)
    else:
        yield hint
