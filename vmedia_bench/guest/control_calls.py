"""
Typed helpers of a session: controls, menus and events about them.

As the Linux driver of kernels from 6.15 on does it: QUERY_EXT_CTRL, QUERYMENU and the
EXT_CTRLS ioctls, never the old-style ones (V4L2 UAPI, "VIDIOC_G_EXT_CTRLS").
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vmedia_bench.guest.caller import ENUMERATION_LIMIT, Caller
from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.format_calls import text
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

CONTROLS_SIZE = structs.EXT_CONTROLS.size
CONTROL_SIZE = structs.EXT_CONTROL.size
# What a program's array of controls would be at; the device must give it back untouched.
CONTROLS_POINTER = 0x7FFC_1000_2000
PAYLOAD_POINTER = 0x7FFC_3000_4000

_NEXT = CtrlFlag.NEXT_CTRL.value | CtrlFlag.NEXT_COMPOUND.value
_HAS_PAYLOAD = CtrlFlag.HAS_PAYLOAD.value
_DISABLED = CtrlFlag.DISABLED.value
_INTEGER_MENU = CtrlType.INTEGER_MENU.value
_MENUS = frozenset((CtrlType.MENU.value, _INTEGER_MENU))
_STRING = CtrlType.STRING.value

ControlValue = int | str | bytes


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One answer of QUERYMENU: a name, or for an integer menu its number as text."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class ControlInfo:
    """One answer of QUERY_EXT_CTRL, with its menu; `elem_size` in bytes."""

    id: int
    type: int
    name: str
    minimum: int
    maximum: int
    step: int
    default: int
    flags: int
    elem_size: int
    elems: int
    dims: tuple[int, ...]
    menu: tuple[MenuItem, ...] = ()

    @property
    def has_payload(self) -> bool:
        """Whether its value is a block of memory (a string, an array, a structure)."""
        return bool(self.flags & _HAS_PAYLOAD) or self.type == _STRING

    @property
    def payload_size(self) -> int:
        """Bytes of that block."""
        return self.elem_size * max(self.elems, 1)


class ControlCalls(Caller):
    """What a program asks about controls."""

    def controls(self, *, menus: bool = True) -> Iterator[ControlInfo]:
        """
        All controls and control classes by QUERY_EXT_CTRL with the NEXT flags, in ID order.

        Raises GuestError when the device's answers do not ascend, as that would never end.
        """
        last = 0
        for _ in range(ENUMERATION_LIMIT):
            data = self.ask("QUERY_EXT_CTRL", _query(last | _NEXT))
            if data is None:
                return
            info = _info(data)
            if info.id <= last:
                raise GuestError(f"QUERY_EXT_CTRL answered {info.id:#x} as the next of {last:#x}")
            last = info.id
            yield self._with_menu(info) if menus else info

    def control_info(self, cid: int, *, menus: bool = False) -> ControlInfo:
        """QUERY_EXT_CTRL of one control. Raises GuestIoctlError."""
        info = _info(self.ioctl("QUERY_EXT_CTRL", _query(cid)))
        return self._with_menu(info) if menus else info

    def _with_menu(self, info: ControlInfo) -> ControlInfo:
        if info.type not in _MENUS or info.flags & _DISABLED:
            return info
        items = []
        for index in range(max(info.minimum, 0), min(info.maximum, ENUMERATION_LIMIT) + 1):
            # A menu may have holes.
            data = self.ask("QUERYMENU", structs.QUERYMENU.pack(info.id, index, b""))
            if data is not None:
                _, _, name = structs.QUERYMENU.unpack_from(data)
                number = str(int.from_bytes(name[:8], "little", signed=True))
                items.append(MenuItem(index, number if info.type == _INTEGER_MENU else text(name)))
        return ControlInfo(
            info.id,
            info.type,
            info.name,
            info.minimum,
            info.maximum,
            info.step,
            info.default,
            info.flags,
            info.elem_size,
            info.elems,
            info.dims,
            tuple(items),
        )

    def get_control(self, control: int | ControlInfo, which: int = 0) -> ControlValue:
        """
        G_EXT_CTRLS of one control: int, str for a string, bytes for any other block.

        `which` 0 asks for the current value. Raises GuestIoctlError.
        """
        info = self.control_info(control) if isinstance(control, int) else control
        if not info.has_payload:
            data = self.ioctl("G_EXT_CTRLS", pack_controls([(info.id, 0, 0)], which))
            (value,) = structs.EXT_CONTROL.unpack_from(data, CONTROLS_SIZE)[2:]
            # The value of a 32-bit control fills half of the union.
            is_wide = info.type == CtrlType.INTEGER64
            low = value & 0xFFFFFFFF
            return int(value) if is_wide else low - ((low & 0x80000000) << 1)
        block = self._payload_call("G_EXT_CTRLS", info, bytes(info.payload_size), which)
        return text(block) if info.type == _STRING else block

    def set_control(self, control: int | ControlInfo, value: ControlValue) -> ControlValue:
        """S_EXT_CTRLS of one control; returns the value the device set. Raises GuestIoctlError."""
        info = self.control_info(control) if isinstance(control, int) else control
        if isinstance(value, int):
            data = self.ioctl("S_EXT_CTRLS", pack_controls([(info.id, 0, value)]))
            (got,) = structs.EXT_CONTROL.unpack_from(data, CONTROLS_SIZE)[2:]
            is_wide = info.type == CtrlType.INTEGER64
            low = got & 0xFFFFFFFF
            return int(got) if is_wide else low - ((low & 0x80000000) << 1)
        if isinstance(value, str):
            value = value.encode() + b"\0"
        block = self._payload_call("S_EXT_CTRLS", info, value, 0)
        return text(block) if info.type == _STRING else block

    def _payload_call(self, request: str, info: ControlInfo, block: bytes, which: int) -> bytes:
        """Run an ioctl on one control whose value lies in guest memory; returns that memory."""
        address = self.ram.allocate(len(block), 8)
        memory = self.ram.at(address, len(block))
        try:
            memory[:] = block
            asked = pack_controls([(info.id, len(block), PAYLOAD_POINTER)], which)
            self.ioctl(request, asked, [[(address, len(block))]])
            return bytes(memory)
        finally:
            self.ram.free(address)

    def subscribe(self, event_type: int, event_id: int = 0, flags: int = 0) -> None:
        """SUBSCRIBE_EVENT. Raises GuestIoctlError."""
        subscription = structs.EVENT_SUBSCRIPTION.pack(event_type, event_id, flags)
        self.ioctl("SUBSCRIBE_EVENT", subscription)

    def unsubscribe(self, event_type: int, event_id: int = 0) -> None:
        """UNSUBSCRIBE_EVENT. Raises GuestIoctlError."""
        self.ioctl("UNSUBSCRIBE_EVENT", structs.EVENT_SUBSCRIPTION.pack(event_type, event_id, 0))


def pack_controls(controls: list[tuple[int, int, int]], which: int = 0) -> bytes:
    """v4l2_ext_controls and its array; each control is ID, size of its block, value or pointer."""
    head = structs.EXT_CONTROLS.pack(which, len(controls), 0, 0, CONTROLS_POINTER)
    return head + b"".join(structs.EXT_CONTROL.pack(*control) for control in controls)


def _query(cid: int) -> bytes:
    return cid.to_bytes(4, "little") + bytes(structs.QUERY_EXT_CTRL.size - 4)


def _info(data: bytes) -> ControlInfo:
    cid, kind, name, *rest = structs.QUERY_EXT_CTRL.unpack_from(data)
    minimum, maximum, step, default, flags, elem_size, elems, dimensions, *dims = rest
    return ControlInfo(
        cid,
        kind,
        text(name),
        minimum,
        maximum,
        step,
        default,
        flags,
        elem_size,
        elems,
        tuple(dims[: min(dimensions, 4)]),
    )
