"""From a method's name and parameters to its handler, and from whatever goes wrong to an error."""

import inspect
import logging
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from vmedia_bench.control.operation import Danger, Operation
from vmedia_bench.control.registry import operations
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.params import decode_params
from vmedia_bench.v4l2.errors import V4l2Error

log = logging.getLogger(__name__)

Handler = Callable[[Any], Any]
"""Takes an operation's params; gives its result, a WithFd, or an awaitable of either."""


_END_WITH_THEIR_CLIENT = frozenset(("scenarios.run",))
"""They may go on for long, and somebody has pressed Ctrl-C."""


class WithFd(NamedTuple):
    """A result that a file descriptor travels beside; the fd is closed once it is sent."""

    result: Any
    fd: int


class Dispatcher:
    """Calls handlers by method name. `handlers` has one for each operation it serves."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._operations = {each.name: each for each in operations()}
        self._handlers = handlers

    def call(self, method: str, params: Mapping[str, Any], own: Mapping[str, Handler]) -> Any:
        """
        Run a method; its result, or an awaitable of it. `own` are handlers of one client's.

        RpcError, whatever happens.
        """
        operation, handler = self._find(method, own)
        typed = decode_params(operation.params, params)
        try:
            result = handler(typed)
        except Exception as error:
            raise as_rpc_error(method, error) from error
        return self._awaited(method, result) if inspect.isawaitable(result) else result

    async def run(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Run a method for a part of the bench itself; its result as JSON would have it."""
        result = self.call(method, params, {})
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, WithFd):
            raise RpcError(ErrorCode.REFUSED, f"{method} passes a file descriptor: not from here")
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(result))
        return plain

    def passes_fd(self, method: str) -> bool:
        """Whether the operation of that name passes a file descriptor."""
        operation = self._operations.get(method)
        return operation is not None and operation.passes_fd

    def outlives_its_client(self, method: str) -> bool:
        """Whether a call goes on when who made it has gone: those that only look or wait end."""
        operation = self._operations.get(method)
        changes = operation is not None and operation.danger is not Danger.NONE
        return changes and method not in _END_WITH_THEIR_CLIENT

    def _find(self, method: str, own: Mapping[str, Handler]) -> tuple[Operation, Handler]:
        operation = self._operations.get(method)
        handler = own.get(method) or self._handlers.get(method)
        if operation is None or handler is None:
            near = get_close_matches(method, self._operations, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            # A name can be a megabyte long.
            shown = method if len(method) <= 80 else f"{method[:80]}..."
            raise RpcError(
                ErrorCode.METHOD_NOT_FOUND, f"there is no method {shown!r}{hint}", {"near": near}
            )
        return operation, handler

    @staticmethod
    async def _awaited(method: str, result: Any) -> Any:
        try:
            return await result
        except Exception as error:
            raise as_rpc_error(method, error) from error


def as_rpc_error(method: str, error: Exception) -> RpcError:
    """Give the error to answer with; what nobody expected is logged."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, V4l2Error):
        return RpcError(ErrorCode.FAILED, str(error), {"errno": error.errno})
    log.error("%s failed", method, exc_info=error)
    return RpcError(
        ErrorCode.INTERNAL_ERROR, f"{method} failed in the bench: {error!r} (its log has more)"
    )
