"""V4L2 backends: what there is, what runs, and changing it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from vmedia_bench.control.operation import Danger, Nothing, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRow:
    """One option of a backend."""

    name: str
    type: Annotated[str, "int, float, str, bool, size, path or a choice of words"]
    default: str
    help: str
    choices: tuple[str, ...] = ()
    required: Annotated[bool, "It has no default"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A device of the system that the bench runs on; only `path` is sure where it has a problem."""

    path: str
    card: Annotated[str, "Its name"]
    driver: str
    bus: str
    kind: Annotated[str, "capture, output, m2m or other; empty when it could not be asked"]
    problem: Annotated[str, "Why it cannot be used; empty when it can"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """One backend."""

    name: str
    summary: str
    kind: Annotated[str, "capture, output, m2m or any"]
    origin: Annotated[str, "built in, or the distribution that brought it"]
    usable: bool
    reason: Annotated[str, "Why it cannot run here and what to do; empty when it can"]
    active: bool
    options: tuple[OptionRow, ...]
    devices: Annotated[
        tuple[DeviceRow, ...],
        "What it finds on this system, where it passes devices through; backends.show only",
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendList:
    """All backends."""

    backends: tuple[BackendRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendParams:
    """Which backend."""

    backend: Annotated[str, "Name in the registry"]


class SwitchMode(StrEnum):
    """What to do about open sessions."""

    REFUSE = "refuse"
    """Say which sessions are in the way."""
    HOT = "hot"
    """Change the source under them, where it can serve their formats."""
    FORCE = "force"
    """End them with EVT_ERROR ENODEV first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendUseParams:
    """What to change to, and how."""

    backend: Annotated[str, "Name in the registry"]
    options: Annotated[dict[str, str], "Option values as text, by name"] = field(
        default_factory=dict
    )
    mode: Annotated[SwitchMode, "What to do about open sessions"] = SwitchMode.REFUSE
    dry_run: Annotated[bool, "Only say what would happen"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSwitch:
    """What the change did, or would do."""

    backend: str
    card: str
    mode: SwitchMode
    sessions_kept: tuple[int, ...]
    sessions_ended: tuple[int, ...]
    config_changed: bool
    obstacles: Annotated[tuple[str, ...], "Dry run only: why it would be refused"] = ()


OPERATIONS = (
    Operation(
        "backends.list",
        "List backends and whether they can run here.",
        Nothing,
        BackendList,
        "backends",
    ),
    Operation(
        "backends.show",
        "Show a backend, its options and the devices it finds.",
        BackendParams,
        BackendRow,
        "backend show {backend}",
    ),
    Operation(
        "backends.use",
        "Change the backend.",
        BackendUseParams,
        BackendSwitch,
        "backend use {backend}",
        Danger.ENDS,
    ),
)
