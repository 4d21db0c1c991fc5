"""backends.*"""

import asyncio

from vmedia_bench.backends import Backend, backends
from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.backends import (
    BackendList,
    BackendParams,
    BackendRow,
    BackendSwitch,
    BackendUseParams,
)
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.backend_row import backend_row, no_such_backend
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.device.switching import Switch, SwitchRefusedError, switch
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import NodeMaker


async def _list(bench: Workbench, _params: Nothing) -> BackendList:
    return BackendList(backends=await asyncio.to_thread(_rows, bench))


async def _show(bench: Workbench, params: BackendParams) -> BackendRow:
    backend = await _find(params.backend)
    return await asyncio.to_thread(backend_row, backend, bench.backend, devices=True)


async def _use(bench: Workbench, params: BackendUseParams) -> BackendSwitch:
    # A client that leaves meanwhile must not leave a source that nobody lets go of.
    return await asyncio.shield(_change(bench, params))


async def _change(bench: Workbench, params: BackendUseParams) -> BackendSwitch:
    if bench.switching.locked():
        raise RpcError(ErrorCode.REFUSED, "the backend is being changed already")
    async with bench.switching:
        backend = await _find(params.backend)
        maker = await _build(backend, params)
        done = _switch(bench, params, maker)
    if not params.dry_run:
        bench.backend = backend.name
    return BackendSwitch(
        backend=backend.name,
        card=done.card,
        mode=params.mode,
        sessions_kept=done.sessions_kept,
        sessions_ended=done.sessions_ended,
        config_changed=done.config_changed,
        obstacles=done.obstacles,
    )


def _rows(bench: Workbench) -> tuple[BackendRow, ...]:
    """In a thread: what has to be imported is, and files are looked at."""
    return tuple(backend_row(backend, bench.backend) for backend in backends().values())


async def _find(name: str) -> Backend:
    known = await asyncio.to_thread(backends)
    backend = known.get(name)
    if backend is not None:
        return backend
    raise RpcError(ErrorCode.NOT_FOUND, no_such_backend(name, known), {"known": list(known)})


async def _build(backend: Backend, params: BackendUseParams) -> NodeMaker:
    reason = await asyncio.to_thread(backend.hindrance)
    if reason:
        raise _unusable(backend, reason)
    try:
        return await asyncio.to_thread(backend.build_from_text, params.options)
    except (ValueError, TypeError) as error:
        raise RpcError(
            ErrorCode.INVALID_PARAMS, f"options: {error}", {"field": "options"}
        ) from None
    except FileNotFoundError as error:
        raise RpcError(ErrorCode.NOT_FOUND, f"{backend.name}: {error}") from None
    except OSError as problem:
        raise _unusable(backend, str(problem)) from None


def _switch(bench: Workbench, params: BackendUseParams, maker: NodeMaker) -> Switch:
    try:
        return switch(bench.device, maker, params.mode.value, dry_run=params.dry_run)
    except SwitchRefusedError as error:
        raise RpcError(ErrorCode.REFUSED, str(error), {"open": list(error.sessions)}) from None
    except (OSError, ValueError, V4l2Error) as error:
        raise RpcError(ErrorCode.UNUSABLE, f"{params.backend} cannot start: {error}") from None


def _unusable(backend: Backend, reason: str) -> RpcError:
    return RpcError(ErrorCode.UNUSABLE, f"{backend.name} cannot run here: {reason}")


HANDLERS: Handlers = {
    "backends.list": _list,
    "backends.show": _show,
    "backends.use": _use,
}
