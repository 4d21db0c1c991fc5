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

from vmedia_bench.v4l2.control_rules import check
from vmedia_bench.wire.controls import CONTROL_NAMES, Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType
from vmedia_bench.wire.v4l2_controls import CTRL_COMPOUND_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

MenuItem = str | int | None
"""A text (menu), a signed 64-bit number (integer menu), or None for an index that is skipped."""

_CLASS_MASK = 0x0FFF0000

_READ_ONLY = int(CtrlFlag.READ_ONLY)
_WRITE_ONLY = int(CtrlFlag.WRITE_ONLY)
_VOLATILE = int(CtrlFlag.VOLATILE)
_EXECUTE_ON_WRITE = int(CtrlFlag.EXECUTE_ON_WRITE)
_UPDATE = int(CtrlFlag.UPDATE)
_SLIDER = int(CtrlFlag.SLIDER)

_ELEMENT_SIZES: dict[int, int] = {
    CtrlType.INTEGER64: 8,
    CtrlType.U8: 1,
    CtrlType.U16: 2,
    CtrlType.U32: 4,
}

# What the kernel adds to these standard controls by itself, cameras' only.
_SLIDERS = frozenset(
    int(cid)
    for cid in (
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
    )
)
_MOVES = (
    Cid.PAN_RELATIVE,
    Cid.TILT_RELATIVE,
    Cid.FOCUS_RELATIVE,
    Cid.IRIS_RELATIVE,
    Cid.ZOOM_RELATIVE,
)
_STATES = (Cid.CAMERA_ORIENTATION, Cid.CAMERA_SENSOR_ROTATION, Cid.AUTO_FOCUS_STATUS)
_STANDARD_FLAGS: dict[int, int] = {
    **dict.fromkeys(_MOVES, _WRITE_ONLY | _EXECUTE_ON_WRITE),
    **dict.fromkeys(_STATES, _READ_ONLY),
}


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
        check(self)

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
            type=int(CtrlType.INTEGER),
            minimum=minimum,
            maximum=maximum,
            step=step,
            default=default,
            flags=_flags(cid, flags, volatile) | (_SLIDER if cid in _SLIDERS else 0),
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
            type=int(CtrlType.BOOLEAN),
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
            type=int(CtrlType.MENU),
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
            type=int(CtrlType.INTEGER_MENU),
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
            type=int(CtrlType.BUTTON),
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
            type=int(CtrlType.BITMASK),
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
            type=int(CtrlType.INTEGER64),
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
            type=int(CtrlType.STRING),
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
            type=int(CtrlType.CTRL_CLASS),
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
        return self.type == CtrlType.STRING

    @property
    def is_array(self) -> bool:
        """Whether the value is a row of numbers: NEXT_COMPOUND, and not NEXT_CTRL, finds it."""
        return bool(self.dims) or self.type >= CTRL_COMPOUND_TYPES

    @property
    def is_pointer(self) -> bool:
        """Whether the value travels as a payload instead of inside v4l2_ext_control."""
        return self.is_array or self.is_string

    @property
    def elems(self) -> int:
        """Number of elements: 1 unless it is an array."""
        return prod(self.dims)

    @property
    def elem_size(self) -> int:
        """Bytes of one element; a string is one element, terminator included."""
        if self.type == CtrlType.STRING:
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
