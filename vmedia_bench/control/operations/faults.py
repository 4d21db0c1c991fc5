"""Fault rules, from the operator's side. A rule's own shape is in `vmedia_bench.faults.rule`."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Danger, Nothing, Operation
from vmedia_bench.faults.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """One rule as it stands."""

    id: int
    rule: Rule
    armed: bool
    spent: Annotated[bool, "Its schedule is over; it will not fire again"]
    matched: Annotated[int, "How often its match held"]
    fired: Annotated[int, "How often it acted"]
    last_fired_ns: Annotated[int, "CLOCK_MONOTONIC; 0 for never"]
    text: Annotated[str, "The rule in one line"]
    may_crash_guest: Annotated[str, "Why it may; empty when it cannot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultList:
    """All rules, in the order they are tried."""

    faults: tuple[FaultRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAddParams:
    """A rule to add."""

    rule: Rule
    may_crash_guest: Annotated[bool, "Accept that the guest may crash"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultParams:
    """Which rule."""

    id: Annotated[int, "ID of the rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectErrorParams:
    """EVT_ERROR for a session, now."""

    session: Annotated[int, "Session ID"]
    errno: Annotated[str | int, "Name or number"] = "EIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A ready-made rule."""

    name: str
    summary: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetList:
    """Ready-made rules, after vivid's error injection."""

    presets: tuple[Preset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetParams:
    """Which preset, and for whom."""

    preset: Annotated[str, "Name of the preset"]
    session: Annotated[int | None, "Only for this session"] = None
    count: Annotated[int | None, "How often; default: as the preset says"] = None
    may_crash_guest: Annotated[bool, "Accept that the guest may crash"] = False


OPERATIONS = (
    Operation("faults.list", "List fault rules.", Nothing, FaultList, "faults list"),
    Operation(
        "faults.add",
        "Add a fault rule.",
        FaultAddParams,
        FaultRow,
        "faults add --on {on} --do {do}",
        Danger.CHANGES,
    ),
    Operation(
        "faults.remove",
        "Remove a rule.",
        FaultParams,
        FaultList,
        "faults remove {id}",
        Danger.CHANGES,
    ),
    Operation(
        "faults.arm", "Let a rule act.", FaultParams, FaultRow, "faults arm {id}", Danger.CHANGES
    ),
    Operation(
        "faults.disarm",
        "Keep a rule from acting.",
        FaultParams,
        FaultRow,
        "faults disarm {id}",
        Danger.CHANGES,
    ),
    Operation(
        "faults.clear",
        "Remove all rules and let go of what they hold back.",
        Nothing,
        FaultList,
        "faults clear",
        Danger.CHANGES,
    ),
    Operation(
        "faults.inject_error",
        "Fail a session with EVT_ERROR.",
        InjectErrorParams,
        FaultRow,
        "inject-error --session {session} --errno {errno}",
        Danger.ENDS,
    ),
    Operation("faults.presets", "List ready-made rules.", Nothing, PresetList, "faults presets"),
    Operation(
        "faults.use_preset",
        "Add a ready-made rule.",
        PresetParams,
        FaultRow,
        "inject preset {preset}",
        Danger.CHANGES,
    ),
)
