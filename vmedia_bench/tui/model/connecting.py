"""How a VM is connected to the bench: the exact lines, ready to copy."""

import shlex
from dataclasses import dataclass

from vmedia_bench.control.vmm.options import QEMU_PROGRAM, Vmm, advise

LINE = 68
TITLES = {Vmm.QEMU: "QEMU", Vmm.CROSVM: "crosvm", Vmm.LIBKRUN: "libkrun"}


@dataclass(frozen=True, slots=True)
class HowTo:
    """One VMM: its options, one a line for the eye, and what is copied."""

    title: str
    lines: tuple[str, ...]
    copied: str
    notes: tuple[str, ...] = ()


def how_to_connect(name: str, socket: str, program: str = QEMU_PROGRAM) -> list[HowTo]:
    """A HowTo for each VMM. Runs the QEMU called `program` to learn what it has."""
    shown = []
    for vmm, title in TITLES.items():
        advice = advise(vmm, socket, name, program=program)
        options = list(advice.options)
        copied = options[0] if len(options) == 1 else shlex.join(options)
        shown.append(HowTo(title, _lines(options), copied, tuple(advice.notes)))
    return shown


def _lines(options: list[str]) -> tuple[str, ...]:
    """An option and its value on one line; what is too long goes on, indented, after a comma."""
    pairs: list[str] = []
    for option in options:
        if option.startswith("-") or not pairs:
            pairs.append(option)
        else:
            pairs[-1] += f" {option}"
    return tuple(line for pair in pairs for line in _folded(pair))


def _folded(text: str) -> list[str]:
    lines = [""]
    for part in text.replace(",", ",\0").split("\0"):
        if len(lines[-1]) + len(part) > LINE and lines[-1]:
            lines.append("    ")
        lines[-1] += part if lines[-1].strip() else part.lstrip()
    return lines
