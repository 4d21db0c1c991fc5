"""V4L2 controls: which widget each has, and its value as people read it."""

from enum import StrEnum

from vmedia_bench.control.operations.controls import ControlState, Value


class Shape(StrEnum):
    """The widgets."""

    SLIDER = "slider"
    SWITCH = "switch"
    MENU = "menu"
    BUTTON = "button"
    TEXT = "text"
    FIXED = "fixed"


_SHAPES = {
    "INTEGER": Shape.SLIDER,
    "INTEGER64": Shape.SLIDER,
    "BOOLEAN": Shape.SWITCH,
    "MENU": Shape.MENU,
    "INTEGER_MENU": Shape.MENU,
    "BUTTON": Shape.BUTTON,
    "STRING": Shape.TEXT,
    "BITMASK": Shape.TEXT,
}
_LOCKED = frozenset({"READ_ONLY", "DISABLED", "GRABBED", "INACTIVE"})


def control_shape(control: ControlState) -> Shape:
    """The widget of a control; compound ones are only shown."""
    if "DISABLED" in control.flags or ("HAS_PAYLOAD" in control.flags and control.type != "STRING"):
        return Shape.FIXED
    return _SHAPES.get(control.type, Shape.FIXED)


def locked(control: ControlState) -> str:
    """Why it cannot be set now; empty when it can."""
    return ", ".join(flag.lower().replace("_", " ") for flag in control.flags if flag in _LOCKED)


def value_text(control: ControlState, value: Value | None) -> str:
    """A value as it is shown: a menu's entry, on or off."""
    if value is None:
        return "-"
    if control.type == "BOOLEAN":
        return "on" if value else "off"
    for item in control.menu:
        if item.index == value:
            return item.name
    return str(value)


def range_text(control: ControlState) -> str:
    """Range, step and default in few words."""
    if control_shape(control) is not Shape.SLIDER:
        return f"default {value_text(control, control.default)}" if control.type != "BUTTON" else ""
    step = f" step {control.step}" if control.step not in {0, 1} else ""
    return f"{control.minimum} to {control.maximum}{step}, default {control.default}"


def is_heading(control: ControlState) -> bool:
    """Whether it only names the class of those that follow."""
    return control.type == "CTRL_CLASS"
