"""
The commands that one operation answers: which, what they take, how the answer is shown.

Typer's commands and the small parser for plain reads are both made from this table. It imports
nothing slow, the operations' own declarations included: those are asked for help texts only.
"""

from collections.abc import Iterator, Mapping
from typing import Any


class Plain:
    """
    One command.

    `view` is "module:function" below `cli.views`; `rows` the field of the result whose entries
    `--format jsonl` gives a line each; `key` the field that names a row, or the result where it
    has no rows, for `--quiet`. `alone` is a function of `cli.without_bench` that answers where no
    bench runs. `places` are the parameters that go by position, with their types.
    `fast` commands need no Typer: `options` are the parameters that they take beside.
    """

    __slots__ = ("alone", "fast", "key", "operation", "options", "places", "rows", "view", "words")

    def __init__(
        self,
        words: str,
        operation: str,
        view: str,
        *,
        rows: str = "",
        key: str = "",
        places: Mapping[str, type] | None = None,
        options: Mapping[str, type] | None = None,
        fast: bool = False,
        alone: str = "",
    ) -> None:
        self.words = tuple(words.split())
        self.operation = operation
        self.view = view
        self.rows = rows
        self.key = key
        self.places = places or {}
        self.options = options or {}
        self.fast = fast
        self.alone = alone

    def text(self, result: dict[str, Any]) -> str:
        """The result for people."""
        from importlib import import_module

        module, _, function = self.view.partition(":")
        text: str = getattr(import_module(f"vmedia_bench.cli.views.{module}"), function)(result)
        return text

    def entries(self, result: dict[str, Any]) -> list[Any]:
        """The rows of a result, or the result alone."""
        rows: list[Any] = result[self.rows] if self.rows else [result]
        return rows

    def names(self, result: dict[str, Any]) -> Iterator[str]:
        """What `--quiet` prints: the name of each row, nothing where nothing has a name."""
        if self.key:
            names = (str(entry[self.key]) for entry in self.entries(result))
            yield from (name for name in names if name)


_SESSION = {"session": int}

PLAIN = (
    Plain("status", "bench.status", "bench:status_text", key="name", fast=True),
    Plain("status --all", "bench.snapshot", "bench:snapshot_text"),
    Plain(
        "sessions", "sessions.list", "sessions:sessions_text", rows="sessions", key="id", fast=True
    ),
    Plain("session show", "sessions.show", "sessions:session_text", places=_SESSION, fast=True),
    Plain(
        "subscriptions",
        "subscriptions.list",
        "sessions:subscriptions_text",
        rows="subscriptions",
        options=_SESSION,
        fast=True,
    ),
    Plain(
        "buffers",
        "buffers.list",
        "buffers:queues_text",
        rows="queues",
        options=_SESSION,
        fast=True,
    ),
    Plain(
        "formats",
        "formats.list",
        "controls:formats_text",
        rows="formats",
        key="fourcc",
        options=_SESSION,
        fast=True,
    ),
    Plain(
        "controls list",
        "controls.list",
        "controls:controls_text",
        rows="controls",
        key="key",
        options=_SESSION,
        fast=True,
    ),
    Plain(
        "controls get",
        "controls.get",
        "controls:control_text",
        key="value",
        places={"control": str},
        options=_SESSION,
        fast=True,
    ),
    Plain(
        "controls set",
        "controls.set",
        "controls:control_text",
        places={"control": str, "value": str},
        options=_SESSION,
    ),
    Plain(
        "controls change",
        "controls.change",
        "controls:control_text",
        places={"control": str},
        options=_SESSION,
    ),
    Plain("config get", "config.get", "bench:config_text", key="hex", fast=True),
    Plain("config set", "config.set", "bench:config_text"),
    Plain(
        "backends",
        "backends.list",
        "backends:backends_text",
        rows="backends",
        key="name",
        fast=True,
        alone="backends_list",
    ),
    Plain(
        "backend show",
        "backends.show",
        "backends:backend_text",
        places={"backend": str},
        fast=True,
        alone="backend_show",
    ),
    Plain("backend use", "backends.use", "backends:switch_text"),
    Plain("faults list", "faults.list", "faults:faults_text", rows="faults", key="id", fast=True),
    Plain("faults add", "faults.add", "faults:fault_text", key="id"),
    Plain("faults remove", "faults.remove", "faults:faults_text", places={"id": int}),
    Plain("faults arm", "faults.arm", "faults:fault_text", places={"id": int}),
    Plain("faults disarm", "faults.disarm", "faults:fault_text", places={"id": int}),
    Plain("faults clear", "faults.clear", "faults:faults_text"),
    Plain(
        "faults presets",
        "faults.presets",
        "faults:presets_text",
        rows="presets",
        key="name",
        fast=True,
    ),
    Plain("inject-error", "faults.inject_error", "faults:fault_text"),
    Plain(
        "inject preset", "faults.use_preset", "faults:fault_text", key="id", places={"preset": str}
    ),
    Plain("scenario run", "scenarios.run", "faults:report_text"),
    Plain("trace status", "trace.status", "trace:recorder_text", key="recording", fast=True),
    Plain("trace record", "trace.record", "trace:recorder_text"),
    Plain("trace stop", "trace.stop", "trace:recorder_text"),
    Plain("trace clear", "trace.clear", "trace:recorder_text"),
    Plain("wait", "bench.wait", "bench:wait_text", places={"condition": str}),
    Plain("log", "log.read", "trace:log_text", rows="lines"),
    Plain("stop", "bench.shutdown", "bench:stopped_text"),
)
"""All of them."""


def plain(words: str) -> Plain:
    """The command of those words; KeyError for none."""
    for command in PLAIN:
        if command.words == tuple(words.split()):
            return command
    raise KeyError(words)
