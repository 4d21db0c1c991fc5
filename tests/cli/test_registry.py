"""Commands and operations are two sides of one declaration."""

import shlex
from dataclasses import fields
from typing import Any

import msgspec
import pytest

from vmedia_bench.cli.app import HOMES, build
from vmedia_bench.cli.plain import PLAIN, Plain
from vmedia_bench.control.operation import Operation
from vmedia_bench.control.operations.backends import BackendUseParams, SwitchMode
from vmedia_bench.control.operations.bench import Condition, ShutdownParams, WaitParams
from vmedia_bench.control.operations.config import ConfigSetParams
from vmedia_bench.control.operations.controls import ControlSetParams
from vmedia_bench.control.operations.faults import FaultAddParams, InjectErrorParams, PresetParams
from vmedia_bench.control.operations.sessions import SessionParams
from vmedia_bench.control.operations.trace import TraceRecordParams
from vmedia_bench.control.registry import operation, operations
from vmedia_bench.faults.actions import KINDS
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule
from vmedia_bench.tui.model.cli_line import cli_line

ONE_OF_SEVERAL = ("bench.snapshot", "live.subscribe", "trace.read", "frames.get")
"""Operations whose command has others beside them, or is called after what comes of it."""
SAMPLES = {
    "session": "3",
    "backend": "pattern",
    "control": "brightness",
    "value": "12",
    "id": "1",
    "errno": "EIO",
    "preset": "qbuf-error",
    "condition": "streaming",
    "path": "file.png",
    "on": "command",
    "do": "errno",
}


@pytest.fixture(scope="module")
def tree() -> Any:
    return build()


def parsed(tree: Any, line: str) -> Any:
    """The context of the command that a line names; raises what Typer raises for a wrong line."""
    context, words = (
        tree.make_context("vmedia-bench", [], resilient_parsing=True),
        shlex.split(line),
    )
    command = tree
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("declared", list(operations()), ids=lambda each: each.name)
def test_the_line_of_each_operation_is_a_command(tree: Any, declared: Operation) -> None:
    line = declared.cli.format(**SAMPLES)
    assert parsed(tree, line).command.callback is not None


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sessions.show", SessionParams(session=3)),
        ("bench.wait", WaitParams(condition=Condition.FRAMES, count=2, session=3, timeout_s=5)),
        ("bench.shutdown", ShutdownParams(force=True)),
        ("controls.set", ControlSetParams(control="brightness", value=3, session=1)),
        ("config.set", ConfigSetParams(card="A Card", device_type=0)),
        (
            "backends.use",
            BackendUseParams(backend="file", options={"path": "a b"}, mode=SwitchMode.HOT),
        ),
        ("faults.inject_error", InjectErrorParams(session=3, errno="ENODEV")),
        ("faults.use_preset", PresetParams(preset="freeze", count=2, may_crash_guest=True)),
        ("trace.record", TraceRecordParams(path="/tmp/t.vmtrace", kept=True, overwrite=True)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_line_that_the_screens_show_is_a_command(tree: Any, name: str, params: Any) -> None:
    line = cli_line(operation(name), params, "cam0").removeprefix("vmedia-bench ")
    assert parsed(tree, line).params["bench"] == "cam0"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(match=Match(on=On.NOW), action=Action(do=Do.EOS, session=3), armed=False, name="end"),
        Rule(
            match=Match(on=On.COMMAND, ioctl="QBUF", session=3, buffer=1),
            action=Action(do=Do.ERRNO, errno="EIO", delay_ms=2.5),
            schedule=Schedule(count=3, every=2, until_s=9.5, probability=0.5, seed=4),
        ),
        Rule(
            match=Match(on=On.EVENT, event="DQBUF", session=3),
            action=Action(do=Do.DQBUF, session=2, buffer=1, flags=("ERROR", "LAST")),
        ),
        Rule(match=Match(on=On.SHMEM_MAP), action=Action(do=Do.STALL, delay_ms=10)),
    ],
)
def test_the_line_of_a_rule_makes_that_rule(
    tree: Any, monkeypatch: pytest.MonkeyPatch, rule: Rule
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "vmedia_bench.cli.faults.answer", lambda _, params, **_shown: sent.append(params)
    )
    params = FaultAddParams(rule=rule, may_crash_guest=True)
    context = parsed(tree, cli_line(operation("faults.add"), params).removeprefix("vmedia-bench "))
    context.command.invoke(context)
    assert msgspec.convert(sent[0], FaultAddParams) == params


@pytest.mark.parametrize(
    "declared",
    [each for each in operations() if each.name not in ONE_OF_SEVERAL],
    ids=lambda each: each.name,
)
def test_the_help_of_a_command_begins_as_its_operation_is_summed_up(
    tree: Any, declared: Operation
) -> None:
    command = parsed(tree, declared.cli.format(**SAMPLES)).command
    first = declared.summary.rstrip(".")
    assert (command.help or "").startswith(first) or command.short_help == declared.summary


@pytest.mark.parametrize("command", PLAIN, ids=lambda each: " ".join(each.words))
def test_the_table_of_plain_commands_names_what_operations_have(command: Plain) -> None:
    declared = operation(command.operation)
    known = {field.name for field in fields(declared.params)}
    assert set(command.places) | set(command.options) <= known
    results = {field.name for field in fields(declared.result)}
    assert not command.rows or command.rows in results


@pytest.mark.parametrize(
    "command", [each for each in PLAIN if each.fast], ids=lambda each: " ".join(each.words)
)
def test_a_plain_read_that_typer_need_not_see_has_no_option_that_it_does_not_know(
    tree: Any, command: Plain
) -> None:
    line = " ".join((*command.words, *(SAMPLES[name] for name in command.places)))
    own = {p.name for p in parsed(tree, line).command.params} - {"bench", "form", "quiet"}
    assert own - set(command.places) - set(command.options) <= {"everything"}


def test_every_first_word_has_its_home(tree: Any) -> None:
    assert set(tree.commands) == set(HOMES)


@pytest.mark.parametrize("first", HOMES)
def test_a_command_alone_is_as_in_the_whole(tree: Any, first: str) -> None:
    alone = build(first).commands[first]
    assert alone.help == tree.commands[first].help
    assert [p.name for p in alone.params] == [p.name for p in tree.commands[first].params]


def test_every_action_of_every_place_can_be_injected_or_added(tree: Any) -> None:
    for do, kind in KINDS.items():
        for on in kind.places:
            needs = " ".join(f"--{name.replace('_', '-')} 1" for name in kind.needs)
            assert parsed(tree, f"faults add --on {on} --do {do} {needs}")


@pytest.mark.parametrize("name", [str(do) for do in Do if do is not Do.SESSION_ERROR])
def test_there_is_a_short_form_of_each_action(tree: Any, name: str) -> None:
    from vmedia_bench.cli.inject import FORMS

    assert name in {str(do) for _, do, _ in FORMS.values()}
    assert set(tree.commands["inject"].commands) == {*FORMS, "preset"}


def test_places_of_actions_are_those_the_engine_allows() -> None:
    from vmedia_bench.cli.inject import FORMS

    for on, do, _ in FORMS.values():
        assert on in KINDS[do].places
        assert isinstance(on, On)
