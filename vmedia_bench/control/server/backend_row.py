"""A backend of the registry, as operations show it."""

from collections.abc import Iterable
from difflib import get_close_matches

from vmedia_bench.backends import Backend
from vmedia_bench.control.operations.backends import BackendRow, DeviceRow, OptionRow


def backend_row(backend: Backend, active: str, *, devices: bool = False) -> BackendRow:
    """
    Describe one; `active` names the one at work. It imports and looks at files: not quick.

    With `devices`, those that it finds are opened and described too.
    """
    reason = backend.unusable()
    return BackendRow(
        name=backend.name,
        summary=backend.summary,
        kind=backend.kind,
        origin=backend.origin,
        usable=not reason,
        reason=reason,
        active=backend.name == active,
        options=tuple(
            OptionRow(
                name=option.name,
                type=option.type,
                default=option.default,
                help=option.help,
                choices=option.choices,
                required=option.required,
            )
            for option in backend.options()
        ),
        devices=tuple(
            DeviceRow(
                path=found.path,
                card=found.card,
                driver=found.driver,
                bus=found.bus,
                kind=found.kind if found.capabilities else "",
                problem=found.problem,
            )
            for found in (backend.devices() if devices else ())
        ),
    )


def no_such_backend(name: str, known: Iterable[str]) -> str:
    """Say in a line that there is no such backend, and which ones there are."""
    known = list(known)
    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
    return f"no backend {name[:80]!r}: {hint}"
