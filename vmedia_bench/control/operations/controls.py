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


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChangeParams:
    """Which control, and what it is like from now on; what is not given stays."""

    control: Annotated[str | int, "Key, name, V4L2_CID_ name or ID"]
    minimum: Annotated[int | None, "Least value; of a menu, index of its first entry"] = None
    maximum: Annotated[int | None, "Greatest value; of a menu, index of its last entry"] = None
    step: Annotated[int | None, "Distance between values"] = None
    default: Annotated[int | None, "Default value"] = None
    grabbed: Annotated[bool | None, "A guest that sets it gets EBUSY"] = None
    inactive: Annotated[bool | None, "It has no effect now; it can be set"] = None
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
    Operation(
        "controls.change",
        "Change a control's range or flags, as a driver would; subscribers hear of it.",
        ControlChangeParams,
        ControlState,
        "controls change {control}",
        Danger.CHANGES,
    ),
)
