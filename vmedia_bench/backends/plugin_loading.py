"""Loading a plugin: in the process that is to run it, which is seldom the bench's."""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from msgspec import Struct

from vmedia_bench.backends.options import Option, describe_options, read_options
from vmedia_bench.backends.plugin_api import PLUGIN_API, Description, Plugin
from vmedia_bench.backends.worker.channel import Channel
from vmedia_bench.backends.worker.messages import encode
from vmedia_bench.v4l2.ports import NodeMaker


class PluginError(Exception):
    """A plugin that cannot be loaded; one line that says why."""


class Described(Struct, frozen=True, tag=True):
    """What a plugin said of itself; `reason` is why it cannot run here."""

    summary: str
    kind: str
    isolated: bool
    options: list[Option]
    reason: str


class Unloadable(Struct, frozen=True, tag=True):
    """Why a plugin cannot be loaded."""

    why: str


class Opening(NamedTuple):
    """Which plugin to open, "module:name", with what: values by name, or texts."""

    path: str
    values: Mapping[str, object]
    are_texts: bool


def load_plugin(path: str) -> Plugin:
    """Import "module:name" and make the plugin; PluginError says what is wrong with it."""
    module, _, name = path.partition(":")
    try:
        found: object = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        if not isinstance(found, type) or not issubclass(found, Plugin):
            raise PluginError(f"{path} is no subclass of vmedia_bench.plugin.Plugin")
        _check_version(found)
        return found()
    except PluginError:
        raise
    except ModuleNotFoundError as error:
        raise PluginError(f"it needs the module {error.name}, which is not installed") from error
    except Exception as error:
        raise PluginError(f"{_one_line(error)} (while {path} was loaded)") from error


def describe_in_child(channel: Channel, path: str) -> None:
    """Tell the bench what a plugin is, or why it cannot be loaded; a worker's function."""
    try:
        channel.send(encode(describe_plugin(load_plugin(path))))
    except PluginError as error:
        channel.send(encode(Unloadable(str(error))))


def describe_plugin(plugin: Plugin) -> Described:
    """Ask a plugin what it is; PluginError when it does not say."""
    try:
        description = plugin.describe()
        if not isinstance(description, Description):
            raise TypeError("describe() gives no Description")
        return Described(
            str(description.summary),
            str(description.kind),
            bool(description.isolated),
            list(describe_options(description.options)),
            str(plugin.unusable()),
        )
    except Exception as error:
        raise PluginError(f"{_one_line(error)} (while it was asked what it is)") from error


def open_plugin(opening: Opening) -> NodeMaker:
    """Make a plugin's source; ValueError for an option, and what its `open` raises."""
    path, values, are_texts = opening
    plugin = load_plugin(path)
    options = plugin.describe().options
    if are_texts:
        values = read_options(options, {name: str(text) for name, text in values.items()})
    return plugin.open(options(**values))


def _check_version(kind: type[Plugin]) -> None:
    version = getattr(kind, "api_version", None)
    if version is None:
        raise PluginError(
            f"{kind.__name__} does not say which plugin API it was written for: "
            f"api_version = {PLUGIN_API}"
        )
    if version != PLUGIN_API:
        older = "this vmedia-bench" if version > PLUGIN_API else "the plugin"
        raise PluginError(
            f"it was written for plugin API {version}, and this is {PLUGIN_API}: update {older}"
        )


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
