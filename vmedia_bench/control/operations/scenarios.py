"""Scenario files: steps with waits and expectations."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Danger, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioParams:
    """A scenario's text, as docs/scripting.md describes it."""

    toml: Annotated[str, "The file's text"]
    name: Annotated[str, "What to call it in the report"] = "scenario"
    may_crash_guest: Annotated[bool, "Allow steps that may crash a guest"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """How one step went."""

    number: int
    title: str
    passed: bool
    skipped: bool
    seconds: float
    message: Annotated[str, "What was expected and what was seen; empty when it passed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioReport:
    """How a scenario went."""

    name: str
    passed: bool
    seconds: float
    steps: tuple[StepReport, ...]


OPERATIONS = (
    Operation(
        "scenarios.run",
        "Run a scenario and report.",
        ScenarioParams,
        ScenarioReport,
        "scenario run {path}",
        Danger.CHANGES,
    ),
)
