"""The command line, put together: only the module of the command that was asked for is imported."""

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError, exit_code_of

HOMES = {
    "tui": "tui",
    "web": "tui",
    "serve": "serve",
    "demo": "demo",
    "status": "status",
    "sessions": "sessions",
    "session": "sessions",
    "subscriptions": "sessions",
    "buffers": "sessions",
    "snapshot": "snapshot",
    "events": "events",
    "commands": "events",
    "formats": "controls",
    "controls": "controls",
    "config": "config",
    "backends": "backends",
    "backend": "backends",
    "plugins": "plugins",
    "inject-error": "inject",
    "inject": "inject",
    "faults": "faults",
    "scenario": "scenario",
    "trace": "trace",
    "wait": "wait",
    "log": "log",
    "stop": "stop",
    "api": "api",
    "guest": "guest",
    "vmm-args": "vmm_args",
    "config-file": "config_file_command",
    "doctor": "doctor",
    "version": "version",
}
"""The first word of a command line to the module that has the command, in the order of help."""

PROGRAM = "vmedia-bench"

# What typer raises for wrong arguments and options, whichever click it carries.
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]


def build(first: str | None = None) -> Any:
    """The click group of all commands, or of those in the module that `first` lives in."""
    app = typer.Typer(
        help="A workbench that hosts a vhost-user virtio-media device for a running VM.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_nothing)
    homes = [HOMES[first]] if first in HOMES else dict.fromkeys(HOMES.values())
    for home in homes:
        import_module(f"vmedia_bench.cli.{home}").register(app)
    return typer.main.get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit code. Failures become one line on stderr."""
    return exit_code_of(lambda: _run(list(arguments)))


def _run(arguments: list[str]) -> int:
    from vmedia_bench.cli.config_file import defaults, read_config

    config = read_config()
    if "_VMEDIA_BENCH_COMPLETE" in os.environ:
        build().main(arguments, prog_name=PROGRAM)
    tree = build(arguments[0] if arguments and not config else None)
    try:
        starting = defaults(tree, config, os.environ)
        with tree.make_context(PROGRAM, arguments, default_map=starting) as context:
            tree.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except UsageProblem as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            raise CommandFailedError(_one_line(error), ExitCode.USAGE) from error
        error.show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    return ExitCode.OK


def _one_line(problem: Any) -> str:
    """What is wrong with the arguments, and where help is to be had."""
    where = problem.ctx.command_path if problem.ctx is not None else PROGRAM
    text = " ".join(problem.format_message().split())
    return f"{text.removesuffix('.')} (see {where} --help)"


def _nothing() -> None:
    """A workbench that hosts a vhost-user virtio-media device for a running VM."""
