"""`vmedia-bench vmm-args`: the options that give a VM this bench's device."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.vmm_versions import (
    GENERIC_DEVICE,
    MEDIA_DEVICE,
    MEDIA_ID,
    Qemu,
    inspect_qemu,
    usable_virtio_id,
)
from vmedia_bench.control.names import vm_socket


class Vmm(StrEnum):
    """The VMMs whose options are known."""

    QEMU = "qemu"
    CROSVM = "crosvm"
    LIBKRUN = "libkrun"


class Form(StrEnum):
    """How to print the options."""

    SHELL = "shell"
    LINES = "lines"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Advice:
    """The options for one VMM, and what to know about them."""

    options: Sequence[str]
    notes: Sequence[str] = ()


def vmm_args(
    vmm: Annotated[Vmm, typer.Argument(help="Which VMM to write the options for.")],
    socket: Annotated[
        Path | None,
        typer.Option("--socket-path", "--socket", help="The bench's vhost-user socket."),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the bench, where no socket is given.")
    ] = "cam0",
    memory: Annotated[str, typer.Option(help="Guest memory (QEMU): it has to be shared.")] = "2G",
    virtio_id: Annotated[
        int | None,
        typer.Option(help="virtio device ID (QEMU's generic device) [default: the best]"),
    ] = None,
    qemu: Annotated[
        str, typer.Option(help="The QEMU to look at for its version and devices.")
    ] = "qemu-system-x86_64",
    form: Annotated[
        Form, typer.Option("--format", help="One shell line, one option a line, or JSON.")
    ] = Form.SHELL,
) -> None:
    """Print the exact options that connect a VM to this bench; warnings go to stderr."""
    path = str((socket or vm_socket(name)).absolute())
    if "," in path and vmm is not Vmm.LIBKRUN:
        raise CommandFailedError(f"{path} has a comma, which {vmm} cannot take", ExitCode.USAGE)
    advice = _ADVISERS[vmm](path, name, memory, virtio_id, qemu)
    for note in advice.notes:
        print(f"vmedia-bench: {note}", file=sys.stderr)
    print(_formatted(advice.options, form))


def _qemu(path: str, name: str, memory: str, virtio_id: int | None, program: str) -> Advice:
    found = inspect_qemu(program)
    notes = list(_qemu_notes(found, program))
    if found is not None and MEDIA_DEVICE in found.devices and virtio_id is None:
        device = f"{MEDIA_DEVICE},chardev={name}"
    else:
        chosen = usable_virtio_id(virtio_id)
        if chosen.warning:
            notes.append(chosen.warning)
        generic = found.generic_device if found is not None else GENERIC_DEVICE
        device = (
            f"{generic},chardev={name},virtio-id={chosen.id},num_vqs=2,vq_size=256,config_size=40"
        )
    options = [
        *("-object", f"memory-backend-memfd,id=mem,size={memory},share=on"),
        *("-m", memory),
        *("-numa", "node,memdev=mem"),
        *("-chardev", f"socket,id={name},path={path}"),
        *("-device", device),
    ]
    return Advice(options, notes)


def _qemu_notes(found: Qemu | None, program: str) -> Sequence[str]:
    if found is None:
        return [f"{program} was not found: these options are for QEMU 11.1"]
    if not found.devices:
        return [
            (
                f"{program} is {found.version_text}, which has no generic vhost-user device:"
                " take QEMU 11.1 or newer"
            )
        ]
    if found.version < (11, 1):
        return [
            (
                f"{program} is {found.version_text}: before 11.1 it has no shared memory for"
                " vhost-user devices, so MMAP buffers will not work"
            )
        ]
    return []


def _crosvm(path: str, _name: str, _memory: str, _virtio_id: int | None, _program: str) -> Advice:
    return Advice(("--vhost-user", f"type=media,socket={path}"))


def _libkrun(path: str, _name: str, _memory: str, _virtio_id: int | None, _program: str) -> Advice:
    return Advice(
        (f'krun_add_vhost_user_device(ctx, {MEDIA_ID}, "{path}", NULL, 2, NULL);',),
        (
            (
                "libkrun is a library: make this call before krun_start_enter; its memory is"
                " not sealed, so the bench copies it instead of mapping it"
            ),
        ),
    )


_ADVISERS: dict[Vmm, Callable[[str, str, str, int | None, str], Advice]] = {
    Vmm.QEMU: _qemu,
    Vmm.CROSVM: _crosvm,
    Vmm.LIBKRUN: _libkrun,
}


def _formatted(options: Sequence[str], form: Form) -> str:
    if form is Form.JSON:
        import json

        return json.dumps(list(options))
    if form is Form.LINES:
        return "\n".join(options)
    if len(options) == 1:
        return options[0]
    return shlex.join(options)
