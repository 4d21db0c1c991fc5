"""
The control framework: the values behind a source's `ControlSpec`s, their clusters and events.

What v4l2-ctrls is to a kernel driver. `control_ioctls` reads and changes controls through it for
a guest, the control API for an operator. Sources: the V4L2 UAPI pages "User Controls", "Extended
Controls API", VIDIOC_QUERYCTRL, VIDIOC_G_EXT_CTRLS and "V4L2_EVENT_CTRL" of VIDIOC_DQEVENT; the
kernel's "V4L2 Controls" driver page for clusters.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING

from vmedia_bench.v4l2.control_spec import ControlSpec, MenuItem
from vmedia_bench.v4l2.control_values import (
    Stored,
    from_outside,
    from_source,
    initial,
    settle,
    to_outside,
)
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import EVENT, EVENT_CTRL, QUERY_EXT_CTRL
from vmedia_bench.wire.v4l2 import CtrlClass, CtrlFlag, CtrlType, EventCtrlChange, EventType
from vmedia_bench.wire.v4l2_controls import CTRL_ID_MASK

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import ControlValue

OnChange = Callable[[int, "ControlValue"], None]
"""(cid, value): applies a new value; a V4l2Error it raises refuses the change."""
ReadVolatile = Callable[[int], "ControlValue"]
"""(cid): gives the current value of a volatile control."""
Emit = Callable[[int | None, bytes], None]
"""
(originating session, 136-byte v4l2_event): to every session that subscribed to the control, the
originator only with V4L2_EVENT_SUB_FL_ALLOW_FEEDBACK; originator None: to all. The receiver
fills pending, sequence and timestamp in.
"""

PRIVATE_BASE = 0x08000000
"""V4L2_CID_PRIVATE_BASE: from here on an ID counts the driver-private user controls."""

_INACTIVE = int(CtrlFlag.INACTIVE)
_GRABBED = int(CtrlFlag.GRABBED)
_VOLATILE = int(CtrlFlag.VOLATILE)
_WRITE_ONLY = int(CtrlFlag.WRITE_ONLY)
_HAS_PAYLOAD = int(CtrlFlag.HAS_PAYLOAD)
_EXECUTE_ON_WRITE = int(CtrlFlag.EXECUTE_ON_WRITE)
_NEXT_CTRL = int(CtrlFlag.NEXT_CTRL)
_NEXT_COMPOUND = int(CtrlFlag.NEXT_COMPOUND)

_CTRL_CLASS = int(CtrlType.CTRL_CLASS)
_INTEGER64 = int(CtrlType.INTEGER64)
_CLASS_USER = int(CtrlClass.USER)
_DRIVER_PRIVATE = 0x1000

_VALUE = int(EventCtrlChange.VALUE)
_FLAGS = int(EventCtrlChange.FLAGS)
_RANGE = int(EventCtrlChange.RANGE)
_EVENT_CTRL = int(EventType.CTRL)


@dataclass(frozen=True, slots=True)
class ControlState:
    """
    One control as onlookers see it, at one moment.

    `value` is None when there is nothing to read (buttons, class titles); for a volatile control
    it is what the source reads now. `step` is as declared (0 for menus and bitmasks).
    """

    cid: int
    name: str
    type: int
    minimum: int
    maximum: int
    step: int
    default: int | str
    flags: int
    items: tuple[MenuItem, ...]
    dims: tuple[int, ...]
    value: "ControlValue | None"


class Control:
    """
    One control at run time. `spec` has the range in force, `flags` the user-visible bits.

    `master` leads the control's cluster (itself when it has none); `followers` are the others of
    the cluster, for the master only. `payload_size` is in bytes, a text's terminator included,
    and 0 for what needs no payload. Only `ControlHandler` changes a control.
    """

    __slots__ = (
        "_query",
        "cid",
        "flags",
        "followers",
        "is_array",
        "is_int",
        "is_string",
        "master",
        "payload_size",
        "spec",
        "value",
    )

    def __init__(self, spec: ControlSpec) -> None:
        self.spec = spec
        self.cid = spec.cid
        self.flags = spec.flags | (_HAS_PAYLOAD if spec.is_pointer else 0)
        self.value: Stored = initial(spec)
        self.is_string = spec.is_string
        self.is_array = spec.is_array
        self.is_int = not spec.is_pointer and spec.type != _INTEGER64
        self.payload_size = spec.elems * spec.elem_size if spec.is_pointer else 0
        self.master = self
        self.followers: tuple[Control, ...] = ()
        self._query: bytes | None = None

    @property
    def is_manual(self) -> bool:
        """Whether it leads an auto-cluster that the user has control of."""
        return self.spec.manual_value is not None and self.value == self.spec.manual_value

    @property
    def query(self) -> bytes:
        """Its v4l2_query_ext_ctrl, 232 bytes."""
        if self._query is None:
            self._query = _pack_query(self)
        return self._query

    def set_flags(self, flags: int) -> None:
        """Put new flags in force."""
        self.flags = flags
        self._query = None

    def set_range(self, spec: ControlSpec) -> None:
        """Put a new range in force."""
        self.spec = spec
        self._query = None


class ControlHandler:
    """
    The controls of one node or of one session.

    Raises ValueError for declarations that contradict each other: an ID twice, a cluster whose
    leader is missing or follows another.
    """

    def __init__(
        self,
        specs: Iterable[ControlSpec],
        *,
        on_change: OnChange | None = None,
        read_volatile: ReadVolatile | None = None,
        emit: Emit | None = None,
    ) -> None:
        self._on_change = on_change
        self._read_volatile = read_volatile
        self._emit = emit
        controls = [Control(spec) for spec in _with_classes(specs)]
        self._controls = {control.cid: control for control in controls}
        self._bind_clusters()
        self._cids = {
            _NEXT_CTRL: [c.cid for c in controls if not c.is_array],
            _NEXT_COMPOUND: [c.cid for c in controls if c.is_array],
            _NEXT_CTRL | _NEXT_COMPOUND: [c.cid for c in controls],
        }
        self._private = [
            c
            for c in controls
            if c.spec.class_id == _CLASS_USER and c.cid & 0xFFFF >= _DRIVER_PRIVATE and c.is_int
        ]

    def __len__(self) -> int:
        return len(self._controls)

    def __iter__(self) -> Iterator[Control]:
        return iter(self._controls.values())

    def get(self, cid: int) -> Control | None:
        """Find a control by its ID, None if there is none."""
        return self._controls.get(cid)

    def find(self, cid: int) -> Control:
        """
        Find a control by the ID a guest gave: flag bits are masked off, old-style private IDs
        count the driver-private user controls. Raises V4l2Error(EINVAL) if there is none.
        """
        cid &= CTRL_ID_MASK
        control = self._controls.get(cid)
        if control is not None:
            return control
        if 0 <= cid - PRIVATE_BASE < len(self._private):
            return self._private[cid - PRIVATE_BASE]
        raise V4l2Error(EINVAL, f"there is no control 0x{cid:08x}")

    def find_next(self, cid: int) -> Control:
        """
        Find the control a query asks for, `cid` with V4L2_CTRL_FLAG_NEXT_CTRL and NEXT_COMPOUND.

        Raises V4l2Error(EINVAL) when there is none, or none left.
        """
        following = cid & (_NEXT_CTRL | _NEXT_COMPOUND)
        if not following:
            return self.find(cid)
        cids = self._cids[following]
        index = bisect_right(cids, cid & CTRL_ID_MASK)
        if index == len(cids):
            raise V4l2Error(EINVAL, "no control is left")
        return self._controls[cids[index]]

    def read(self, control: Control) -> Stored:
        """
        Give a control's value as it is now; a volatile one is read from the source.

        Raises V4l2Error: what the source raises, EIO for an impossible value.
        """
        if control.flags & _VOLATILE and self._read_volatile is not None:
            return from_source(control.spec, self._read_volatile(control.cid))
        return control.value

    def value(self, cid: int) -> "ControlValue":
        """Give a control's value as sources and operators see it; raises as `find` and `read`."""
        control = self.find(cid)
        return to_outside(control.spec, self.read(control))

    def snapshot(self) -> tuple[ControlState, ...]:
        """List the controls in the order of their IDs, class titles included."""
        return tuple(self._state(control) for control in self)

    def change(self, originator: int | None, wanted: Mapping[Control, Stored]) -> None:
        """
        Set controls of one cluster to settled values, and send the events of it.

        `originator` is the session that asked, None for the operator or the source. A volatile
        control keeps what the source says; a leader switched to manual makes its followers keep
        what they showed until then. Raises V4l2Error when the source refuses; nothing of the
        cluster is stored then.
        """
        master = next(iter(wanted)).master
        switched = _switches_mode(master, wanted)
        to_manual = switched and not master.is_manual
        new = self._volatile_values(master) if to_manual else {}
        adopted = frozenset(new)
        new.update(wanted)
        changed = {
            control: value
            for control, value in new.items()
            if control in adopted
            or control.flags & _EXECUTE_ON_WRITE
            or (value != control.value and not control.flags & _VOLATILE)
        }
        if not changed:
            return
        cluster = (master, *master.followers)
        if self._on_change is not None:
            for control in cluster:
                if control in changed:
                    self._on_change(control.cid, to_outside(control.spec, changed[control]))
        for control in cluster:
            changes = _VALUE if control in changed else 0
            if changes:
                control.value = changed[control]
            if switched and control is not master:
                changes |= _FLAGS
                control.set_flags(_flags_in_cluster(control))
            if changes:
                told = control in wanted and not changes & _FLAGS
                self._send(originator if told else None, control, changes)

    def set_from_operator(self, cid: int, value: "ControlValue") -> "ControlValue":
        """
        Set a control for the operator, a read-only one too; everybody is told.

        Returns the value in force: clamped or rounded as for a guest, and unchanged for one that
        is volatile now. Raises V4l2Error: EINVAL for an unknown control or a value of the wrong
        type, ERANGE for one out of range, EBUSY for a grabbed one, and what the source refuses
        with.
        """
        control = self.find(cid)
        if control.spec.type == _CTRL_CLASS:
            raise V4l2Error(EINVAL, f"{control.spec.name}: a class title has no value")
        if control.flags & _GRABBED:
            raise V4l2Error(EBUSY, f"{control.spec.name} is grabbed")
        self.change(None, {control: from_outside(control.spec, value)})
        return to_outside(control.spec, self.read(control))

    def set_from_source(self, cid: int, value: "ControlValue") -> None:
        """
        Store what the source says a control has become, and tell everybody; it is not called.

        Raises V4l2Error as `set_from_operator`.
        """
        control = self.find(cid)
        settled = from_outside(control.spec, value)
        if settled == control.value:
            return
        switched = _switches_mode(control, {control: settled})
        control.value = settled
        self._send(None, control, _VALUE)
        if switched:
            for follower in control.followers:
                follower.set_flags(_flags_in_cluster(follower))
                self._send(None, follower, _FLAGS)

    def modify_range(self, cid: int, minimum: int, maximum: int, step: int, default: int) -> None:
        """
        Give a number, menu or bitmask a new range; everybody is told.

        A value out of the new range becomes the nearest, or the default in a menu. Raises
        V4l2Error: EINVAL for an unknown control, an array or a string, and what the source refuses
        the value with; ValueError for a range that breaks its type's rules. Nothing has changed
        then.
        """
        control = self.find(cid)
        if control.spec.is_pointer or control.spec.type == _CTRL_CLASS:
            raise V4l2Error(EINVAL, f"{control.spec.name}: has no range to modify")
        spec = replace(control.spec, minimum=minimum, maximum=maximum, step=step, default=default)
        try:
            value = settle(spec, control.value)
        except V4l2Error:
            value = default
        changes = (_RANGE if spec != control.spec else 0) | (
            _VALUE if value != control.value else 0
        )
        if changes & _VALUE and self._on_change is not None:
            self._on_change(control.cid, to_outside(spec, value))
        control.set_range(spec)
        control.value = value
        if changes:
            self._send(None, control, changes)

    def grab(self, cid: int, grabbed: bool) -> None:
        """Set or clear GRABBED: a grabbed control answers EBUSY to a set. Everybody is told."""
        self._set_flag(self.find(cid), _GRABBED, grabbed)

    def activate(self, cid: int, active: bool) -> None:
        """Clear or set INACTIVE: the control has no effect now. Everybody is told."""
        self._set_flag(self.find(cid), _INACTIVE, not active)

    def event(self, control: Control, changes: int) -> bytes:
        """Build the v4l2_event that tells of `changes` (EventCtrlChange), 136 bytes."""
        spec = control.spec
        numeric = isinstance(spec.default, int) and not control.is_array
        union = EVENT_CTRL.pack(
            changes,
            spec.type,
            control.value if isinstance(control.value, int) else 0,
            control.flags,
            signed32(spec.minimum),
            signed32(spec.maximum),
            signed32(wire_step(spec)),
            signed32(spec.default) if numeric and isinstance(spec.default, int) else 0,
        )
        return EVENT.pack(_EVENT_CTRL, union.ljust(64, b"\0"), 0, 0, 0, 0, control.cid)

    def initial_event(self, cid: int) -> bytes | None:
        """
        Build what V4L2_EVENT_SUB_FL_SEND_INITIAL sends: the state as a change of it.

        None for a class title, which has none. Raises V4l2Error(EINVAL) for an unknown control:
        call it for every subscription, that is its check.
        """
        control = self.find(cid)
        if control.spec.type == _CTRL_CLASS:
            return None
        return self.event(control, _FLAGS | (0 if control.flags & _WRITE_ONLY else _VALUE))

    def _bind_clusters(self) -> None:
        followers: dict[Control, list[Control]] = {}
        for control in self:
            if control.spec.master is not None:
                master = self._controls.get(control.spec.master)
                if master is None or master.spec.master is not None:
                    raise ValueError(f"{control.spec.name}: its cluster has no such leader")
                followers.setdefault(master, []).append(control)
        for master, members in followers.items():
            master.followers = tuple(members)
            for member in members:
                member.master = master
                member.set_flags(_flags_in_cluster(member))

    def _volatile_values(self, master: Control) -> dict[Control, Stored]:
        return {
            follower: self.read(follower)
            for follower in master.followers
            if follower.flags & _VOLATILE
        }

    def _state(self, control: Control) -> ControlState:
        spec = control.spec
        try:
            value = None if control.flags & _WRITE_ONLY else to_outside(spec, self.read(control))
        except V4l2Error:
            value = to_outside(spec, control.value)
        return ControlState(
            cid=spec.cid,
            name=spec.name,
            type=spec.type,
            minimum=spec.minimum,
            maximum=spec.maximum,
            step=spec.step,
            default=spec.default,
            flags=control.flags,
            items=spec.items,
            dims=spec.dims,
            value=value,
        )

    def _set_flag(self, control: Control, flag: int, on: bool) -> None:
        flags = control.flags | flag if on else control.flags & ~flag
        if flags != control.flags:
            control.set_flags(flags)
            self._send(None, control, _FLAGS)

    def _send(self, originator: int | None, control: Control, changes: int) -> None:
        if self._emit is not None:
            self._emit(originator, self.event(control, changes))


def signed32(value: int) -> int:
    """Cut a number to the signed 32-bit field old structures have for it, as C does."""
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def wire_step(spec: ControlSpec) -> int:
    """Give the step a query shows: 1 for menus."""
    return 1 if spec.items else spec.step


def _with_classes(specs: Iterable[ControlSpec]) -> list[ControlSpec]:
    """Add the missing class titles and sort by ID; ValueError for an ID declared twice."""
    by_cid: dict[int, ControlSpec] = {}
    for spec in specs:
        if by_cid.setdefault(spec.cid, spec) is not spec:
            raise ValueError(f"control 0x{spec.cid:08x} ({spec.name}) is declared twice")
    for class_id in {spec.class_id for spec in by_cid.values()}:
        title = ControlSpec.ctrl_class(class_id)
        by_cid.setdefault(title.cid, title)
    return [by_cid[cid] for cid in sorted(by_cid)]


def _switches_mode(master: Control, wanted: Mapping[Control, Stored]) -> bool:
    """Tell whether an auto-cluster goes from automatic to manual or back."""
    manual = master.spec.manual_value
    if manual is None or master not in wanted:
        return False
    return (wanted[master] == manual) != (master.value == manual)


def _flags_in_cluster(control: Control) -> int:
    """Give a follower's flags: in automatic mode it is inactive, and volatile if declared so."""
    flags = control.flags
    if control.master.spec.manual_value is None:
        return flags
    flags &= ~(_INACTIVE | _VOLATILE)
    if not control.master.is_manual:
        flags |= _INACTIVE | (control.spec.flags & _VOLATILE)
    return flags


def _pack_query(control: Control) -> bytes:
    spec = control.spec
    dims = (*spec.dims, 0, 0, 0, 0)[:4]
    return QUERY_EXT_CTRL.pack(
        spec.cid,
        spec.type,
        spec.name.encode(),
        spec.minimum,
        spec.maximum,
        wire_step(spec),
        spec.default if isinstance(spec.default, int) else 0,
        control.flags,
        spec.elem_size,
        spec.elems,
        len(spec.dims),
        *dims,
    )
