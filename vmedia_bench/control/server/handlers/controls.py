"""controls.*"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from vmedia_bench.control.operations.controls import (
    ControlChangeParams,
    ControlList,
    ControlListParams,
    ControlParams,
    ControlSetParams,
    ControlState,
    MenuItem,
)
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.control_desk import Desk, EmulatedDesk, desk_of
from vmedia_bench.control.server.control_values import shown, wanted
from vmedia_bench.control.server.handlers.sessions import open_session
from vmedia_bench.control.server.spelling import flag_names, name_of
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.v4l2 import controls as v4l2
from vmedia_bench.wire.controls import cid_name
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

_NOT_IN_A_KEY = re.compile(r"[^a-z0-9]+")
_TITLE = int(CtrlType.CTRL_CLASS)
_PREFIX = "V4L2_CID_"


async def control_states(bench: Workbench, session: int | None = None) -> tuple[ControlState, ...]:
    """All controls, class titles left out."""
    return tuple(control_state(each) for each in await _controls(_desk(bench, session)))


def control_state(state: v4l2.ControlState) -> ControlState:
    """One control as the control API has it."""
    return ControlState(
        id=state.cid,
        name=state.name,
        key=_key(state.name),
        type=name_of(CtrlType, state.type),
        minimum=state.minimum,
        maximum=state.maximum,
        step=state.step,
        default=state.default,
        value=shown(state.value),
        flags=flag_names(CtrlFlag, state.flags),
        menu=tuple(
            MenuItem(index=index, name=str(item))
            for index, item in enumerate(state.items)
            if item is not None and state.minimum <= index <= state.maximum
        ),
    )


async def _list(bench: Workbench, params: ControlListParams) -> ControlList:
    return ControlList(controls=await control_states(bench, params.session))


async def _get(bench: Workbench, params: ControlParams) -> ControlState:
    return control_state(await _find(_desk(bench, params.session), str(params.control)))


async def _set(bench: Workbench, params: ControlSetParams) -> ControlState:
    desk = _desk(bench, params.session)
    control = await _find(desk, str(params.control))
    await desk.set(control.cid, wanted(control, params.value))
    return control_state(await _find(desk, f"{control.cid}"))


async def _change(bench: Workbench, params: ControlChangeParams) -> ControlState:
    desk = _desk(bench, params.session)
    control = await _find(desk, str(params.control))
    if not isinstance(desk, EmulatedDesk):
        raise RpcError(
            ErrorCode.REFUSED, "a device that is passed through says itself what its controls are"
        )
    limits = (params.minimum, params.maximum, params.step, params.default)
    try:
        desk.change(control, limits, params.grabbed, params.inactive)
    except ValueError as error:
        raise RpcError(ErrorCode.INVALID_PARAMS, str(error)) from error
    return control_state(await _find(desk, f"{control.cid}"))


def _desk(bench: Workbench, session: int | None) -> Desk:
    if session is not None:
        open_session(bench, session)
    desk = desk_of(bench.device.node, session)
    if desk is None:
        raise RpcError(
            ErrorCode.INVALID_PARAMS,
            "session: on this device each session has controls of its own: name one",
            {"field": "session"},
        )
    return desk


async def _controls(desk: Desk) -> list[v4l2.ControlState]:
    return [state for state in await desk.states() if state.type != _TITLE]


async def _find(desk: Desk, text: str) -> v4l2.ControlState:
    """Find a control by key, name, V4L2_CID_ name or ID."""
    states = await _controls(desk)
    number = _as_number(text)
    named = _key(text)
    cid = text.upper().removeprefix(_PREFIX)
    for state in states:
        if state.cid == number or _key(state.name) == named or cid_name(state.cid) == cid:
            return state
    raise _unknown(text, [_key(state.name) for state in states])


def _unknown(text: str, known: Sequence[str]) -> RpcError:
    near = get_close_matches(_key(text), known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known) or 'none'}"
    return RpcError(
        ErrorCode.NOT_FOUND, f"no control {text[:80]!r}: {hint}", {"known": list(known)}
    )


def _as_number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _key(name: str) -> str:
    """A control's name in commands, as v4l2-ctl makes it."""
    return _NOT_IN_A_KEY.sub("_", name.lower()).strip("_")


HANDLERS: Handlers = {
    "controls.list": _list,
    "controls.get": _get,
    "controls.set": _set,
    "controls.change": _change,
}
