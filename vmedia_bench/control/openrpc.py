"""The OpenRPC document of the control API, generated from the registry."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from vmedia_bench import __version__
from vmedia_bench.control.operation import Operation
from vmedia_bench.control.operations.live import Live
from vmedia_bench.control.registry import operations
from vmedia_bench.control.rpc import LIVE_METHOD, ErrorCode

OPENRPC_VERSION = "1.3.2"
_REF = "#/components/schemas/{name}"
_ABOUT = (
    "JSON-RPC 2.0 over a UNIX stream socket, one object a line. A bench called NAME listens at "
    "$XDG_RUNTIME_DIR/vmedia-bench/NAME.sock. Parameters go by name; batches are allowed, but not "
    "for methods that pass a file descriptor (x-passes-fd)."
)


def openrpc() -> dict[str, Any]:
    """Give the whole document, ready for JSON."""
    declared = tuple(operations())
    types = [kind for each in declared for kind in (each.params, each.result)] + [Live]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    _describe(components, types)
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "vmedia-bench control API",
            "version": __version__,
            "description": _ABOUT,
        },
        "methods": [
            _method(each, components, schemas[2 * number + 1])
            for number, each in enumerate(declared)
        ],
        "x-notifications": [
            {
                "name": LIVE_METHOD,
                "summary": "What a client subscribed to with live.subscribe.",
                "params": schemas[-1],
            }
        ],
        "components": {"schemas": dict(sorted(components.items())), "errors": _errors()},
    }


def _method(declared: Operation, components: dict[str, Any], result: Any) -> dict[str, Any]:
    params = components[declared.params.__name__]
    required = params.get("required", [])
    return {
        "name": declared.name,
        "summary": declared.summary,
        "paramStructure": "by-name",
        "params": [
            {
                "name": name,
                **({"description": schema["description"]} if "description" in schema else {}),
                "required": name in required,
                "schema": {key: value for key, value in schema.items() if key != "description"},
            }
            for name, schema in params.get("properties", {}).items()
        ],
        "result": {"name": declared.result.__name__, "schema": result},
        "errors": [{"$ref": f"#/components/errors/{code.name}"} for code in ErrorCode],
        "x-cli": f"vmedia-bench {declared.cli}",
        "x-danger": declared.danger.value,
        "x-passes-fd": declared.passes_fd,
    }


def _errors() -> dict[str, Any]:
    notes = member_notes(ErrorCode)
    return {
        code.name: {"code": code.value, "message": notes.get(code.name, "")} for code in ErrorCode
    }


# Help texts


def _describe(components: dict[str, Any], types: list[type[Any]]) -> None:
    """Put the declarations' help texts where JSON schema has its descriptions."""
    for kind in _all_types(types):
        schema = components.get(kind.__name__)
        if schema is None:
            continue
        if issubclass(kind, Enum):
            schema["description"] = _enum_help(kind)
            continue
        for name, text in field_notes(kind).items():
            schema["properties"][name]["description"] = text


def field_notes(kind: type[Any]) -> dict[str, str]:
    """Give the help text of each field of a dataclass that has one."""
    notes = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is Annotated:
            notes[name] = str(get_args(hint)[1])
    return notes


def member_notes(kind: type[Enum]) -> dict[str, str]:
    """Give the text behind each member of an enum, which only its source has."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    notes: dict[str, str] = {}
    name = ""
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                continue
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                notes[name] = inspect.cleandoc(text).replace("\n", " ")
        name = ""
    return notes


def _enum_help(kind: type[Enum]) -> str:
    lines = [inspect.cleandoc(kind.__doc__ or "")]
    notes = member_notes(kind)
    lines += [f"{member.value}: {notes[member.name]}" for member in kind if member.name in notes]
    return "\n".join(lines)


def _all_types(types: list[type[Any]]) -> Iterator[type[Any]]:
    """Give every dataclass and enum that is reached from some types, each once."""
    waiting, seen = list(types), set()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        yield kind
        if is_dataclass(kind):
            hints = get_type_hints(kind)
            for field in fields(kind):
                waiting.extend(_leaves(hints[field.name]))


def _leaves(hint: Any) -> Iterator[type[Any]]:
    if get_args(hint):
        for argument in get_args(hint):
            yield from _leaves(argument)
    elif isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
        yield hint
