"""
VIDIOC_G_EXT_CTRLS, VIDIOC_S_EXT_CTRLS and VIDIOC_TRY_EXT_CTRLS on their bytes.

Errnos and error_idx follow the page of these ioctls in the V4L2 UAPI documentation and the
kernel. Stricter than the kernel: a set reads and checks the payloads too before it changes
anything, so error_idx equals count whenever no control was touched.
"""

from collections.abc import Sequence
from errno import EACCES, EBUSY, EFAULT, EINVAL, ENOSPC, ERANGE
from struct import Struct
from typing import TYPE_CHECKING

from vmedia_bench.v4l2.control_values import Stored, initial, settle
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import EXT_CONTROL, EXT_CONTROLS, INT, U32
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlWhich
from vmedia_bench.wire.v4l2_controls import CTRL_ID_MASK

if TYPE_CHECKING:
    from vmedia_bench.v4l2.controls import Control, ControlHandler
    from vmedia_bench.v4l2.memory import GuestBuffer

User = Sequence["GuestBuffer | None"]
"""The payloads of a batch, one entry a control; None where size is 0."""

_READ_ONLY = int(CtrlFlag.READ_ONLY)
_WRITE_ONLY = int(CtrlFlag.WRITE_ONLY)
_GRABBED = int(CtrlFlag.GRABBED)
_DISABLED = int(CtrlFlag.DISABLED)
_DEF_VAL = int(CtrlWhich.DEF_VAL)
_REQUEST_VAL = int(CtrlWhich.REQUEST_VAL)
_SPECIAL = frozenset(int(which) for which in CtrlWhich)
_FIXED = _SPECIAL - {int(CtrlWhich.CUR_VAL)}
_CLASS_MASK = 0x0FFF0000

_ERROR_IDX_OFFSET = 8
_S64 = Struct("<q")
_HEADER = EXT_CONTROLS.size
_ITEM = EXT_CONTROL.size
_SIZE = 4
_VALUE = 12


def get_ext_ctrls(handler: "ControlHandler", arg: bytearray, user: User) -> None:
    """
    Read a batch of controls, or their defaults with V4L2_CTRL_WHICH_DEF_VAL.

    Raises V4l2Error with error_idx set: count before any control was read (unknown, of another
    class, write-only, array too long for its size), else the index of the one that failed.
    """
    batch = _Batch(arg, user)
    if batch.is_empty(handler):
        return
    try:
        controls = batch.resolve(handler, too_small=ENOSPC)
        for control in controls:
            if control.flags & _WRITE_ONLY:
                raise V4l2Error(EACCES, f"{control.spec.name} cannot be read")
    except V4l2Error:
        batch.fail_at(batch.count)
        raise
    defaults = batch.which == _DEF_VAL
    values: list[Stored] = []
    for index, control in enumerate(controls):
        try:
            value = initial(control.spec) if defaults else handler.read(control)
            if control.payload_size:
                batch.check_room(index, control, value)
        except V4l2Error:
            batch.fail_at(index)
            raise
        values.append(value)
    batch.put(controls, values)


def try_ext_ctrls(handler: "ControlHandler", arg: bytearray, user: User) -> None:
    """
    Adjust a batch of values as a set would, and change nothing.

    Raises V4l2Error with error_idx at the control that is refused; count when the batch is.
    """
    batch = _Batch(arg, user)
    batch.refuse_fixed()
    if not batch.is_empty(handler):
        controls = batch.resolve(handler, too_small=EFAULT)
        batch.put(controls, batch.settle(controls, refused=_READ_ONLY))


def set_ext_ctrls(handler: "ControlHandler", session_id: int, arg: bytearray, user: User) -> None:
    """
    Set a batch of controls, all or none of them as far as their values decide.

    Raises V4l2Error with error_idx at count when nothing was changed; at the first control of
    the cluster that the source refused, with those before it set.
    """
    batch = _Batch(arg, user)
    batch.refuse_fixed()
    if batch.is_empty(handler):
        return
    try:
        controls = batch.resolve(handler, too_small=EFAULT)
        values = batch.settle(controls, refused=_READ_ONLY | _GRABBED)
    except V4l2Error:
        batch.fail_at(batch.count)
        raise
    for index, wanted in _clusters(controls, values):
        batch.fail_at(index)
        handler.change(session_id, wanted)
    batch.fail_at(batch.count)
    batch.put(controls, values)


class _Batch:
    """
    One v4l2_ext_controls with its array, in the bytes it came in.

    `which` has its class part only, as the kernel leaves it. The pointers are never touched.
    Raises V4l2Error(EINVAL) when the bytes are fewer than `count` says, or for a request.
    """

    __slots__ = ("arg", "count", "user", "which")

    def __init__(self, arg: bytearray, user: User) -> None:
        which, count, _error_idx, request_fd, pointer = EXT_CONTROLS.unpack_from(arg)
        if count > (len(arg) - _HEADER) // _ITEM:
            raise V4l2Error(EINVAL, f"{count} controls do not fit {len(arg)} bytes")
        self.arg = arg
        self.user = user
        self.count = count
        self.which = which & _CLASS_MASK
        EXT_CONTROLS.pack_into(arg, 0, self.which, count, count, request_fd, pointer)
        if self.which == _REQUEST_VAL:
            raise V4l2Error(EINVAL, "this device takes no requests")

    def fail_at(self, index: int) -> None:
        """Set error_idx."""
        U32.pack_into(self.arg, _ERROR_IDX_OFFSET, index)

    def refuse_fixed(self) -> None:
        """Raise EINVAL for a `which` that can only be read: defaults, minima, maxima."""
        if self.which in _FIXED:
            raise V4l2Error(EINVAL, "only current values can be set")

    def is_empty(self, handler: "ControlHandler") -> bool:
        """Tell whether count is 0, which asks if the class exists: EINVAL if not."""
        if self.count:
            return False
        if self.which not in _SPECIAL and handler.get(self.which | 1) is None:
            raise V4l2Error(EINVAL, f"there is no control class 0x{self.which:x}")
        return True

    def resolve(self, handler: "ControlHandler", *, too_small: int) -> "list[Control]":
        """Find the controls; error_idx is at the first that is unknown or has too small a size."""
        arg, which = self.arg, self.which
        one_class = which not in {0, _DEF_VAL}
        controls = []
        offset = _HEADER
        for index in range(self.count):
            cid, size, _value = EXT_CONTROL.unpack_from(arg, offset)
            control = handler.get(cid & CTRL_ID_MASK)
            if (
                control is None
                or control.flags & _DISABLED
                or (one_class and cid & _CLASS_MASK != which)
            ):
                self.fail_at(index)
                raise V4l2Error(EINVAL, f"no control 0x{cid:08x} in 0x{which:x}")
            if control.is_array and size < control.payload_size:
                self.fail_at(index)
                if too_small == ENOSPC:
                    U32.pack_into(arg, offset + _SIZE, control.payload_size)
                raise V4l2Error(too_small, f"{control.spec.name}: size {size} is too small")
            controls.append(control)
            offset += _ITEM
        return controls

    def settle(self, controls: "list[Control]", *, refused: int) -> list[Stored]:
        """Give the legal values the batch asks for; error_idx is at the first that has none."""
        values = []
        for index, control in enumerate(controls):
            try:
                if control.flags & refused:
                    raise _refusal(control)
                values.append(settle(control.spec, self._take(index, control)))
            except V4l2Error:
                self.fail_at(index)
                raise
        return values

    def check_room(self, index: int, control: "Control", value: Stored) -> None:
        """Raise ENOSPC where a text does not fit, with the size it takes; EFAULT without memory."""
        _cid, size, _value = EXT_CONTROL.unpack_from(self.arg, _HEADER + index * _ITEM)
        needed = _payload_length(control, value)
        if size < needed:
            U32.pack_into(self.arg, _HEADER + index * _ITEM + _SIZE, control.payload_size)
            raise V4l2Error(ENOSPC, f"{control.spec.name}: size {size} is too small")
        self._buffer(index, needed)

    def put(self, controls: "list[Control]", values: list[Stored]) -> None:
        """Write the values back, payloads first: guest memory can fail, the argument cannot."""
        arg = self.arg
        for index, value in enumerate(values):
            if isinstance(value, bytes):
                self._put_payload(index, controls[index], value)
        offset = _HEADER
        for control, value in zip(controls, values, strict=True):
            if isinstance(value, int):
                if control.is_int:
                    U32.pack_into(arg, offset + _VALUE, value & 0xFFFFFFFF)
                else:
                    _S64.pack_into(arg, offset + _VALUE, value)
            elif control.is_array:
                U32.pack_into(arg, offset + _SIZE, control.payload_size)
            offset += _ITEM

    def _put_payload(self, index: int, control: "Control", value: bytes) -> None:
        payload = value + b"\0" if control.is_string else value
        try:
            self._buffer(index, len(payload)).write(0, payload)
        except V4l2Error:
            self.fail_at(index)
            raise

    def _take(self, index: int, control: "Control") -> Stored:
        """Read the value a set asks for; payloads are copied once."""
        offset = _HEADER + index * _ITEM
        if control.is_array:
            return self._buffer(index, control.payload_size).read(0, control.payload_size)
        _cid, size, value64 = EXT_CONTROL.unpack_from(self.arg, offset)
        if control.is_string:
            return self._take_text(index, control, size)
        number: int = INT.unpack_from(self.arg, offset + _VALUE)[0] if control.is_int else value64
        return number

    def _take_text(self, index: int, control: "Control", size: int) -> bytes:
        """Read a text of at most `size` bytes, terminator included, which may be missing."""
        if size == 0:
            raise V4l2Error(ERANGE, f"{control.spec.name}: no room for a text")
        length = min(size, control.payload_size)
        data = self._buffer(index, length).read(0, length)
        text = data[:-1].partition(b"\0")[0]
        if len(text) == control.spec.maximum and data[-1]:
            raise V4l2Error(ERANGE, f"{control.spec.name}: the text is too long")
        return text

    def _buffer(self, index: int, length: int) -> "GuestBuffer":
        buffer = self.user[index] if index < len(self.user) else None
        if buffer is None or buffer.length < length:
            raise V4l2Error(EFAULT, f"control {index} of the batch: no {length} bytes of memory")
        return buffer


def _refusal(control: "Control") -> V4l2Error:
    if control.flags & _READ_ONLY:
        return V4l2Error(EACCES, f"{control.spec.name} is read-only")
    return V4l2Error(EBUSY, f"{control.spec.name} is grabbed")


def _payload_length(control: "Control", value: Stored) -> int:
    return (
        len(value) + 1 if isinstance(value, bytes) and control.is_string else control.payload_size
    )


def _clusters(
    controls: "list[Control]", values: list[Stored]
) -> "list[tuple[int, dict[Control, Stored]]]":
    """Sort a batch into what is set together, each with the index of its first control."""
    sets: list[tuple[int, dict[Control, Stored]]] = []
    by_master: dict[Control, dict[Control, Stored]] = {}
    for index, (control, value) in enumerate(zip(controls, values, strict=True)):
        wanted = by_master.get(control.master)
        if wanted is not None:
            wanted[control] = value
            continue
        wanted = {control: value}
        sets.append((index, wanted))
        if control.master.followers:
            by_master[control.master] = wanted
    return sets
