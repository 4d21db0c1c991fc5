"""faults.*"""

from collections.abc import Callable
from typing import TypeVar

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.faults import (
    FaultAddParams,
    FaultList,
    FaultParams,
    FaultRow,
    InjectErrorParams,
    Preset,
    PresetList,
    PresetParams,
)
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.handlers.sessions import open_session
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.faults.entry import FaultState
from vmedia_bench.faults.errors import (
    CrashRefusedError,
    RuleError,
    SessionNotOpenError,
    UnknownFaultError,
    UnknownPresetError,
)
from vmedia_bench.faults.presets import PRESETS, preset_rule
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule

T = TypeVar("T")


def fault_rows(bench: Workbench) -> tuple[FaultRow, ...]:
    """All rules as they stand."""
    return tuple(_row(state) for state in bench.faults.states())


def _row(state: FaultState) -> FaultRow:
    return FaultRow(
        id=state.id,
        rule=state.rule,
        armed=state.armed,
        spent=state.spent,
        matched=state.matched,
        fired=state.fired,
        last_fired_ns=state.last_fired_ns,
        text=state.text,
        may_crash_guest=state.may_crash_guest,
    )


def _done(what: Callable[[], T]) -> T:
    """Do something with the engine; its refusals become errors."""
    try:
        return what()
    except RuleError as error:
        raise RpcError(ErrorCode.INVALID_PARAMS, str(error), {"field": "rule"}) from None
    except CrashRefusedError as error:
        raise RpcError(ErrorCode.REFUSED, str(error)) from None
    except SessionNotOpenError as error:
        raise RpcError(ErrorCode.NOT_FOUND, str(error), {"open": list(error.open)}) from None
    except UnknownPresetError as error:
        raise RpcError(ErrorCode.NOT_FOUND, str(error), {"known": list(PRESETS)}) from None
    except UnknownFaultError as error:
        raise RpcError(ErrorCode.NOT_FOUND, str(error), {"known": list(error.known)}) from None


def _list(bench: Workbench, _params: Nothing) -> FaultList:
    return FaultList(faults=fault_rows(bench))


def _add(bench: Workbench, params: FaultAddParams) -> FaultRow:
    return _row(_done(lambda: bench.faults.add(params.rule, params.may_crash_guest)))


def _remove(bench: Workbench, params: FaultParams) -> FaultList:
    _done(lambda: bench.faults.remove(params.id))
    return FaultList(faults=fault_rows(bench))


def _arm(bench: Workbench, params: FaultParams) -> FaultRow:
    return _row(_done(lambda: bench.faults.arm(params.id)))


def _disarm(bench: Workbench, params: FaultParams) -> FaultRow:
    return _row(_done(lambda: bench.faults.disarm(params.id)))


def _clear(bench: Workbench, _params: Nothing) -> FaultList:
    bench.faults.clear()
    return FaultList(faults=fault_rows(bench))


def _inject_error(bench: Workbench, params: InjectErrorParams) -> FaultRow:
    """A rule of its own, so that it stands in the list and in the trace like any other."""
    open_session(bench, params.session)
    rule = Rule(
        match=Match(on=On.NOW),
        action=Action(do=Do.SESSION_ERROR, session=params.session, errno=str(params.errno)),
        schedule=Schedule(count=1),
        name="inject-error",
    )
    return _row(_done(lambda: bench.faults.add(rule)))


def _presets(_bench: Workbench, _params: Nothing) -> PresetList:
    return PresetList(
        presets=tuple(
            Preset(name=preset.name, summary=preset.summary, rule=preset.rule)
            for preset in PRESETS.values()
        )
    )


def _use_preset(bench: Workbench, params: PresetParams) -> FaultRow:
    if params.session is not None:
        open_session(bench, params.session)
    rule = _done(lambda: preset_rule(params.preset, params.session, params.count))
    return _row(_done(lambda: bench.faults.add(rule, params.may_crash_guest)))


HANDLERS: Handlers = {
    "faults.list": _list,
    "faults.add": _add,
    "faults.remove": _remove,
    "faults.arm": _arm,
    "faults.disarm": _disarm,
    "faults.clear": _clear,
    "faults.inject_error": _inject_error,
    "faults.presets": _presets,
    "faults.use_preset": _use_preset,
}
