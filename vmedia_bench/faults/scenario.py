"""Scenario files: TOML with steps, read and checked. docs/scenarios/README.md describes them."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vmedia_bench.faults.errors import FaultError
from vmedia_bench.faults.expectations import OPERATORS, Expectation, is_path

Table = dict[str, Any]

_STEP_HEADER = re.compile(r"\s*\[\[\s*steps\s*\]\]")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
BUILT_IN = frozenset(("session", "fault"))
"""Variables that every scenario has: the newest open session, the rule that was added last."""

ERROR_CODES: Mapping[str, int] = {
    "INVALID_PARAMS": -32602,
    "METHOD_NOT_FOUND": -32601,
    "NOT_FOUND": 1,
    "REFUSED": 2,
    "TIMEOUT": 3,
    "UNUSABLE": 4,
    "FAILED": 5,
}
"""The control API's error codes by name."""


class ScenarioError(FaultError):
    """A scenario that makes no sense. `line` and `step` count from 1, 0 where there is none."""

    def __init__(self, why: str, line: int = 0, step: int = 0) -> None:
        self.line = line
        self.step = step
        where = [f"line {line}"] if line else []
        where += [f"step {step}"] if step else []
        super().__init__(": ".join((", ".join(where), why)) if where else why)


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The error that a call has to end with: its code, None for any, and part of its message."""

    code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the control API, and what is expected of it. Times are seconds."""

    number: int
    line: int
    title: str
    method: str
    params: Table
    expect: tuple[Expectation, ...] = ()
    error: ExpectedError | None = None
    save: tuple[tuple[str, str], ...] = ()
    within_s: float = 0.0
    always: bool = False
    makes_fault: bool = False
    may_crash_guest: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that can be run."""

    name: str
    description: str
    variables: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def may_crash_guest(self) -> bool:
        """Whether a step asks for that."""
        return any(step.may_crash_guest for step in self.steps)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of step: the call it makes, the type of its own key, the other keys it may have."""

    method: str
    takes: type | tuple[type, ...]
    params: Callable[[Any, Table], Table]
    keys: frozenset[str] = frozenset()


def _named(name: str) -> Callable[[Any, Table], Table]:
    return lambda value, rest: {name: value, **rest}


def _inject(errno: str, rest: Table) -> Table:
    return {"session": "${session}", **rest, "errno": errno}


_FAULT_KEYS = frozenset(("may_crash_guest",))
_KINDS: Mapping[str, _Kind] = {
    "call": _Kind("", str, lambda _method, rest: rest.get("params", {}), frozenset(("params",))),
    "wait": _Kind(
        "bench.wait", str, _named("condition"), frozenset(("count", "session", "timeout_s"))
    ),
    "fault": _Kind("faults.add", dict, _named("rule"), _FAULT_KEYS),
    "preset": _Kind("faults.use_preset", str, _named("preset"), _FAULT_KEYS | {"session", "count"}),
    "inject_error": _Kind("faults.inject_error", (str, int), _inject, frozenset(("session",))),
    "remove": _Kind("faults.remove", (str, int), _named("id")),
    "arm": _Kind("faults.arm", (str, int), _named("id")),
    "disarm": _Kind("faults.disarm", (str, int), _named("id")),
    "clear_faults": _Kind("faults.clear", bool, lambda _value, _rest: {}),
    "control": _Kind(
        "controls.set", (str, int), _named("control"), frozenset(("value", "session"))
    ),
    "config": _Kind("config.set", dict, lambda value, _rest: dict(value)),
    "backend": _Kind(
        "backends.use", str, _named("backend"), frozenset(("options", "mode", "dry_run"))
    ),
}
_MAKES_FAULT = frozenset(("faults.add", "faults.use_preset", "faults.inject_error"))
_COMMON = frozenset(("title", "expect", "expect_error", "save", "within_s", "always"))


def parse_scenario(text: str, name: str = "scenario") -> Scenario:
    """The scenario in a TOML text; `name` is used where it gives none. Raises ScenarioError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        why = str(error).partition(" (at ")[0]
        raise ScenarioError(why, int(found[1]) if found else len(text.splitlines())) from error
    _check_keys(document, {"name", "description", "variables", "steps"}, "the file")
    lines = [at for at, line in enumerate(text.splitlines(), 1) if _STEP_HEADER.match(line)]
    tables = document.get("steps", [])
    if not isinstance(tables, list) or not tables:
        raise ScenarioError("there are no steps: write [[steps]] and what to do")
    variables = document.get("variables", {})
    if not isinstance(variables, dict):
        raise ScenarioError("variables: it is no table")
    known = {*BUILT_IN, *variables}
    steps = []
    for number, table in enumerate(tables, 1):
        line = lines[number - 1] if len(lines) == len(tables) else 0
        try:
            step = _step(number, line, table, known)
        except ScenarioError as error:
            raise ScenarioError(str(error), line, number) from error
        known |= {variable for variable, _ in step.save}
        steps.append(step)
    return Scenario(
        str(document.get("name", name)),
        str(document.get("description", "")),
        variables,
        tuple(steps),
    )


def variables_in(value: Any) -> Iterator[str]:
    """The names of the variables in a value, however deep."""
    if isinstance(value, str):
        yield from (found[1] for found in _VARIABLE.finditer(value))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from variables_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from variables_in(inner)


def replaced(value: Any, get: Callable[[str], Any]) -> Any:
    """A value with its variables replaced; a text that is one variable becomes what it holds."""
    if isinstance(value, str):
        whole = _VARIABLE.fullmatch(value)
        if whole:
            return get(whole[1])
        return _VARIABLE.sub(lambda found: str(get(found[1])), value)
    if isinstance(value, Mapping):
        return {key: replaced(inner, get) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(inner, get) for inner in value]
    return value


def _step(number: int, line: int, table: Any, known: set[str]) -> Step:
    if not isinstance(table, dict):
        raise ScenarioError("it is no table")
    what = [key for key in _KINDS if key in table]
    if len(what) != 1:
        kinds = ", ".join(_KINDS)
        raise ScenarioError(
            f"it does {' and '.join(what)} at once" if what else f"it does nothing; give {kinds}"
        )
    key, kind = what[0], _KINDS[what[0]]
    _check_keys(table, {key} | kind.keys | _COMMON, key)
    value = _checked(table, key, kind.takes)
    for variable in variables_in(table):
        if variable not in known:
            _unknown(f"${{{variable}}}", [f"${{{name}}}" for name in sorted(known)], "variable")
    method = kind.method or value
    params = kind.params(value, {name: table[name] for name in kind.keys if name in table})
    error = _expected_error(table)
    expect = tuple(_expectations(table.get("expect", {})))
    if error is not None and (expect or "save" in table):
        raise ScenarioError("expect_error: a call that fails has no result to expect or save")
    return Step(
        number,
        line,
        str(table.get("title", f"{key} {value}" if isinstance(value, str | int) else key)),
        method,
        params,
        expect,
        error,
        tuple(_saves(table.get("save", {}))),
        float(_checked(table, "within_s", (int, float), 0)),
        bool(_checked(table, "always", bool, False)),
        method in _MAKES_FAULT,
        bool(params.get("may_crash_guest", False)),
    )


def _expectations(table: Any, prefix: str = "") -> Iterator[Expectation]:
    if not isinstance(table, dict):
        raise ScenarioError("expect: it is no table of paths and values")
    for name, value in table.items():
        path = f"{prefix}{name}"
        if not isinstance(value, dict):
            yield _expectation(path, "eq", value)
        elif value and set(value) <= OPERATORS:
            for operator, operand in value.items():
                yield _expectation(path, operator, operand)
        else:
            yield from _expectations(value, f"{path}.")


def _expectation(path: str, operator: str, value: Any) -> Expectation:
    if not is_path(path):
        raise ScenarioError(f"expect: {path!r} is no path")
    if operator == "matches":
        try:
            re.compile(str(value))
        except re.error as error:
            raise ScenarioError(f"expect.{path}: {value!r} is no pattern: {error}") from error
    return Expectation(path, operator, value)


def _expected_error(table: Table) -> ExpectedError | None:
    if "expect_error" not in table:
        return None
    wanted = _checked(table, "expect_error", (bool, str, int, dict))
    if not isinstance(wanted, dict):
        wanted = {} if wanted is True else {"code": wanted}
    _check_keys(wanted, {"code", "message"}, "expect_error")
    code = wanted.get("code")
    if isinstance(code, str):
        if code not in ERROR_CODES:
            _unknown(code, list(ERROR_CODES), "error code")
        code = ERROR_CODES[code]
    if code is not None and (not isinstance(code, int) or isinstance(code, bool)):
        raise ScenarioError(f"expect_error: {code!r} is no error code")
    return ExpectedError(code, str(wanted.get("message", "")))


def _saves(save: Any) -> Iterator[tuple[str, str]]:
    if isinstance(save, str):
        save = {save: "id"}
    if not isinstance(save, dict):
        raise ScenarioError("save: give a name, or a table of names and paths")
    for name, path in save.items():
        if not _NAME.fullmatch(name) or name in BUILT_IN:
            raise ScenarioError(f"save: a variable cannot be called {name!r}")
        if not isinstance(path, str) or not is_path(path):
            raise ScenarioError(f"save.{name}: {path!r} is no path")
        yield name, path


def _checked(table: Table, key: str, wanted: type | tuple[type, ...], default: Any = None) -> Any:
    value = table.get(key, default)
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ScenarioError(f"{key}: {value!r} is not of type {names}")
    return value


def _check_keys(table: Table, known: set[str] | frozenset[str], where: str) -> None:
    for key in table:
        if key not in known:
            _unknown(key, sorted(known), f"key of {where}")


def _unknown(name: str, known: list[str], what: str) -> None:
    near = get_close_matches(name, known, n=3) or known
    raise ScenarioError(f"{name} is no {what}; there are {', '.join(near)}")
