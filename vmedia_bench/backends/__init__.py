"""
Where the pixels come from or go to, and the registry that finds a backend by its name.

Nothing is imported before it is asked for: listing backends or their options costs no numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import VideoSource


@dataclass(frozen=True, slots=True)
class Backend:
    """
    One entry of the registry.

    `options_path` and `source_path` are "module:name" of a dataclass, and of what makes a
    VideoSource from an instance of it.
    """

    name: str
    summary: str
    options_path: str
    source_path: str

    def options_type(self) -> type[Any]:
        """Import the options dataclass; its fields' metadata has a `help` line each."""
        kind: type[Any] = _load(self.options_path)
        return kind

    def build(self, **options: object) -> VideoSource:
        """
        Make the source from option values by name; what is left out has its default.

        Raises ValueError for a value the backend refuses, TypeError for an unknown name.
        """
        source: VideoSource = _load(self.source_path)(self.options_type()(**options))
        return source


_PATTERN: Final = "vmedia_bench.backends.pattern"

BACKENDS: Final = {
    backend.name: backend
    for backend in (
        Backend(
            "pattern",
            "An emulated camera that shows test pictures.",
            f"{_PATTERN}.options:PatternOptions",
            f"{_PATTERN}.source:PatternSource",
        ),
    )
}
"""Name to backend, in the order to list them."""


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
