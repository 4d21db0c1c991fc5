"""
The control ioctls: QUERYCTRL, QUERY_EXT_CTRL, QUERYMENU, G/S_CTRL and G/S/TRY_EXT_CTRLS.

`handle` reads the argument, has a `ControlHandler` do the work and writes the result in place.
Sources: VIDIOC_QUERYCTRL and VIDIOC_G_CTRL of the V4L2 UAPI documentation, and the kernel where
the documentation leaves an errno open. The extended ones are in `control_batches`.
"""

from collections.abc import Callable
from errno import EACCES, EBUSY, EINVAL, ENOTTY
from typing import TYPE_CHECKING

from vmedia_bench.v4l2.control_batches import get_ext_ctrls, set_ext_ctrls, try_ext_ctrls
from vmedia_bench.v4l2.control_values import settle_number
from vmedia_bench.v4l2.controls import PRIVATE_BASE, Control, ControlHandler, signed32, wire_step
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.ioctls import (
    VIDIOC_G_CTRL,
    VIDIOC_G_EXT_CTRLS,
    VIDIOC_QUERY_EXT_CTRL,
    VIDIOC_QUERYCTRL,
    VIDIOC_QUERYMENU,
    VIDIOC_S_CTRL,
    VIDIOC_S_EXT_CTRLS,
    VIDIOC_TRY_EXT_CTRLS,
)
from vmedia_bench.wire.structs import (
    CONTROL,
    EXT_CONTROLS,
    QUERY_EXT_CTRL,
    QUERYCTRL,
    QUERYMENU,
    QUERYMENU_VALUE,
    U32,
)
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType
from vmedia_bench.wire.v4l2_controls import CTRL_ID_MASK

if TYPE_CHECKING:
    from vmedia_bench.v4l2.control_batches import User

_READ_ONLY = int(CtrlFlag.READ_ONLY)
_WRITE_ONLY = int(CtrlFlag.WRITE_ONLY)
_GRABBED = int(CtrlFlag.GRABBED)
_NEXT = int(CtrlFlag.NEXT_CTRL) | int(CtrlFlag.NEXT_COMPOUND)
_RANGED_TYPES = frozenset(
    int(kind)
    for kind in (
        CtrlType.INTEGER,
        CtrlType.BOOLEAN,
        CtrlType.MENU,
        CtrlType.INTEGER_MENU,
        CtrlType.STRING,
        CtrlType.BITMASK,
    )
)
"""Types whose range QUERYCTRL tells; of the others it shows zeros."""


def handle(
    handler: ControlHandler, number: int, session_id: int, arg: bytearray, user: "User"
) -> None:
    """
    Answer one control ioctl for a session, in place.

    `number` is the ioctl's number (VIDIOC_G_CTRL is 27), `arg` its structure; for the extended
    ones v4l2_ext_controls and `count` v4l2_ext_control, with one entry of `user` for each (None
    where size is 0). Raises V4l2Error: ENOTTY for any other ioctl and where there are no
    controls, EINVAL for an argument that is too short, else what the ioctl's page says; after an
    error only error_idx and a too small size have changed in `arg`.
    """
    known = _IOCTLS.get(number)
    if known is None or not len(handler):
        raise V4l2Error(ENOTTY, "no such ioctl here")
    size, answer = known
    if len(arg) < size:
        raise V4l2Error(EINVAL, f"{len(arg)} bytes, the structure has {size}")
    answer(handler, session_id, arg, user)


def _query_ext_ctrl(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id, user
    (cid,) = U32.unpack_from(arg)
    arg[: QUERY_EXT_CTRL.size] = handler.find_next(cid).query
    _keep_private_id(arg, cid)


def _queryctrl(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id, user
    (cid,) = U32.unpack_from(arg)
    control = handler.find_next(cid)
    spec = control.spec
    default = spec.default if isinstance(spec.default, int) else 0
    ranged = spec.type in _RANGED_TYPES
    QUERYCTRL.pack_into(
        arg,
        0,
        control.cid,
        spec.type,
        spec.name.encode(),
        signed32(spec.minimum) if ranged else 0,
        signed32(spec.maximum) if ranged else 0,
        signed32(wire_step(spec)) if ranged else 0,
        signed32(default) if ranged else 0,
        control.flags,
    )
    _keep_private_id(arg, cid)


def _keep_private_id(arg: bytearray, cid: int) -> None:
    """Leave an old-style private ID as asked: programs count on from it."""
    if cid & CTRL_ID_MASK >= PRIVATE_BASE and not cid & _NEXT:
        U32.pack_into(arg, 0, cid & CTRL_ID_MASK)


def _querymenu(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id, user
    cid, index, _union = QUERYMENU.unpack_from(arg)
    spec = handler.find(cid).spec
    if not spec.items or not spec.minimum <= index <= spec.maximum:
        raise V4l2Error(EINVAL, f"{spec.name}: no menu item {index}")
    item = spec.items[index]
    if item is None:
        raise V4l2Error(EINVAL, f"{spec.name}: menu item {index} is left out")
    union = item.encode() if isinstance(item, str) else QUERYMENU_VALUE.pack(item)
    QUERYMENU.pack_into(arg, 0, cid, index, union)


def _g_ctrl(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id, user
    cid, _value = CONTROL.unpack_from(arg)
    control = _simple_control(handler, cid)
    if control.flags & _WRITE_ONLY:
        raise V4l2Error(EACCES, f"{control.spec.name} cannot be read")
    CONTROL.pack_into(arg, 0, cid, _number(handler.read(control)))


def _s_ctrl(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del user
    cid, value = CONTROL.unpack_from(arg)
    control = _simple_control(handler, cid)
    if control.flags & _READ_ONLY:
        raise V4l2Error(EACCES, f"{control.spec.name} is read-only")
    settled = settle_number(control.spec, value)
    if control.flags & _GRABBED:
        raise V4l2Error(EBUSY, f"{control.spec.name} is grabbed")
    handler.change(session_id, {control: settled})
    CONTROL.pack_into(arg, 0, cid, _number(control.value))


def _simple_control(handler: ControlHandler, cid: int) -> Control:
    """Find a control that fits v4l2_control: no text, no array, no 64-bit number."""
    control = handler.find(cid)
    if not control.is_int:
        raise V4l2Error(EINVAL, f"{control.spec.name} needs the extended control ioctls")
    return control


def _number(value: int | bytes) -> int:
    return signed32(value) if isinstance(value, int) else 0


def _g_ext(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id
    get_ext_ctrls(handler, arg, user)


def _try_ext(handler: ControlHandler, session_id: int, arg: bytearray, user: "User") -> None:
    del session_id
    try_ext_ctrls(handler, arg, user)


_Answer = Callable[[ControlHandler, int, bytearray, "User"], None]
_IOCTLS: dict[int, tuple[int, _Answer]] = {
    VIDIOC_QUERYCTRL: (QUERYCTRL.size, _queryctrl),
    VIDIOC_QUERY_EXT_CTRL: (QUERY_EXT_CTRL.size, _query_ext_ctrl),
    VIDIOC_QUERYMENU: (QUERYMENU.size, _querymenu),
    VIDIOC_G_CTRL: (CONTROL.size, _g_ctrl),
    VIDIOC_S_CTRL: (CONTROL.size, _s_ctrl),
    VIDIOC_G_EXT_CTRLS: (EXT_CONTROLS.size, _g_ext),
    VIDIOC_S_EXT_CTRLS: (EXT_CONTROLS.size, set_ext_ctrls),
    VIDIOC_TRY_EXT_CTRLS: (EXT_CONTROLS.size, _try_ext),
}

CONTROL_IOCTLS = frozenset(_IOCTLS)
"""The ioctl numbers `handle` answers."""
