"""What each operation does, one module a noun."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vmedia_bench.control.server.handlers import (
    backends,
    bench,
    buffers,
    config,
    controls,
    faults,
    formats,
    frames,
    live,
    scenarios,
    sessions,
    trace,
)
from vmedia_bench.control.server.workbench import Workbench

_MODULES = (
    bench,
    sessions,
    buffers,
    formats,
    controls,
    config,
    backends,
    faults,
    scenarios,
    trace,
    frames,
    live,
)


def handlers_of(workbench: Workbench) -> Mapping[str, Callable[[Any], Any]]:
    """The handlers of all operations but live.subscribe, which each client has its own of."""
    return {
        method: partial(handler, workbench)
        for module in _MODULES
        for method, handler in module.HANDLERS.items()
    }
