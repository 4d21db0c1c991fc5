"""The controls of a device that is passed through: asked for as a program asks."""

from collections.abc import Sequence
from errno import EACCES, EINVAL, ENOTTY

from vmedia_bench.control.server.enquiry import LONGEST_ENUMERATION, Ask, asking
from vmedia_bench.v4l2.control_spec import MenuItem
from vmedia_bench.v4l2.controls import ControlState
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import Node
from vmedia_bench.v4l2.source import ControlValue
from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

_NEXT = int(CtrlFlag.NEXT_CTRL | CtrlFlag.NEXT_COMPOUND)
_HAS_PAYLOAD = int(CtrlFlag.HAS_PAYLOAD)
_DISABLED, _WRITE_ONLY = int(CtrlFlag.DISABLED), int(CtrlFlag.WRITE_ONLY)
_STRING, _WIDE = int(CtrlType.STRING), int(CtrlType.INTEGER64)
_MENU, _INTEGER_MENU = int(CtrlType.MENU), int(CtrlType.INTEGER_MENU)
_VALUELESS = frozenset((int(CtrlType.BUTTON), int(CtrlType.CTRL_CLASS)))
_LONGEST_MENU = 256


class Payload:
    """A control's block of memory; satisfies GuestBuffer."""

    def __init__(self, data: bytes) -> None:
        self.bytes = bytearray(data)
        self.length = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Copy `length` bytes out."""
        return bytes(self.bytes[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` in."""
        self.bytes[offset : offset + len(data)] = data


class AskedDesk:
    """The controls of any node, by its ioctls; those that nobody may set stay as they are."""

    def __init__(self, node: Node, session: int | None) -> None:
        self._node = node
        self._session = session

    async def states(self) -> Sequence[ControlState]:
        """All controls, class titles included."""
        found: list[ControlState] = []
        async with asking(self._node, self._session) as ask:
            last = 0
            while len(found) < LONGEST_ENUMERATION:
                try:
                    fields = await _query(ask, last | _NEXT)
                except V4l2Error as error:
                    if error.errno in {EINVAL, ENOTTY}:
                        break
                    raise
                last = fields[0]
                if not fields[8] & _DISABLED:
                    found.append(await _state(ask, fields))
        return found

    async def set(self, cid: int, value: ControlValue) -> None:
        """Set one, as a program would; V4l2Error when it cannot be."""
        async with asking(self._node, self._session) as ask:
            if isinstance(value, int):
                await ask(ioctls.VIDIOC_S_EXT_CTRLS, _batch(cid, 0, value))
                return
            block = value.encode() + b"\0" if isinstance(value, str) else value
            arg = _batch(cid, len(block), 0)
            await ask(ioctls.VIDIOC_S_EXT_CTRLS, arg, [Payload(block)])


def _batch(cid: int, size: int, value: int) -> bytes:
    return structs.EXT_CONTROLS.pack(0, 1, 0, 0, 0) + structs.EXT_CONTROL.pack(cid, size, value)


async def _query(ask: Ask, cid: int) -> tuple[int, ...]:
    size = structs.QUERY_EXT_CTRL.size
    asked = structs.U32.pack(cid).ljust(size, b"\0")
    return structs.QUERY_EXT_CTRL.unpack(await ask(ioctls.VIDIOC_QUERY_EXT_CTRL, asked))


async def _state(ask: Ask, fields: tuple[int, ...]) -> ControlState:
    cid, kind, name, minimum, maximum, step, default, flags, size, elems, dimensions, *dims = fields
    return ControlState(
        cid=cid,
        name=bytes(name).split(b"\0", 1)[0].decode("utf-8", "replace"),
        type=kind,
        minimum=minimum,
        maximum=maximum,
        step=step,
        default=default,
        flags=flags,
        items=await _items(ask, cid, kind, maximum),
        dims=tuple(dims[: min(dimensions, 4)]),
        value=await _value(ask, cid, kind, flags, size * max(elems, 1)),
    )


async def _items(ask: Ask, cid: int, kind: int, maximum: int) -> tuple[MenuItem, ...]:
    if kind not in {_MENU, _INTEGER_MENU}:
        return ()
    items: list[MenuItem] = []
    for index in range(min(maximum, _LONGEST_MENU) + 1):
        try:
            asked = structs.QUERYMENU.pack(cid, index, b"")
            union = structs.QUERYMENU.unpack(await ask(ioctls.VIDIOC_QUERYMENU, asked))[2]
        except V4l2Error:
            items.append(None)
            continue
        if kind == _INTEGER_MENU:
            items.append(int.from_bytes(union[:8], "little", signed=True))
        else:
            items.append(union.split(b"\0", 1)[0].decode("utf-8", "replace"))
    return tuple(items)


async def _value(ask: Ask, cid: int, kind: int, flags: int, size: int) -> ControlValue | None:
    if kind in _VALUELESS or flags & _WRITE_ONLY:
        return None
    block = kind == _STRING or flags & _HAS_PAYLOAD
    payload = Payload(bytes(size))
    arg = _batch(cid, size if block else 0, 0)
    try:
        answer = await ask(ioctls.VIDIOC_G_EXT_CTRLS, arg, [payload if block else None])
    except V4l2Error as error:
        if error.errno == EACCES:
            return None
        raise
    if kind == _STRING:
        return bytes(payload.bytes).split(b"\0", 1)[0].decode("utf-8", "replace")
    if block:
        return bytes(payload.bytes)
    (value,) = structs.EXT_CONTROL.unpack_from(answer, structs.EXT_CONTROLS.size)[2:]
    if kind == _WIDE:
        return int(value)
    low = value & 0xFFFFFFFF
    return int(low - ((low & 0x80000000) << 1))
