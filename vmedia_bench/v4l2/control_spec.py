"""
Declaration of one V4L2 control: what a source says about it, before it has a value.

A source lists `ControlSpec`s; `controls.ControlHandler` gives them values and enforces the rules.
Ranges follow "Control type" of VIDIOC_QUERYCTRL in the V4L2 UAPI documentation, and every rule
about them is checked when the declaration is made, so that a mistake shows in the source's own
traceback and not in a guest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from vmedia_bench.wire.controls import CONTROL_NAMES, Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

if TYPE_CHECKING:
    from collections.abc import Sequence

MenuItem = str | int | None
"""A text (menu), a signed 64-bit number (integer menu), or None for an index that is skipped."""

_NAME_BYTES = 31
_MENU_NAME_BYTES = 31
_MAX_DIMS = 4
_MAX_PAYLOAD = 1 << 20
_CLASS_MASK = 0x0FFF0000
_PRIVATE_BASE = 0x08000000
_COMPOUND_TYPES = 0x0100

_READ_ONLY = int(CtrlFlag.READ_ONLY)
_WRITE_ONLY = int(CtrlFlag.WRITE_ONLY)
_VOLATILE = int(CtrlFlag.VOLATILE)
_EXECUTE_ON_WRITE = int(CtrlFlag.EXECUTE_ON_WRITE)
_UPDATE = int(CtrlFlag.UPDATE)

_INTEGER = int(CtrlType.INTEGER)
_BOOLEAN = int(CtrlType.BOOLEAN)
_MENU = int(CtrlType.MENU)
_BUTTON = int(CtrlType.BUTTON)
_INTEGER64 = int(CtrlType.INTEGER64)
_CTRL_CLASS = int(CtrlType.CTRL_CLASS)
_STRING = int(CtrlType.STRING)
_BITMASK = int(CtrlType.BITMASK)
_INTEGER_MENU = int(CtrlType.INTEGER_MENU)
_U8 = int(CtrlType.U8)
_U16 = int(CtrlType.U16)
_U32 = int(CtrlType.U32)

_SLIDER = int(CtrlFlag.SLIDER)
_STANDARD_FLAGS: dict[int, int] = {
    **dict.fromkeys(
        (
            Cid.BRIGHTNESS,
            Cid.CONTRAST,
            Cid.SATURATION,
            Cid.HUE,
            Cid.RED_BALANCE,
            Cid.BLUE_BALANCE,
            Cid.GAMMA,
            Cid.SHARPNESS,
            Cid.CHROMA_GAIN,
            Cid.AUDIO_VOLUME,
            Cid.AUDIO_BALANCE,
            Cid.AUDIO_BASS,
            Cid.AUDIO_TREBLE,
        ),
        _SLIDER,
    ),
    **dict.fromkeys(
        (
            Cid.PAN_RELATIVE,
            Cid.TILT_RELATIVE,
            Cid.FOCUS_RELATIVE,
            Cid.IRIS_RELATIVE,
            Cid.ZOOM_RELATIVE,
        ),
        _WRITE_ONLY | _EXECUTE_ON_WRITE,
    ),
    **dict.fromkeys(
        (Cid.CAMERA_ORIENTATION, Cid.CAMERA_SENSOR_ROTATION, Cid.AUTO_FOCUS_STATUS), _READ_ONLY
    ),
}
"""What the kernel adds to standard controls of cameras by itself."""

_LIMITS = {
    _INTEGER: (-(1 << 31), (1 << 31) - 1),
    _INTEGER64: (-(1 << 63), (1 << 63) - 1),
    _U8: (0, 0xFF),
    _U16: (0, 0xFFFF),
    _U32: (0, 0xFFFFFFFF),
}
_ELEMENT_SIZES = {_INTEGER64: 8, _U8: 1, _U16: 2, _U32: 4}
_ARRAY_TYPES = frozenset((_INTEGER, _BOOLEAN, _BITMASK, _INTEGER64, _U8, _U16, _U32))
_RANGELESS = frozenset((_BUTTON, _CTRL_CLASS))
_MENUS = frozenset((_MENU, _INTEGER_MENU))
_TYPES = frozenset((*_LIMITS, *_RANGELESS, *_MENUS, _BOOLEAN, _STRING, _BITMASK))


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSpec:
    """
    One control as a source declares it; use the constructors (`integer`, `menu` ...).

    `minimum`, `maximum` and `step` are in the control's own unit; for a string they are lengths
    in bytes without the terminator; a menu's are indices into `items` (its step is 0 here, 1 on
    the wire). `default` is the first value; an array starts with it in every element. `flags`
    are V4L2_CTRL_FLAG_* bits. `master` names the control that leads this one's cluster (None: no
    cluster, or the leader itself); a leader with a `manual_value` makes it an auto-cluster: while
    the leader has any other value its followers are INACTIVE, and those declared volatile are
    read from the source.

    Raises ValueError when the declaration breaks a rule of its type.
    """

    cid: int
    name: str
    type: int
    minimum: int = 0
    maximum: int = 0
    step: int = 0
    default: int | str = 0
    flags: int = 0
    items: tuple[MenuItem, ...] = ()
    dims: tuple[int, ...] = ()
    master: int | None = None
    manual_value: int | None = None

    def __post_init__(self) -> None:
        _check_identity(self)
        _check_shape(self)
        _check_range(self)
        if self.manual_value is not None and not (
            self.minimum <= self.manual_value <= self.maximum
        ):
            raise _mistake(self, f"manual value {self.manual_value} is out of its range")
        if self.master is not None and (self.master == self.cid or self.manual_value is not None):
            raise _mistake(self, "a follower cannot lead a cluster")

    @classmethod
    def integer(
        cls,
        cid: int,
        minimum: int,
        maximum: int,
        step: int = 1,
        default: int = 0,
        *,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
        dims: Sequence[int] = (),
    ) -> ControlSpec:
        """A signed 32-bit number or an array of them; a value set is rounded to a step."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_INTEGER,
            minimum=minimum,
            maximum=maximum,
            step=step,
            default=default,
            flags=_flags(cid, flags, volatile),
            dims=tuple(dims),
        )

    @classmethod
    def boolean(
        cls,
        cid: int,
        default: bool = False,
        *,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
    ) -> ControlSpec:
        """A switch: 0 or 1; any other value set counts as 1."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_BOOLEAN,
            maximum=1,
            step=1,
            default=int(default),
            flags=_flags(cid, flags, volatile),
        )

    @classmethod
    def menu(
        cls,
        cid: int,
        items: Sequence[str | None],
        default: int = 0,
        *,
        minimum: int = 0,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
    ) -> ControlSpec:
        """A choice of texts, at most 31 bytes each; None leaves an index out of the menu."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_MENU,
            minimum=minimum,
            maximum=len(items) - 1,
            default=default,
            flags=_flags(cid, flags, volatile),
            items=tuple(items),
        )

    @classmethod
    def integer_menu(
        cls,
        cid: int,
        items: Sequence[int | None],
        default: int = 0,
        *,
        minimum: int = 0,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
    ) -> ControlSpec:
        """A choice of signed 64-bit numbers; the value is the index, `default` too."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_INTEGER_MENU,
            minimum=minimum,
            maximum=len(items) - 1,
            default=default,
            flags=_flags(cid, flags, volatile),
            items=tuple(items),
        )

    @classmethod
    def button(cls, cid: int, *, name: str | None = None, flags: int = 0) -> ControlSpec:
        """An action: has no value, cannot be read, and acts each time it is written."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_BUTTON,
            flags=int(flags) | _WRITE_ONLY | _EXECUTE_ON_WRITE,
        )

    @classmethod
    def bitmask(
        cls,
        cid: int,
        maximum: int,
        default: int = 0,
        *,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
    ) -> ControlSpec:
        """Up to 32 bits; `maximum` has every bit that may be set, others are dropped."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_BITMASK,
            maximum=maximum,
            default=default,
            flags=_flags(cid, flags, volatile),
        )

    @classmethod
    def integer64(
        cls,
        cid: int,
        minimum: int,
        maximum: int,
        step: int = 1,
        default: int = 0,
        *,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
        dims: Sequence[int] = (),
    ) -> ControlSpec:
        """A signed 64-bit number; reachable through the extended control ioctls only."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_INTEGER64,
            minimum=minimum,
            maximum=maximum,
            step=step,
            default=default,
            flags=_flags(cid, flags, volatile),
            dims=tuple(dims),
        )

    @classmethod
    def string(
        cls,
        cid: int,
        minimum: int,
        maximum: int,
        step: int = 1,
        default: str | None = None,
        *,
        name: str | None = None,
        flags: int = 0,
        volatile: bool = False,
    ) -> ControlSpec:
        """A text of `minimum` to `maximum` bytes in steps of `step`; default: `minimum` spaces."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=_STRING,
            minimum=minimum,
            maximum=maximum,
            step=step,
            default=" " * minimum if default is None else default,
            flags=_flags(cid, flags, volatile),
        )

    @classmethod
    def array(
        cls,
        cid: int,
        element: CtrlType,
        dims: Sequence[int],
        *,
        minimum: int,
        maximum: int,
        step: int = 1,
        default: int = 0,
        name: str | None = None,
        flags: int = 0,
    ) -> ControlSpec:
        """An array of U8, U16, U32, INTEGER or INTEGER64, one to four dimensions, as a payload."""
        return cls(
            cid=int(cid),
            name=_name(cid, name),
            type=int(element),
            minimum=minimum,
            maximum=maximum,
            step=step,
            default=default,
            flags=_flags(cid, flags),
            dims=tuple(dims),
        )

    @classmethod
    def ctrl_class(cls, cid: int, *, name: str | None = None) -> ControlSpec:
        """The title of a control class; `cid` is any control of it. Added where it is missing."""
        class_cid = (int(cid) & _CLASS_MASK) | 1
        return cls(
            cid=class_cid,
            name=CONTROL_NAMES.get(class_cid, "Controls") if name is None else name,
            type=_CTRL_CLASS,
            flags=_READ_ONLY | _WRITE_ONLY,
        )

    @property
    def volatile(self) -> bool:
        """Whether reads ask the source (in an auto-cluster: while it is in automatic mode)."""
        return bool(self.flags & _VOLATILE)

    @property
    def class_id(self) -> int:
        """The V4L2_CTRL_CLASS_* this control belongs to."""
        return self.cid & _CLASS_MASK

    @property
    def is_string(self) -> bool:
        """Whether the value is a text."""
        return self.type == _STRING

    @property
    def is_array(self) -> bool:
        """Whether the value is a row of numbers."""
        return bool(self.dims) or self.type >= _COMPOUND_TYPES

    @property
    def is_pointer(self) -> bool:
        """Whether the value travels as a payload instead of inside v4l2_ext_control."""
        return self.is_array or self.is_string

    @property
    def is_compound(self) -> bool:
        """Whether V4L2_CTRL_FLAG_NEXT_COMPOUND, and not NEXT_CTRL, finds it."""
        return self.is_array

    @property
    def elems(self) -> int:
        """Number of elements: 1 unless it is an array."""
        return prod(self.dims)

    @property
    def elem_size(self) -> int:
        """Bytes of one element; a string is one element, terminator included."""
        if self.type == _STRING:
            return self.maximum + 1
        return _ELEMENT_SIZES.get(self.type, 4)


def cluster(master: ControlSpec, *followers: ControlSpec) -> tuple[ControlSpec, ...]:
    """Bind controls the hardware can only set together; returns them leader first."""
    return (master, *(replace(spec, master=master.cid) for spec in followers))


def auto_cluster(
    master: ControlSpec, *followers: ControlSpec, manual_value: int = 0
) -> tuple[ControlSpec, ...]:
    """
    Bind `followers` to an automatic mode: `master` at `manual_value` hands them to the user.

    Followers declared volatile show what the automatic mode chose, and keep that value when it
    is switched off (as v4l2_ctrl_auto_cluster does in the kernel). Returns them leader first.
    """
    leader = replace(master, manual_value=manual_value, flags=master.flags | _UPDATE)
    return cluster(leader, *followers)


def _name(cid: int, name: str | None) -> str:
    if name is not None:
        return name
    try:
        return CONTROL_NAMES[int(cid)]
    except KeyError:
        raise ValueError(f"control 0x{int(cid):08x}: not a standard control, give a name") from None


def _flags(cid: int, flags: int, volatile: bool = False) -> int:
    return int(flags) | _STANDARD_FLAGS.get(cid, 0) | (_VOLATILE if volatile else 0)


def _mistake(spec: ControlSpec, what: str) -> ValueError:
    return ValueError(f"control 0x{spec.cid:08x} ({spec.name}): {what}")


def _check_identity(spec: ControlSpec) -> None:
    if not 0 < spec.cid < _PRIVATE_BASE or not spec.cid & _CLASS_MASK:
        raise _mistake(spec, "the ID has no control class")
    if spec.type not in _TYPES:
        raise _mistake(spec, f"type {spec.type} is not supported")
    # The rest of each class's number space is reserved for class titles (v4l2-compliance checks).
    if spec.type != _CTRL_CLASS and spec.cid & 0xFFFF < 0x900:
        raise _mistake(spec, "IDs below 0x900 in a class are reserved")
    if not 0 < len(spec.name) <= _NAME_BYTES or not (
        spec.name.isascii() and spec.name.isprintable()
    ):
        raise _mistake(spec, f"the name must be 1 to {_NAME_BYTES} printable ASCII characters")
    both = _READ_ONLY | _WRITE_ONLY
    if spec.type != _CTRL_CLASS and spec.flags & both == both:
        raise _mistake(spec, "it can be neither read nor written")


def _check_shape(spec: ControlSpec) -> None:
    if spec.dims and spec.type not in _ARRAY_TYPES:
        raise _mistake(spec, "this type cannot be an array")
    if len(spec.dims) > _MAX_DIMS or any(dim < 1 for dim in spec.dims):
        raise _mistake(spec, f"an array has 1 to {_MAX_DIMS} dimensions, each at least 1")
    if spec.elems * spec.elem_size > _MAX_PAYLOAD:
        raise _mistake(spec, f"the payload is larger than {_MAX_PAYLOAD} bytes")
    if isinstance(spec.default, str) != (spec.type == _STRING):
        raise _mistake(spec, "the default has the wrong type")
    if bool(spec.items) != (spec.type in _MENUS):
        raise _mistake(spec, "menu items belong to menus, and a menu needs some")


def _check_range(spec: ControlSpec) -> None:
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


def _check_number(spec: ControlSpec, default: int) -> None:
    low, high = _LIMITS.get(spec.type, (0, 1))
    if not low <= spec.minimum <= spec.maximum <= high:
        raise _mistake(spec, f"range {spec.minimum}..{spec.maximum} is not within {low}..{high}")
    width = spec.maximum - spec.minimum
    if not 1 <= spec.step <= high or (width and spec.step > width):
        raise _mistake(spec, f"step {spec.step} does not fit the range")
    if width % spec.step:
        raise _mistake(spec, f"the maximum is no whole number of steps of {spec.step} away")
    if not spec.minimum <= default <= spec.maximum or (default - spec.minimum) % spec.step:
        raise _mistake(spec, f"default {default} is no value of this range")


def _check_bits(spec: ControlSpec, default: int) -> None:
    if spec.minimum or spec.step or not 0 < spec.maximum <= 0xFFFFFFFF:
        raise _mistake(spec, "a bitmask has minimum 0, step 0 and a 32-bit maximum")
    if default & ~spec.maximum:
        raise _mistake(spec, f"default 0x{default:x} has bits outside of the maximum")


def _check_menu(spec: ControlSpec, default: int) -> None:
    kind = str if spec.type == _MENU else int
    if spec.step or not 0 <= spec.minimum <= spec.maximum < len(spec.items):
        raise _mistake(spec, "minimum and maximum are indices into the menu")
    for item in spec.items:
        if item is not None and not isinstance(item, kind):
            raise _mistake(spec, f"menu item {item!r} is not of type {kind.__name__}")
        if isinstance(item, str) and not 0 < len(item.encode()) <= _MENU_NAME_BYTES:
            raise _mistake(spec, f"menu item {item!r} is not 1 to {_MENU_NAME_BYTES} bytes long")
        if isinstance(item, int) and not -(1 << 63) <= item < 1 << 63:
            raise _mistake(spec, f"menu item {item} is no signed 64-bit number")
    if not spec.minimum <= default <= spec.maximum or spec.items[default] is None:
        raise _mistake(spec, f"default {default} is no item of the menu")


def _check_text(spec: ControlSpec, default: bytes) -> None:
    if not 0 <= spec.minimum <= spec.maximum or spec.step < 1:
        raise _mistake(spec, f"lengths {spec.minimum}..{spec.maximum} step {spec.step}")
    if not spec.minimum <= len(default) <= spec.maximum or b"\0" in default:
        raise _mistake(spec, f"the default is not {spec.minimum} to {spec.maximum} bytes long")
    if (len(default) - spec.minimum) % spec.step:
        raise _mistake(spec, f"the default's length is no multiple of the step {spec.step}")
