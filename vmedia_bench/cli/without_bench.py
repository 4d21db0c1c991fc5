"""What can be answered although no bench runs: which backends there are."""

from typing import Any

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError


def backends_list(_values: dict[str, Any]) -> dict[str, Any]:
    """The result of backends.list, with none of them at work."""
    from vmedia_bench.backends import backends

    return {"backends": [_row(backend) for backend in backends().values()]}


def backend_show(values: dict[str, Any]) -> dict[str, Any]:
    """The result of backends.show."""
    from vmedia_bench.backends import backends
    from vmedia_bench.control.server.backend_row import no_such_backend

    known, name = backends(), values["backend"]
    if name not in known:
        raise CommandFailedError(no_such_backend(name, known), ExitCode.MISSING)
    return _row(known[name], devices=True)


def _row(backend: Any, *, devices: bool = False) -> dict[str, Any]:
    import msgspec

    from vmedia_bench.control.server.backend_row import backend_row

    row: dict[str, Any] = msgspec.to_builtins(backend_row(backend, active="", devices=devices))
    return row
