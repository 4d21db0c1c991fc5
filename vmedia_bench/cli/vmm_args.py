"""`vmedia-bench vmm-args`: the options that give a VM this bench's device."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vmedia_bench.cli.arguments import bench_name, guest_memory
from vmedia_bench.cli.asking import name_and_socket
from vmedia_bench.cli.completion import complete_bench
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.control.vmm.options import Vmm, advise


class Form(StrEnum):
    """How to print the options."""

    SHELL = "shell"
    LINES = "lines"
    JSON = "json"


def vmm_args(
    vmm: Annotated[
        Vmm,
        typer.Argument(
            metavar="VMM", help="Which VMM to write the options for: qemu, crosvm or libkrun."
        ),
    ],
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket-path", "--socket", help="The vhost-user socket [default: the bench's]."
        ),
    ] = None,
    bench: Annotated[
        str | None,
        typer.Option(
            "--bench",
            "--name",
            envvar="VMEDIA_BENCH",
            help="Which bench, running or to come [default: the only one that runs, else cam0].",
            autocompletion=complete_bench,
        ),
    ] = None,
    memory: Annotated[str, typer.Option(help="Guest memory (QEMU): it has to be shared.")] = "2G",
    virtio_id: Annotated[
        int | None,
        typer.Option(help="virtio device ID (QEMU's generic device) [default: the best]."),
    ] = None,
    qemu: Annotated[
        str, typer.Option(help="The QEMU to look at for its version and devices.")
    ] = "qemu-system-x86_64",
    form: Annotated[
        Form, typer.Option("--format", help="One shell line, one option a line, or JSON.")
    ] = Form.SHELL,
) -> None:
    """Print the exact options that connect a VM to this bench; warnings go to stderr."""
    name, path = _name_and_path(bench, socket)
    if "," in path and vmm is not Vmm.LIBKRUN:
        raise CommandFailedError(f"{path} has a comma, which {vmm} cannot take", ExitCode.USAGE)
    try:
        advice = advise(vmm, path, name, guest_memory(memory), virtio_id, qemu)
    except ValueError as error:
        raise CommandFailedError(str(error), ExitCode.USAGE) from error
    for note in advice.notes:
        print(f"vmedia-bench: {note}", file=sys.stderr)
    print(_formatted(advice.options, form))


def _name_and_path(bench: str | None, socket: Path | None) -> tuple[str, str]:
    """What to call the device, and the socket; a socket that was given needs no bench."""
    if socket is not None:
        named = bench if bench and "/" not in bench else "cam0"
        return bench_name(named), str(socket.absolute())
    name, path = name_and_socket(bench)
    return name, str(path.absolute())


def _formatted(options: Sequence[str], form: Form) -> str:
    if form is Form.JSON:
        import json

        return json.dumps(list(options))
    if form is Form.LINES:
        return "\n".join(options)
    if len(options) == 1:
        return options[0]
    return shlex.join(options)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("vmm-args")(vmm_args)
