"""A control's value between the API, where it is a number or text, and V4L2."""

from vmedia_bench.control.operations.controls import Value
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.v4l2.control_spec import MenuItem
from vmedia_bench.v4l2.controls import ControlState
from vmedia_bench.v4l2.source import ControlValue
from vmedia_bench.wire.v4l2 import CtrlType
from vmedia_bench.wire.v4l2_controls import CTRL_COMPOUND_TYPES

_BUTTON = int(CtrlType.BUTTON)
_BOOLEAN = int(CtrlType.BOOLEAN)
_STRING = int(CtrlType.STRING)
_MENUS = frozenset((int(CtrlType.MENU), int(CtrlType.INTEGER_MENU)))
_BOOLEANS = {"on": 1, "true": 1, "yes": 1, "1": 1, "off": 0, "false": 0, "no": 0, "0": 0}


def shown(value: ControlValue | None) -> Value | None:
    """A value as the API has it: an array's bytes become hexadecimal."""
    return value.hex() if isinstance(value, bytes) else value


def wanted(control: ControlState, value: Value) -> ControlValue:
    """The V4L2 value that is meant; RpcError(INVALID_PARAMS) for one that makes no sense."""
    if control.type == _BUTTON:
        return 1
    if control.type == _STRING:
        return str(value)
    if control.dims or control.type >= CTRL_COMPOUND_TYPES:
        return _bytes(control, value)
    if control.type == _BOOLEAN:
        return _boolean(control, value)
    if control.type in _MENUS:
        return _menu_index(control, value)
    return _number(control, value)


def _bytes(control: ControlState, value: Value) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        raise _wrong(control, "its bytes in hexadecimal") from None


def _boolean(control: ControlState, value: Value) -> int:
    number = _BOOLEANS.get(str(value).lower())
    if number is None:
        raise _wrong(control, "on or off")
    return number


def _menu_index(control: ControlState, value: Value) -> int:
    """By entry, or else by index."""
    entries = {str(item).lower(): at for at, item in enumerate(control.items) if item is not None}
    text = str(value).lower()
    if text in entries and (isinstance(value, str) or not text.isdigit()):
        return entries[text]
    index = _int(value)
    if index is None or not 0 <= index < len(control.items) or control.items[index] is None:
        raise _wrong(control, _choices(control.items))
    return index


def _choices(items: tuple[MenuItem, ...]) -> str:
    return ", ".join(f"{at} ({item})" for at, item in enumerate(items) if item is not None)


def _number(control: ControlState, value: Value) -> int:
    number = _int(value)
    if number is None:
        raise _wrong(control, f"a number from {control.minimum} to {control.maximum}")
    return number


def _int(value: Value) -> int | None:
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except ValueError:
        return None


def _wrong(control: ControlState, takes: str) -> RpcError:
    return RpcError(
        ErrorCode.INVALID_PARAMS, f"value: {control.name} takes {takes}", {"field": "value"}
    )
