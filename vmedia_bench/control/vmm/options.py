"""The exact options that connect a VM to a bench, for each VMM that is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vmedia_bench.control.vmm.versions import (
    GENERIC_DEVICE,
    MEDIA_DEVICE,
    MEDIA_ID,
    Qemu,
    inspect_qemu,
    usable_virtio_id,
)

QEMU_PROGRAM = "qemu-system-x86_64"


class Vmm(StrEnum):
    """The VMMs whose options are known."""

    QEMU = "qemu"
    CROSVM = "crosvm"
    LIBKRUN = "libkrun"


@dataclass(frozen=True, slots=True)
class Advice:
    """The options for one VMM, and what to know about them."""

    options: Sequence[str]
    notes: Sequence[str] = ()


def advise(
    vmm: Vmm,
    path: str,
    name: str = "cam0",
    memory: str = "2G",
    virtio_id: int | None = None,
    program: str = QEMU_PROGRAM,
) -> Advice:
    """The options for a VMM to find the vhost-user socket at `path`; QEMU is asked what it has.

    ValueError for a virtio ID that cannot be.
    """
    return _ADVISERS[vmm](path, name, memory, virtio_id, program)


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
