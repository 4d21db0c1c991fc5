"""Fault rules from options: which options a rule has, and where in it their values go."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from inspect import Parameter
from typing import Any

from vmedia_bench.cli.arguments import errno_word
from vmedia_bench.cli.declared import parameter, sendable
from vmedia_bench.faults.actions import KINDS
from vmedia_bench.faults.rule import Action, Do, Match, On, Schedule

MATCHED = {
    On.COMMAND: ("command", "ioctl", "session", "type", "buffer"),
    On.EVENT: ("event", "session", "type", "buffer"),
    On.FRAME: ("session", "type"),
    On.SHMEM_MAP: (),
    On.NOW: (),
}
"""What a rule can match by, by where it looks."""

_MATCH = {field.name: field for field in fields(Match)}
_ACTION = {field.name: field for field in fields(Action)}
_SCHEDULE = {field.name: field for field in fields(Schedule)}
ACTION_PREFIX = "action_"
"""Of parameters whose names match and action share, where they are the action's."""


def one_shot_parameters(on: On, do: Do) -> Iterator[Parameter]:
    """The options of a rule that does one thing: what it matches, what the action takes, count."""
    kind = KINDS[do]
    for name in kind.needs:
        yield parameter(_ACTION[name], required=True)
    for name in (*MATCHED[on], *kind.takes):
        yield parameter(_MATCH[name] if name in MATCHED[on] else _ACTION[name])
    if on is not On.NOW:
        yield parameter(_SCHEDULE["count"], default=1)


def rule_parameters() -> Iterator[Parameter]:
    """All options of a rule."""
    yield parameter(_MATCH["on"])
    yield parameter(_ACTION["do"])
    yield from (parameter(field) for name, field in _MATCH.items() if name != "on")
    for name, field in _ACTION.items():
        if name in _MATCH:
            yield parameter(field, name=ACTION_PREFIX + name, help_text=_of_action(field))
        elif name != "do":
            yield parameter(field)
    for field in _SCHEDULE.values():
        yield parameter(field)


def rule(on: On, do: Do, values: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as the control API takes it. CommandFailedError for an unknown errno."""
    given = sendable(values)
    if "errno" in given:
        given["errno"] = errno_word(given["errno"])
    match = {name: given[name] for name in _MATCH if name in given}
    action = {name: given[name] for name in _ACTION if name in given and name not in _MATCH}
    if on is On.NOW:
        action |= {name: match.pop(name) for name in list(match) if name in _ACTION}
    for name in _ACTION:
        if ACTION_PREFIX + name in given:
            action[name] = given[ACTION_PREFIX + name]
    schedule = {name: given[name] for name in _SCHEDULE if name in given}
    match["on"], action["do"] = on.value, do.value
    return {"match": match, "action": action, "schedule": schedule}


def _of_action(field: "Field[Any]") -> str:
    return f"Of the action, where it differs from the match: {field.name}."
