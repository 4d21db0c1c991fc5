"""A guest's view of a `ControlHandler`: ioctls as calls, and everything the handler told."""

from dataclasses import dataclass, field
from errno import EFAULT
from typing import TYPE_CHECKING, NamedTuple

from vmedia_bench.v4l2.control_ioctls import handle
from vmedia_bench.v4l2.controls import ControlHandler
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
    EVENT,
    EVENT_CTRL,
    EXT_CONTROL,
    EXT_CONTROLS,
    QUERY_EXT_CTRL,
    QUERYCTRL,
    QUERYMENU,
)

if TYPE_CHECKING:
    from vmedia_bench.v4l2.control_spec import ControlSpec
    from vmedia_bench.v4l2.source import ControlValue

SESSION = 7
ARRAY_POINTER = 0x7F00_1234_5678
GET, SET, TRY = VIDIOC_G_EXT_CTRLS, VIDIOC_S_EXT_CTRLS, VIDIOC_TRY_EXT_CTRLS
NEXT_CTRL = 0x80000000
NEXT_COMPOUND = 0x40000000


class Payload:
    """A GuestBuffer over plain bytes; `broken` memory can be neither read nor written."""

    def __init__(self, data: bytes, *, broken: bool = False) -> None:
        self.data = bytearray(data)
        self.broken = broken
        self.writes = 0

    @property
    def length(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        if self.broken or offset + length > len(self.data):
            raise V4l2Error(EFAULT)
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        if self.broken or offset + len(data) > len(self.data):
            raise V4l2Error(EFAULT)
        self.data[offset : offset + len(data)] = data
        self.writes += 1


class Query(NamedTuple):
    """A v4l2_query_ext_ctrl."""

    id: int
    type: int
    name: bytes
    minimum: int
    maximum: int
    step: int
    default: int
    flags: int
    elem_size: int
    elems: int
    nr_of_dims: int
    dims: tuple[int, ...]


class Event(NamedTuple):
    """A control event, with the session it came from."""

    originator: int | None
    cid: int
    changes: int
    value: int
    flags: int
    range: tuple[int, int, int, int]


@dataclass(slots=True)
class Item:
    """One v4l2_ext_control of a batch; `payload` also gives the size unless that is told."""

    cid: int
    value: int = 0
    payload: Payload | None = None
    size: int | None = None

    def pack(self) -> bytes:
        size = self.size
        if size is None:
            size = 0 if self.payload is None else self.payload.length
        return EXT_CONTROL.pack(self.cid, size, self.value)


@dataclass(slots=True)
class Answer:
    """What came of a batch: errno 0 for success, `values` and `sizes` as the guest has them."""

    errno: int
    error_idx: int
    which: int
    values: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    arg: bytes = b""


class ControlGuest:
    """A handler, the guest that calls it, and the source and event sink behind it."""

    def __init__(self, *specs: "ControlSpec") -> None:
        self.applied: list[tuple[int, ControlValue]] = []
        self.events: list[Event] = []
        self.readings: dict[int, ControlValue] = {}
        self.refusals: dict[int, int] = {}
        self.handler = ControlHandler(
            specs, on_change=self._apply, read_volatile=self._read, emit=self._emit
        )

    def call(self, number: int, arg: bytes) -> bytes:
        changed = bytearray(arg)
        handle(self.handler, number, SESSION, changed, ())
        return bytes(changed)

    def query(self, cid: int) -> Query:
        dirty = cid.to_bytes(4, "little") + b"\xff" * (QUERY_EXT_CTRL.size - 4)
        answer = self.call(VIDIOC_QUERY_EXT_CTRL, dirty)
        assert answer[-128:] == bytes(128)
        fields = list(QUERY_EXT_CTRL.unpack(answer))
        fields[2] = fields[2].rstrip(b"\0")
        return Query._make([*fields[:11], tuple(fields[11:])])

    def query_old(self, cid: int) -> tuple[int, ...]:
        """Id, type, minimum, maximum, step, default and flags of QUERYCTRL."""
        answer = self.call(VIDIOC_QUERYCTRL, cid.to_bytes(4, "little") + b"\xff" * 64)
        fields = QUERYCTRL.unpack(answer)
        return (*fields[:2], *fields[3:])

    def enumerate(self, flags: int) -> list[int]:
        """Follow the NEXT flags through to the end."""
        cids: list[int] = []
        cid = 0
        while True:
            try:
                cid = self.query(cid | flags).id
            except V4l2Error:
                return cids
            cids.append(cid)

    def menu_item(self, cid: int, index: int) -> bytes:
        answer = self.call(VIDIOC_QUERYMENU, QUERYMENU.pack(cid, index, b"")[:-4] + b"\xff" * 4)
        answered_cid, answered_index, union = QUERYMENU.unpack(answer)
        assert (answered_cid, answered_index, answer[-4:]) == (cid, index, bytes(4))
        name: bytes = union
        return name

    def get(self, cid: int) -> int:
        value: int = CONTROL.unpack(self.call(VIDIOC_G_CTRL, CONTROL.pack(cid, -1)))[1]
        return value

    def set(self, cid: int, value: int) -> int:
        """Set with S_CTRL; what the guest reads in its own structure afterwards."""
        answer: int = CONTROL.unpack(self.call(VIDIOC_S_CTRL, CONTROL.pack(cid, value)))[1]
        return answer

    def batch(self, number: int, *items: Item, which: int = 0, count: int | None = None) -> Answer:
        arg = bytearray(
            EXT_CONTROLS.pack(which, len(items), 0xDEAD, -1, ARRAY_POINTER)
            + b"".join(item.pack() for item in items)
        )
        if count is not None:
            arg[4:8] = count.to_bytes(4, "little")
        errno = 0
        try:
            handle(self.handler, number, SESSION, arg, [item.payload for item in items])
        except V4l2Error as error:
            errno = error.errno
        which, _count, error_idx, request_fd, pointer = EXT_CONTROLS.unpack_from(arg)
        assert (request_fd, pointer) == (-1, ARRAY_POINTER)
        answer = Answer(errno, error_idx, which, arg=bytes(arg))
        for index in range(len(items)):
            _cid, size, value = EXT_CONTROL.unpack_from(arg, EXT_CONTROLS.size + index * 20)
            answer.sizes.append(size)
            answer.values.append(value)
        return answer

    def get_text(self, cid: int, size: int = 64) -> bytes:
        payload = Payload(b"\xee" * size)
        assert self.batch(GET, Item(cid, payload=payload)).errno == 0
        return bytes(payload.data).partition(b"\0")[0]

    def set_payload(self, cid: int, data: bytes, size: int | None = None) -> Answer:
        return self.batch(SET, Item(cid, payload=Payload(data), size=size))

    def values(self) -> dict[int, "ControlValue | None"]:
        return {state.cid: state.value for state in self.handler.snapshot()}

    def _apply(self, cid: int, value: "ControlValue") -> None:
        if cid in self.refusals:
            raise V4l2Error(self.refusals[cid], "the source refuses")
        self.applied.append((cid, value))

    def _read(self, cid: int) -> "ControlValue":
        return self.readings[cid]

    def _emit(self, originator: int | None, event: bytes) -> None:
        kind, union, pending, sequence, seconds, nanoseconds, cid = EVENT.unpack(event)
        assert (len(event), kind) == (136, 3)
        assert (pending, sequence, seconds, nanoseconds) == (0, 0, 0, 0)
        changes, _type, value, flags, *bounds = EVENT_CTRL.unpack_from(union)
        low, high, step, default = bounds
        self.events.append(
            Event(originator, cid, changes, value, flags, (low, high, step, default))
        )
