"""V4L2 controls, from the operator's side."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Danger, Operation

Value = int | str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One choice of a menu or integer menu."""

    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlState:
    """One control as QUERY_EXT_CTRL has it, with its value."""

    id: int
    name: Annotated[str, "As the guest reads it"]
    key: Annotated[str, "Its name in commands: lower case, underscores, such as brightness"]
    type: Annotated[str, "INTEGER, BOOLEAN, MENU, BUTTON, ..."]
    minimum: int
    maximum: int
    step: int
    default: Value
    value: Annotated[Value | None, "None for a button or one that is write-only"]
    flags: tuple[str, ...]
    menu: tuple[MenuItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlListParams:
    """Whose controls."""

    session: Annotated[int | None, "On a codec, each session has its own"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlList:
    """All controls, by ID."""

    controls: tuple[ControlState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlParams:
    """Which control."""

    control: Annotated[str | int, "Key, name, V4L2_CID_ name or ID"]
    session: Annotated[int | None, "On a codec, each session has its own"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSetParams:
    """Which control, and its new value."""

    control: Annotated[str | int, "Key, name, V4L2_CID_ name or ID"]
    value: Annotated[Value, "Number, on/off, a menu's index or entry, text; ignored for a button"]
    session: Annotated[int | None, "On a codec, each session has its own"] = None


OPERATIONS = (
    Operation(
        "controls.list",
        "List controls and their values.",
        ControlListParams,
        ControlList,
        "controls list",
    ),
    Operation(
        "controls.get", "Show one control.", ControlParams, ControlState, "controls get {control}"
    ),
    Operation(
        "controls.set",
        "Set a control; subscribers hear of it.",
        ControlSetParams,
        ControlState,
        "controls set {control} {value}",
        Danger.CHANGES,
    ),
)
