"""`vmedia-bench tui` and `vmedia-bench web`: the workbench on a terminal, or in a browser."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from vmedia_bench.cli.arguments import bench_name
from vmedia_bench.cli.common import BenchOption
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.control.names import running_benches

DEMO = ("--size", "1280x720", "--pixel-format", "NV12", "--fps", "60", "--motion", "4")

DemoOption: TypeAlias = Annotated[
    bool, typer.Option("--demo", help="Start a bench with a test picture, and a guest on it.")
]
BackendOption: TypeAlias = Annotated[
    str | None, typer.Option("--backend", help="Start a bench with this backend.")
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of that backend; repeatable."),
]
SocketOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--socket", "--socket-path", help="Start a bench that listens here for a VM."),
]
NameOption: TypeAlias = Annotated[
    str | None, typer.Option("--name", help="Name of the bench that is started [default: cam0].")
]
KeyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="ACTION=KEY", help="Another key for an action; repeatable."),
]


def tui(
    bench: BenchOption = None,
    demo: DemoOption = False,
    backend: BackendOption = None,
    assignments: SetOption = None,
    socket: SocketOption = None,
    name: NameOption = None,
    keys: KeyOption = None,
    theme: Annotated[str, typer.Option(help="Colours, such as vmedia-light or nord.")] = "",
    graphics: Annotated[
        bool,
        typer.Option("--graphics/--no-graphics", help="Real pixels where the terminal has them."),
    ] = True,
) -> None:
    """Open the workbench on the bench that runs, or start one."""
    browser = "TEXTUAL_DRIVER" in os.environ
    if not browser and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise CommandFailedError("the workbench needs a terminal", ExitCode.USAGE)
    keymap = parse_keys(keys or ())
    check_theme(theme)
    options = _serve_options(demo, backend, assignments or (), socket)
    with _bench(bench, name, options) as (chosen, ours):
        _open(chosen, ours, demo, keymap, theme, graphics)


def _open(
    chosen: str, ours: bool, demo: bool, keymap: dict[str, str], theme: str, graphics: bool
) -> None:
    from vmedia_bench.control.client import BenchError
    from vmedia_bench.tui.running import Run, run_workbench

    try:
        farewell = run_workbench(Run(chosen, ours, demo, keymap, theme, graphics))
    except BenchError as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error
    if farewell:
        print(farewell)


@contextlib.contextmanager
def _bench(
    bench: str | None, name: str | None, options: Sequence[str]
) -> Iterator[tuple[str, bool]]:
    """The bench to attach to, and whether it was started for this; options start another one."""
    running = running_benches()
    if bench is not None or (running and not options and name is None):
        yield _the_running(bench, running), False
        return
    from vmedia_bench.tui.starting import StartError, start_bench

    wanted = bench_name(name or _free_name(running), "--name")
    try:
        helper = start_bench(wanted, options)
    except StartError as error:
        raise CommandFailedError(str(error), ExitCode.of_process(error.status)) from error
    helper.forget()
    yield wanted, True


def _the_running(bench: str | None, running: Sequence[str]) -> str:
    if bench is not None:
        return bench
    if len(running) > 1:
        raise CommandFailedError(
            f"several benches run ({', '.join(running)}): name one with --bench", ExitCode.USAGE
        )
    return running[0]


def _free_name(running: Sequence[str]) -> str:
    number = 0
    while f"cam{number}" in running:
        number += 1
    return f"cam{number}"


def _serve_options(
    demo: bool, backend: str | None, assignments: Sequence[str], socket: Path | None
) -> list[str]:
    """What `serve` is given; nothing where any running bench will do."""
    options: list[str] = []
    if backend:
        options += ["--backend", backend]
    elif demo:
        options += DEMO
    for assignment in assignments:
        options += ["--set", assignment]
    if socket:
        options += ["--socket-path", str(socket)]
    return options


def parse_keys(texts: Sequence[str]) -> dict[str, str]:
    """`app.quit=ctrl+x` as a keymap. CommandFailedError(USAGE) for what is none."""
    keymap = {}
    for text in texts:
        action, equals, key = text.partition("=")
        if not (action and equals and key):
            raise CommandFailedError(f"--key {text}: not ACTION=KEY", ExitCode.USAGE)
        keymap[action] = key
    if keymap:
        from vmedia_bench.tui.keys import known_actions

        known = known_actions()
        for action in keymap:
            if action not in known:
                raise CommandFailedError(
                    f"--key {action}: no such action; there are {', '.join(sorted(known))}",
                    ExitCode.USAGE,
                )
    return keymap


def check_theme(name: str) -> None:
    """CommandFailedError(USAGE) for a theme that there is not."""
    if name:
        from textual.theme import BUILTIN_THEMES

        from vmedia_bench.tui.themes import THEMES

        known = [*(theme.name for theme in THEMES), *BUILTIN_THEMES]
        if name not in known:
            raise CommandFailedError(
                f"--theme {name}: no such theme; there are {', '.join(known)}", ExitCode.USAGE
            )


def web(
    bench: BenchOption = None,
    demo: DemoOption = False,
    host: Annotated[
        str, typer.Option(help="Listen here. Anybody who can reach it controls the bench.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the workbench to a browser: to this machine only, unless told otherwise."""
    if find_spec("textual_serve") is None:
        raise CommandFailedError(
            "textual-serve is missing: pip install 'vmedia-bench[web]'", ExitCode.MISSING
        )
    from vmedia_bench.tui.running import Run
    from vmedia_bench.tui.web import is_loopback, run_web

    if not is_loopback(host):
        print(
            f"vmedia-bench: anybody who can reach {host}:{port} controls the bench: there is no"
            " password",
            file=sys.stderr,
        )
    with _bench(bench, None, DEMO if demo else ()) as (chosen, ours):
        try:
            said = run_web(Run(chosen, ours, demo), host, port)
        except OSError as error:
            raise CommandFailedError(
                f"{host}:{port} cannot be had: {error.strerror}; --port names another one"
            ) from error
    if said:
        print(said)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tui")(tui)
    app.command("web")(web)
