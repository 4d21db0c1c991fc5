"""What can be answered although no bench runs: which backends there are."""

from difflib import get_close_matches
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

    known, name = backends(), values["backend"]
    if name not in known:
        near = get_close_matches(name, known, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise CommandFailedError(f"no backend {name!r}: {hint}", ExitCode.MISSING)
    return _row(known[name])


def _row(backend: Any) -> dict[str, Any]:
    import msgspec

    from vmedia_bench.control.server.backend_row import backend_row

    row: dict[str, Any] = msgspec.to_builtins(backend_row(backend, active=""))
    return row
