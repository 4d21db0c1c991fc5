"""
The rules a `ControlSpec` keeps, checked when it is made.

They are those of the kernel's control framework and the ones v4l2-compliance fails a device for.
"""

from typing import TYPE_CHECKING

from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType
from vmedia_bench.wire.v4l2_controls import CTRL_MAX_DIMS

if TYPE_CHECKING:
    from vmedia_bench.v4l2.control_spec import ControlSpec

_NAME_BYTES = 31
_MAX_PAYLOAD = 1 << 20
_CLASS_MASK = 0x0FFF0000
_PRIVATE_BASE = 0x08000000
_FIRST_ID = 0x900
"""IDs of a class begin here; what is below is for its title."""

_READ_WRITE_ONLY = int(CtrlFlag.READ_ONLY) | int(CtrlFlag.WRITE_ONLY)

_INTEGER = int(CtrlType.INTEGER)
_BOOLEAN = int(CtrlType.BOOLEAN)
_MENU = int(CtrlType.MENU)
_BUTTON = int(CtrlType.BUTTON)
_CTRL_CLASS = int(CtrlType.CTRL_CLASS)
_STRING = int(CtrlType.STRING)
_BITMASK = int(CtrlType.BITMASK)
_INTEGER_MENU = int(CtrlType.INTEGER_MENU)

_LIMITS: dict[int, tuple[int, int]] = {
    CtrlType.INTEGER: (-(1 << 31), (1 << 31) - 1),
    CtrlType.INTEGER64: (-(1 << 63), (1 << 63) - 1),
    CtrlType.BOOLEAN: (0, 1),
    CtrlType.U8: (0, 0xFF),
    CtrlType.U16: (0, 0xFFFF),
    CtrlType.U32: (0, 0xFFFFFFFF),
}
_RANGELESS = frozenset((_BUTTON, _CTRL_CLASS))
_MENUS = frozenset((_MENU, _INTEGER_MENU))
_ARRAY_TYPES = frozenset((*_LIMITS, _BITMASK))
_TYPES = frozenset((*_ARRAY_TYPES, *_RANGELESS, *_MENUS, _STRING))


def check(spec: "ControlSpec") -> None:
    """Raise ValueError when a declaration breaks a rule; the message says which."""
    _check_identity(spec)
    _check_shape(spec)
    _check_range(spec)
    if spec.manual_value is not None and not spec.minimum <= spec.manual_value <= spec.maximum:
        raise _mistake(spec, f"manual value {spec.manual_value} is out of its range")
    if spec.master is not None and (spec.master == spec.cid or spec.manual_value is not None):
        raise _mistake(spec, "a follower cannot lead a cluster")


def _mistake(spec: "ControlSpec", what: str) -> ValueError:
    return ValueError(f"control 0x{spec.cid:08x} ({spec.name}): {what}")


def _check_identity(spec: "ControlSpec") -> None:
    if not 0 < spec.cid < _PRIVATE_BASE or not spec.cid & _CLASS_MASK:
        raise _mistake(spec, "the ID has no control class")
    if spec.type not in _TYPES:
        raise _mistake(spec, f"type {spec.type} is not supported")
    if spec.type != _CTRL_CLASS and spec.cid & 0xFFFF < _FIRST_ID:
        raise _mistake(spec, "IDs of a class begin at 0x900")
    if not 0 < len(spec.name) <= _NAME_BYTES or not (
        spec.name.isascii() and spec.name.isprintable()
    ):
        raise _mistake(spec, f"the name must be 1 to {_NAME_BYTES} printable ASCII characters")
    if spec.type != _CTRL_CLASS and spec.flags & _READ_WRITE_ONLY == _READ_WRITE_ONLY:
        raise _mistake(spec, "it can be neither read nor written")


def _check_shape(spec: "ControlSpec") -> None:
    if spec.dims and spec.type not in _ARRAY_TYPES:
        raise _mistake(spec, "this type cannot be an array")
    if len(spec.dims) > CTRL_MAX_DIMS or any(dim < 1 for dim in spec.dims):
        raise _mistake(spec, f"an array has 1 to {CTRL_MAX_DIMS} dimensions, each at least 1")
    if spec.elems * spec.elem_size > _MAX_PAYLOAD:
        raise _mistake(spec, f"the payload is larger than {_MAX_PAYLOAD} bytes")
    if isinstance(spec.default, str) != (spec.type == _STRING):
        raise _mistake(spec, "the default has the wrong type")
    if bool(spec.items) != (spec.type in _MENUS):
        raise _mistake(spec, "menu items belong to menus, and a menu needs some")


def _check_range(spec: "ControlSpec") -> None:
    if isinstance(spec.default, str):
        _check_text(spec, spec.default.encode())
    elif spec.items:
        _check_menu(spec, spec.default)
    elif spec.type == _BITMASK:
        _check_bits(spec, spec.default)
    elif spec.type in _RANGELESS:
        if spec.minimum or spec.maximum or spec.step or spec.default:
            raise _mistake(spec, "it has no range and no default")
    else:
        _check_number(spec, spec.default)


def _check_number(spec: "ControlSpec", default: int) -> None:
    low, high = _LIMITS[spec.type]
    if not low <= spec.minimum <= spec.maximum <= high:
        raise _mistake(spec, f"range {spec.minimum}..{spec.maximum} is not within {low}..{high}")
    width = spec.maximum - spec.minimum
    if not 1 <= spec.step <= high or (width and spec.step > width):
        raise _mistake(spec, f"step {spec.step} does not fit the range")
    if not spec.minimum <= default <= spec.maximum:
        raise _mistake(spec, f"default {default} is out of the range")


def _check_bits(spec: "ControlSpec", default: int) -> None:
    if spec.minimum or spec.step or not 0 < spec.maximum <= 0xFFFFFFFF:
        raise _mistake(spec, "a bitmask has minimum 0, step 0 and a 32-bit maximum")
    if default & ~spec.maximum:
        raise _mistake(spec, f"default 0x{default:x} has bits outside of the maximum")


def _check_menu(spec: "ControlSpec", default: int) -> None:
    kind = str if spec.type == _MENU else int
    if spec.step or not 0 <= spec.minimum <= spec.maximum < len(spec.items):
        raise _mistake(spec, "minimum and maximum are indices into the menu")
    for item in spec.items:
        if item is not None and not isinstance(item, kind):
            raise _mistake(spec, f"menu item {item!r} is not of type {kind.__name__}")
        if isinstance(item, str) and not 0 < len(item.encode()) <= _NAME_BYTES:
            raise _mistake(spec, f"menu item {item!r} is not 1 to {_NAME_BYTES} bytes long")
        if isinstance(item, int) and not -(1 << 63) <= item < 1 << 63:
            raise _mistake(spec, f"menu item {item} is no signed 64-bit number")
    if not spec.minimum <= default <= spec.maximum or spec.items[default] is None:
        raise _mistake(spec, f"default {default} is no item of the menu")


def _check_text(spec: "ControlSpec", default: bytes) -> None:
    if not 0 <= spec.minimum <= spec.maximum or spec.step < 1:
        raise _mistake(spec, f"lengths {spec.minimum}..{spec.maximum} step {spec.step}")
    if not spec.minimum <= len(default) <= spec.maximum or b"\0" in default:
        raise _mistake(spec, f"the default is not {spec.minimum} to {spec.maximum} bytes long")
    if (len(default) - spec.minimum) % spec.step:
        raise _mistake(spec, f"the default's length is no multiple of the step {spec.step}")
