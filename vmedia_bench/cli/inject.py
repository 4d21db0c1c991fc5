"""`vmedia-bench inject-error` and `inject`: faults that happen once, or a few times."""

from typing import Annotated, Any

import typer

from vmedia_bench.cli.arguments import errno_word
from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.completion import complete_errno, complete_session
from vmedia_bench.cli.declared import common_parameters, function, group, plain_command
from vmedia_bench.cli.faults import MAY_CRASH
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import plain
from vmedia_bench.cli.rules import one_shot_parameters, rule
from vmedia_bench.control.registry import operation
from vmedia_bench.faults.rule import Do, On

FORMS: dict[str, tuple[On, Do, str]] = {
    "errno": (On.COMMAND, Do.ERRNO, "Answer the next matching command with an errno."),
    "delay": (On.COMMAND, Do.DELAY, "Answer the next matching command late."),
    "never": (On.COMMAND, Do.NEVER, "Never answer the next matching command."),
    "used-length": (On.COMMAND, Do.USED_LENGTH, "Give a command back with another used length."),
    "header-only": (On.COMMAND, Do.HEADER_ONLY, "Answer a command without its payload."),
    "corrupt": (On.COMMAND, Do.CORRUPT, "Change a field, or bytes, of an answer."),
    "corrupt-event": (On.EVENT, Do.CORRUPT, "Change a field, or bytes, of an event."),
    "drop-event": (On.EVENT, Do.DROP, "Never send the next matching event."),
    "duplicate-event": (On.EVENT, Do.DUPLICATE, "Send the next matching event twice."),
    "delay-event": (On.EVENT, Do.DELAY, "Send the next matching event late."),
    "reorder-event": (On.EVENT, Do.REORDER, "Send the next matching event after its successor."),
    "flag": (On.EVENT, Do.FLAG, "Mark the next DQBUF: flags, bytesused, sequence, timestamp."),
    "frame-drop": (On.FRAME, Do.DROP, "Lose the next frame; its buffer stays queued."),
    "refuse-map": (On.SHMEM_MAP, Do.REFUSE, "Answer SHMEM_MAP as a front-end that refuses."),
    "stall-map": (On.SHMEM_MAP, Do.STALL, "Keep SHMEM_MAP waiting."),
    "dqbuf": (On.NOW, Do.DQBUF, "Send a DQBUF event nobody asked for."),
    "source-change": (On.NOW, Do.SOURCE_CHANGE, "Send V4L2_EVENT_SOURCE_CHANGE."),
    "eos": (On.NOW, Do.EOS, "Send V4L2_EVENT_EOS."),
    "control": (On.NOW, Do.CONTROL, "Send V4L2_EVENT_CTRL."),
    "stop-ring": (On.NOW, Do.STOP_RING, "Serve a ring no more, until the rule is removed."),
    "disconnect": (On.NOW, Do.DISCONNECT, "Close the vhost-user connection."),
    "config": (On.NOW, Do.CONFIG, "Change the configuration space, until the rule is removed."),
}
"""One-shot commands: where the rule looks, what it does, and the line of help."""


def inject_error(
    session: Annotated[
        int, typer.Option(min=0, help="Session ID.", autocompletion=complete_session)
    ],
    errno: Annotated[
        str, typer.Option(help="Name or number.", autocompletion=complete_errno)
    ] = "EIO",
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Fail a session with EVT_ERROR."""
    values = {"session": session, "errno": errno_word(errno)}
    answer(plain("inject-error"), values, bench=bench, form=form, quiet=quiet)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    summary = operation("faults.inject_error").summary
    app.command("inject-error", help=summary)(inject_error)
    inject = group(app, "inject", "Faults that happen once (--count: so often).")
    for name, (on, do, line) in FORMS.items():
        parameters = (*one_shot_parameters(on, do), MAY_CRASH, *common_parameters())
        inject.command(name)(function(line, parameters, _adding(on, do)))
    inject.command("preset")(plain_command(plain("inject preset")))


def _adding(on: On, do: Do) -> Any:
    def add(values: dict[str, Any]) -> None:
        shown = {name: values.pop(name) for name in ("bench", "form", "quiet")}
        may_crash = values.pop("may_crash_guest")
        params = {"rule": rule(on, do, values), "may_crash_guest": may_crash}
        answer(plain("faults add"), params, **shown)

    return add
