"""Which plugins are installed: what their packages announce, with nothing of them imported."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)

ENTRY_POINTS: Final = "vmedia_bench.backends"
"""The entry-point group; a plugin's name there is the backend's name."""


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as its package announces it: `path` is "module:name", `origin` who brought it."""

    name: str
    path: str
    origin: str


def find_plugins(taken: frozenset[str] = frozenset()) -> list[PluginEntry]:
    """List what installed packages announce, by name; one whose name is `taken` is left out."""
    # Plugins import this module for its name of the group, and each in a process of its own.
    from importlib.metadata import entry_points

    found: dict[str, PluginEntry] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        entry = PluginEntry(point.name, point.value.partition("[")[0].strip(), _origin(point))
        if point.name in taken:
            _tell(entry, "vmedia-bench itself")
        elif found.setdefault(point.name, entry) != entry:
            _tell(entry, found[point.name].origin)
    return list(found.values())


@cache
def _tell(entry: PluginEntry, first: str) -> None:
    log.info("%s brings a backend %r, and so does %s", entry.origin, entry.name, first)


def _origin(point: EntryPoint) -> str:
    distribution = point.dist
    return f"{distribution.name} {distribution.version}" if distribution else "unknown package"
