"""`vmedia-bench doctor`: what this machine lacks, and what to do about it."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import typer

from vmedia_bench.cli.common import FormOption
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import print_json, print_lines
from vmedia_bench.cli.table import table
from vmedia_bench.control.names import runtime_folder
from vmedia_bench.control.vmm.versions import inspect_qemu


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    LACKS = "LACKS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. LACKS: the bench cannot run; NOTE: something else cannot."""

    what: str
    state: State
    found: str
    do: str = ""


def doctor(
    form: FormOption = Form.TABLE,
) -> None:
    """Look at this machine: what the bench needs, what a VM needs, and what is missing."""
    findings = [finding for check in CHECKS for finding in check()]
    if form is Form.JSON:
        print_json([asdict(finding) for finding in findings])
    elif form is Form.JSONL:
        print_lines(asdict(finding) for finding in findings)
    else:
        rows = [(f.state.value, f.what, f.found) for f in findings]
        print(table(("state", "what", "found"), rows))
        for finding in findings:
            if finding.do:
                print(f"\n{finding.what}: {finding.do}")
    if any(finding.state is State.LACKS for finding in findings):
        raise typer.Exit(ExitCode.MISSING)


def _python() -> Iterator[Finding]:
    yield Finding("Python", State.OK, platform.python_version())


def _packages() -> Iterator[Finding]:
    from importlib import metadata

    for name in ("construct", "msgspec", "numpy", "Pillow", "platformdirs", "textual", "typer"):
        try:
            yield Finding(name, State.OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, State.LACKS, "missing", f"pip install {name}, or run `make demo`")


def _kernel() -> Iterator[Finding]:
    lacking = [name for name in ("memfd_create", "eventfd") if not hasattr(os, name)]
    if sys.platform != "linux" or lacking:
        found = (
            f"{platform.system()} without {', '.join(lacking)}" if lacking else platform.system()
        )
        yield Finding(
            "Linux", State.LACKS, found, "run on Linux: vhost-user needs memfd and eventfd"
        )
    else:
        yield Finding("Linux", State.OK, platform.release())


def _runtime_folder() -> Iterator[Finding]:
    folder = runtime_folder()
    existing = folder
    while not existing.exists():
        existing = existing.parent
    writable = os.access(existing, os.W_OK)
    if not writable:
        yield Finding("sockets", State.LACKS, f"{folder} cannot be written", "set XDG_RUNTIME_DIR")
    elif "XDG_RUNTIME_DIR" not in os.environ:
        yield Finding("sockets", State.OK, f"{folder} (XDG_RUNTIME_DIR is not set)")
    else:
        yield Finding("sockets", State.OK, str(folder))


def _processors() -> Iterator[Finding]:
    count = len(os.sched_getaffinity(0))
    if count < 2:
        yield Finding("processors", State.NOTE, "1", "bench and VM share it: expect late frames")
    else:
        yield Finding("processors", State.OK, str(count))


def _qemu() -> Iterator[Finding]:
    qemu = inspect_qemu("qemu-system-x86_64")
    if qemu is None:
        advice = "for QEMU guests install 11.1 or newer (Debian: trixie-backports)"
        yield Finding("QEMU", State.NOTE, "not on PATH", advice)
    elif not qemu.devices or qemu.version < (11, 1):
        advice = "it cannot map MMAP buffers; install 11.1 or newer (Debian: trixie-backports)"
        yield Finding("QEMU", State.NOTE, qemu.version_text, advice)
    else:
        yield Finding("QEMU", State.OK, f"{qemu.version_text} with {', '.join(qemu.devices)}")


def _crosvm() -> Iterator[Finding]:
    path = shutil.which("crosvm")
    yield Finding("crosvm", State.OK if path else State.NOTE, path or "not on PATH")


def _kvm() -> Iterator[Finding]:
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        yield Finding("KVM", State.OK, "/dev/kvm")
    elif Path("/dev/kvm").exists():
        yield Finding(
            "KVM", State.NOTE, "/dev/kvm is not yours", "join the group kvm; VMs run slowly without"
        )
    else:
        yield Finding("KVM", State.NOTE, "no /dev/kvm", "VMs run by emulation, slowly")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _kernel,
    _runtime_folder,
    _processors,
    _qemu,
    _crosvm,
    _kvm,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
