"""
Where the pixels come from or go to, and the registry that finds a backend by its name.

Nothing is imported before it is asked for: listing backends or their options costs no numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from vmedia_bench.backends.options import Option, describe_options, read_options

if TYPE_CHECKING:
    from vmedia_bench.backends.host.discovery import HostDevice
    from vmedia_bench.backends.plugin_entries import PluginEntry
    from vmedia_bench.v4l2.ports import NodeMaker

__all__ = ["BACKENDS", "Backend", "Option", "backend", "backends"]


@dataclass(frozen=True, slots=True)
class Backend:
    """
    One entry of the registry.

    `options_path` and `source_path` are "module:name" of a dataclass whose fields' metadata has
    `help` and maybe `choices`, and of what makes a NodeMaker (a VideoSource is one) from an
    instance of it. `check_path` is "module:name" of a function that gives one line why the backend
    cannot run here and what to do about it, "" when it can; with `says_why`, making it says that
    better. `devices_path` is "module:name" of what lists the devices of this system that it can
    take. `kind` is capture, output, m2m or any; `origin` says who brought it.
    """

    name: str
    summary: str
    options_path: str
    source_path: str
    kind: str = "capture"
    check_path: str | None = None
    says_why: bool = False
    devices_path: str | None = None
    origin: str = "built in"

    def options_type(self) -> type[Any]:
        """Import the options dataclass."""
        kind: type[Any] = load_object(self.options_path)
        return kind

    def options(self) -> tuple[Option, ...]:
        """List what can be set; nothing of a backend that cannot be loaded."""
        return describe_options(self.options_type())

    def unusable(self) -> str:
        """Say in one line why it cannot run here and what to install; "" when it can."""
        return str(load_object(self.check_path)()) if self.check_path else ""

    def hindrance(self) -> str:
        """Say, before it is made, why it cannot run; "" where making it says that by itself."""
        return "" if self.says_why else self.unusable()

    def devices(self) -> tuple[HostDevice, ...]:
        """List this system's devices that it can take, and those that it cannot; opens each."""
        if self.devices_path is None:
            return ()
        found: tuple[HostDevice, ...] = load_object(self.devices_path)()
        return found

    def build(self, **values: object) -> NodeMaker:
        """
        Make what makes the node, from option values by name; the rest has its default.

        May take seconds: on an event loop, call it in a thread (`asyncio.to_thread`), which mostly
        waits. Raises ValueError for a value the backend refuses, TypeError for an unknown name,
        OSError for what cannot be had.
        """
        options = self.options_type()(**values)
        made: NodeMaker = load_object(self.source_path)(options)
        return made

    def build_from_text(self, text: Mapping[str, str]) -> NodeMaker:
        """As `build`, from texts as `--set name=text` has them; ValueError names the option."""
        return self.build(**read_options(self.options_type(), text))


_PATTERN: Final = "vmedia_bench.backends.pattern"
_FILE: Final = "vmedia_bench.backends.file"
_HOST: Final = "vmedia_bench.backends.host"
_SINK: Final = "vmedia_bench.backends.sink"
_CODEC: Final = "vmedia_bench.backends.codec"
_LOOPBACK: Final = "vmedia_bench.backends.loopback"

BACKENDS: Final[Mapping[str, Backend]] = MappingProxyType(
    {
        backend.name: backend
        for backend in (
            Backend(
                "pattern",
                "An emulated camera that shows test pictures.",
                f"{_PATTERN}.options:PatternOptions",
                f"{_PATTERN}.source:PatternSource",
            ),
            Backend(
                "file",
                "A camera that plays a picture, an animation or a video.",
                f"{_FILE}.options:FileOptions",
                f"{_FILE}.source:FileSource",
            ),
            Backend(
                "v4l2",
                "A video device of this system, passed through as it is.",
                f"{_HOST}.options:HostOptions",
                f"{_HOST}.maker:HostDeviceMaker",
                kind="any",
                check_path=f"{_HOST}.discovery:unusable",
                says_why=True,
                devices_path=f"{_HOST}.discovery:devices",
            ),
            Backend(
                "sink",
                "A display for the guest to write to, recorded on demand.",
                f"{_SINK}.options:SinkOptions",
                f"{_SINK}.source:SinkSource",
                kind="output",
            ),
            Backend(
                "codec",
                "A stateful video decoder or encoder.",
                f"{_CODEC}.options:CodecOptions",
                f"{_CODEC}.making:make_source",
                kind="m2m",
                check_path=f"{_CODEC}.options:unusable",
            ),
            Backend(
                "loopback",
                "Captures what is output, by the same session or by another one.",
                f"{_LOOPBACK}.options:LoopbackOptions",
                f"{_LOOPBACK}.source:LoopbackSource",
                kind="m2m",
            ),
        )
    }
)
"""The built-in ones, name to backend, in the order to list them."""


def backends() -> Mapping[str, Backend]:
    """
    Give every backend by name: the built-in ones, then those that plugins bring.

    A plugin that cannot be loaded is there too, and says so when asked why it is `unusable`. The
    first call starts a process for each installed plugin, and takes as long as they do, a few
    seconds at most: on an event loop, call it in a thread (`asyncio.to_thread`).
    """
    from vmedia_bench.backends.plugin_entries import find_plugins

    entries = find_plugins(taken=frozenset(BACKENDS))
    return {**BACKENDS, **_plugins(entries)} if entries else BACKENDS


def backend(name: str) -> Backend:
    """Give one backend without a look at any other; KeyError when there is none of this name."""
    if name in BACKENDS:
        return BACKENDS[name]
    from vmedia_bench.backends.plugin_entries import find_plugins

    return _plugins([entry for entry in find_plugins() if entry.name == name])[name]


def _plugins(entries: Sequence[PluginEntry]) -> dict[str, Backend]:
    from vmedia_bench.backends.plugins import plugin_backends

    return plugin_backends(entries)


def load_object(path: str) -> Any:
    """Give what "module:name" names, importing the module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
