"""A backend of the registry, as operations show it."""

from vmedia_bench.backends import Backend
from vmedia_bench.control.operations.backends import BackendRow, OptionRow


def backend_row(backend: Backend, active: str) -> BackendRow:
    """Describe one; `active` names the one at work. It imports and looks at files: not quick."""
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
    )
