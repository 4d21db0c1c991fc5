"""
What a control's value may be: the rules of each type, and how values look inside and outside.

Inside, a value is an `int` for everything that fits v4l2_ext_control itself and `bytes` for
payloads: a string without its terminator, an array as packed little-endian elements. Outside
(sources, operators) a string is a `str`. The rules are those of "Control type" and of the range
checks on the VIDIOC_G_EXT_CTRLS page of the V4L2 UAPI documentation, in the kernel's reading.
"""

import struct
from errno import EINVAL, EIO, ERANGE
from typing import TYPE_CHECKING

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.v4l2 import CtrlType

if TYPE_CHECKING:
    from vmedia_bench.v4l2.control_spec import ControlSpec
    from vmedia_bench.v4l2.source import ControlValue

Stored = int | bytes
"""A value inside the framework."""

_BOOLEAN = int(CtrlType.BOOLEAN)
_MENU = int(CtrlType.MENU)
_INTEGER_MENU = int(CtrlType.INTEGER_MENU)
_BUTTON = int(CtrlType.BUTTON)
_CTRL_CLASS = int(CtrlType.CTRL_CLASS)
_BITMASK = int(CtrlType.BITMASK)

_ELEMENT_CODES: dict[int, str] = {
    CtrlType.INTEGER: "i",
    CtrlType.BOOLEAN: "i",
    CtrlType.BITMASK: "I",
    CtrlType.INTEGER64: "q",
    CtrlType.U8: "B",
    CtrlType.U16: "H",
    CtrlType.U32: "I",
}


def settle(spec: "ControlSpec", value: Stored) -> Stored:
    """
    Give the legal value a set of `value` leads to: clamped, rounded, masked.

    Raises V4l2Error: ERANGE for a menu index or a string length out of range, EINVAL for a menu
    index that is skipped.
    """
    if isinstance(value, int):
        return settle_number(spec, value)
    if spec.is_string:
        return _settle_text(spec, value)
    codec = _array_codec(spec)
    return codec.pack(*(settle_number(spec, element) for element in codec.unpack(value)))


def settle_number(spec: "ControlSpec", value: int) -> int:
    """Give the legal value nearest to `value`, one element's; raises as `settle` does."""
    kind = spec.type
    if kind == _BOOLEAN:
        return 1 if value else 0
    if kind in {_MENU, _INTEGER_MENU}:
        return _settle_menu(spec, value)
    if kind == _BITMASK:
        return value & spec.maximum
    if kind in {_BUTTON, _CTRL_CLASS}:
        return 0
    clamped = min(max(value + spec.step // 2, spec.minimum), spec.maximum)
    return clamped - (clamped - spec.minimum) % spec.step


def initial(spec: "ControlSpec") -> Stored:
    """Give the value a control has before anybody sets it (V4L2_CTRL_WHICH_DEF_VAL)."""
    if isinstance(spec.default, str):
        return spec.default.encode()
    if spec.is_array:
        return _array_codec(spec).pack(*([spec.default] * spec.elems))
    return spec.default


def to_outside(spec: "ControlSpec", value: Stored) -> "ControlValue":
    """Give a value as sources and operators see it: text for a string, else unchanged."""
    if isinstance(value, bytes) and spec.is_string:
        return value.decode(errors="replace")
    return value


def from_outside(spec: "ControlSpec", value: "ControlValue") -> Stored:
    """
    Take a source's or an operator's value in, settled.

    Raises V4l2Error: EINVAL for a value of the wrong type or an array of the wrong size, else as
    `settle` does.
    """
    if spec.is_string:
        data = value.encode(errors="replace") if isinstance(value, str) else value
        if isinstance(data, bytes) and len(data) <= spec.maximum and b"\0" not in data:
            return _settle_text(spec, data)
        raise V4l2Error(EINVAL, f"{spec.name}: wants a text of at most {spec.maximum} bytes")
    if spec.is_array:
        if isinstance(value, bytes) and len(value) == spec.elems * spec.elem_size:
            return settle(spec, value)
        raise V4l2Error(EINVAL, f"{spec.name}: wants {spec.elems * spec.elem_size} bytes")
    if not isinstance(value, int):
        raise V4l2Error(EINVAL, f"{spec.name}: wants a number")
    return settle_number(spec, value)


def from_source(spec: "ControlSpec", value: "ControlValue") -> Stored:
    """Take what a source reads for a volatile control; an impossible value is its EIO."""
    try:
        return from_outside(spec, value)
    except V4l2Error as error:
        raise V4l2Error(EIO, f"the source reads an impossible value: {error.why}") from error


def _settle_menu(spec: "ControlSpec", index: int) -> int:
    if not spec.minimum <= index <= spec.maximum:
        raise V4l2Error(ERANGE, f"{spec.name}: no menu item {index}")
    if spec.items[index] is None:
        raise V4l2Error(EINVAL, f"{spec.name}: menu item {index} is left out")
    return index


def _settle_text(spec: "ControlSpec", value: bytes) -> bytes:
    length = len(value)
    if not spec.minimum <= length <= spec.maximum or (length - spec.minimum) % spec.step:
        raise V4l2Error(
            ERANGE,
            f"{spec.name}: {length} bytes, not {spec.minimum}..{spec.maximum} step {spec.step}",
        )
    return value


def _array_codec(spec: "ControlSpec") -> struct.Struct:
    return struct.Struct(f"<{spec.elems}{_ELEMENT_CODES[spec.type]}")
