"""
Backends that other packages bring.

Each plugin is asked what it is in a process of its own, with a time limit. One that cannot be
loaded, blocks or dies is an entry that says so; it never takes anybody along.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vmedia_bench.backends import Backend
from vmedia_bench.backends.options import Option
from vmedia_bench.backends.plugin_entries import PluginEntry
from vmedia_bench.backends.plugin_loading import Described, Opening, Unloadable
from vmedia_bench.backends.worker.messages import decoder
from vmedia_bench.backends.worker.process import Worker, WorkerError
from vmedia_bench.v4l2.ports import NodeMaker

log = logging.getLogger(__name__)

DESCRIBE_LIMIT_S: Final = 5.0
"""How long a plugin may take to say what it is."""

_AT_ONCE: Final = 4
_ASK_AGAIN_AFTER_S: Final = 2.0
_LOADS_IN: Final = "vmedia_bench.backends.plugin_loading:describe_in_child"
_OPENS_IN: Final = "vmedia_bench.backends.plugin_loading:open_plugin"
_words = decoder(Described | Unloadable)


@dataclass(frozen=True, slots=True)
class PluginBackend(Backend):
    """A plugin in the registry. `described` is None where it could not say what it is."""

    described: Described | None = None
    reason: str = ""

    def options_type(self) -> type[Any]:
        """Import the plugin here, in this process, for its options dataclass."""
        from vmedia_bench.backends.plugin_loading import load_plugin

        return load_plugin(self.source_path).describe().options

    def options(self) -> tuple[Option, ...]:
        """List what can be set, as the plugin has said."""
        return tuple(self.described.options) if self.described else ()

    def unusable(self) -> str:
        """Say in one line why it cannot be loaded or run; "" when it can."""
        return self.reason

    def build(self, **values: object) -> NodeMaker:
        """Open it, by default in a process of its own; raises as Backend.build."""
        return self._open(values, are_texts=False)

    def build_from_text(self, text: Mapping[str, str]) -> NodeMaker:
        """As `build`, from texts that the plugin's own process reads."""
        return self._open(text, are_texts=True)

    def _open(self, values: Mapping[str, object], *, are_texts: bool) -> NodeMaker:
        if self.described is None:
            raise WorkerError(self.reason)
        opening = Opening(self.source_path, dict(values), are_texts)
        if self.described.isolated:
            from vmedia_bench.backends.worker.source import WorkerSource

            try:
                return WorkerSource(_OPENS_IN, opening, name=self.name)
            except WorkerError as error:
                raise WorkerError(str(error).removeprefix(f"{self.name}: ")) from error
        from vmedia_bench.backends.plugin_loading import open_plugin

        return open_plugin(opening)


# What plugins have said; one that cannot run is asked again, as that may have changed.
_known: dict[PluginEntry, tuple[float, PluginBackend]] = {}


def plugin_backends(entries: Sequence[PluginEntry]) -> dict[str, Backend]:
    """Give the backends of plugins by name, asking those that are not known yet."""
    now = time.monotonic()
    unknown = [entry for entry in entries if _is_old(entry, now)]
    for start in range(0, len(unknown), _AT_ONCE):
        asked = unknown[start : start + _AT_ONCE]
        limit = time.monotonic() + DESCRIBE_LIMIT_S
        for entry, worker in [(entry, _begin(entry)) for entry in asked]:
            _known[entry] = (time.monotonic(), _hear(entry, worker, limit))
    return {entry.name: _known[entry][1] for entry in entries}


def _is_old(entry: PluginEntry, now: float) -> bool:
    if entry not in _known:
        return True
    asked, backend = _known[entry]
    return bool(backend.reason) and now - asked > _ASK_AGAIN_AFTER_S


def _begin(entry: PluginEntry) -> Worker | WorkerError:
    try:
        return Worker(_LOADS_IN, entry.path, name=entry.name)
    except WorkerError as error:
        return error


def _hear(entry: PluginEntry, worker: Worker | WorkerError, limit: float) -> PluginBackend:
    if isinstance(worker, WorkerError):
        return _broken(entry, str(worker))
    try:
        words = _words.decode(worker.receive(max(0.0, limit - time.monotonic())))
    except (WorkerError, ValueError) as error:
        return _broken(entry, str(error).removeprefix(f"{entry.name}: "))
    finally:
        worker.close()
    if isinstance(words, Unloadable):
        return _broken(entry, words.why)
    return PluginBackend(
        entry.name,
        words.summary,
        "",
        entry.path,
        kind=words.kind,
        origin=entry.origin,
        described=words,
        reason=words.reason,
    )


def _broken(entry: PluginEntry, why: str) -> PluginBackend:
    reason = f"{why}; update or remove {entry.origin}"
    if entry not in _known or _known[entry][1].reason != reason:
        log.info("plugin %s cannot be loaded: %s", entry.name, why)
    summary = "A plugin that cannot be loaded."
    return PluginBackend(entry.name, summary, "", entry.path, origin=entry.origin, reason=reason)
