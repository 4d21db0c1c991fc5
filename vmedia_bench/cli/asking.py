"""Asking a bench: its errors become a line on stderr and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError

if TYPE_CHECKING:
    from vmedia_bench.cli.fast import Read
    from vmedia_bench.cli.plain import Plain
    from vmedia_bench.control.client import Client

_INVALID_PARAMS = -32602
_NOT_FOUND, _REFUSED, _TIMEOUT, _UNUSABLE = 1, 2, 3, 4
_CODES = {
    _INVALID_PARAMS: ExitCode.USAGE,
    _NOT_FOUND: ExitCode.MISSING,
    _REFUSED: ExitCode.REFUSED,
    _TIMEOUT: ExitCode.TIMEOUT,
    _UNUSABLE: ExitCode.MISSING,
}
"""Codes of vmedia_bench.control.rpc.ErrorCode; any other is FAILURE."""


class NoBenchError(CommandFailedError):
    """No bench runs, or none of that name."""


@contextmanager
def connected(bench: str | None) -> "Iterator[Client]":
    """A client of that bench (the only one that runs, for None); errors end the command."""
    from vmedia_bench.control import client as api

    try:
        with api.Client.connect(bench) as client:
            yield client
    except api.SeveralBenchesError as error:
        raise CommandFailedError(str(error), ExitCode.USAGE) from error
    except api.OperationFailedError as error:
        code = _CODES.get(error.code, ExitCode.FAILURE)
        raise CommandFailedError(error.message, code) from error
    except api.BenchNotFoundError as error:
        raise NoBenchError(str(error), ExitCode.UNREACHABLE) from error
    except api.NotABenchError as error:
        raise CommandFailedError(str(error), ExitCode.PROTOCOL) from error
    except api.BenchError as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error


def ask(
    bench: str | None, method: str, params: dict[str, Any], *, patient: bool = False
) -> dict[str, Any]:
    """The result of one operation; `patient`: however long it takes."""
    with connected(bench) as client:
        if patient:
            client.answer_limit_s = None
        result: dict[str, Any] = client.call(method, **params)
        return result


def name_and_socket(bench: str | None) -> tuple[str, Path]:
    """A bench's name, and where a VM reaches it; of the one to come, where it does not run.

    CommandFailedError(USAGE) where several run and none was named, and where one has no path.
    """
    from vmedia_bench.cli.arguments import bench_name, default_name
    from vmedia_bench.control.names import vm_socket

    try:
        status = ask(bench, "bench.status", {})
    except CommandFailedError as error:
        if error.code is ExitCode.USAGE or "/" in (bench or ""):
            raise
        name = bench or default_name()
        return name, vm_socket(bench_name(name))
    name, path = status["name"], Path(status["socket"])
    if not path.is_absolute():
        raise CommandFailedError(
            f"{name} listens on {path}: give a path with --socket", ExitCode.USAGE
        )
    return name, path


def answer(
    command: "Plain", values: dict[str, Any], *, bench: str | None, form: str, quiet: bool
) -> None:
    """Ask what a command asks, and print it."""
    from vmedia_bench.cli.output import show

    try:
        result = ask(bench, command.operation, values)
    except NoBenchError:
        if not command.alone or bench is not None:
            raise
        result = _alone(command.alone, values)
    show(command, result, form, quiet)


def _alone(name: str, values: dict[str, Any]) -> dict[str, Any]:
    from vmedia_bench.cli import without_bench

    result: dict[str, Any] = getattr(without_bench, name)(values)
    return result


def answer_read(read: "Read") -> int:
    """Answer a plain read."""
    answer(read.command, read.values, bench=read.bench, form=read.form, quiet=read.quiet)
    return ExitCode.OK
