"""The actions whose keys can be changed."""

from collections.abc import Iterator

from textual.binding import Binding, BindingType

from vmedia_bench.tui.app import Workbench
from vmedia_bench.tui.panes.catalog import PANES
from vmedia_bench.tui.panes.trace_pane import TracePane
from vmedia_bench.tui.widgets.trace_table import TraceTable


def known_actions() -> dict[str, tuple[str, str]]:
    """Each action's ID with its keys and what it does."""
    return {
        binding.id: (binding.key, binding.description)
        for binding in _bindings()
        if binding.id is not None
    }


def _bindings() -> Iterator[Binding]:
    for kind in (Workbench, *PANES, TracePane, TraceTable):
        declared: list[BindingType] = kind.__dict__.get("BINDINGS", [])
        yield from (binding for binding in declared if isinstance(binding, Binding))
