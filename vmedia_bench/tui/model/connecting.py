"""How a VM is connected to the bench: the exact lines, ready to copy."""

import shlex
from dataclasses import dataclass

from vmedia_bench.control.vmm.options import QEMU_PROGRAM, Vmm, advise

LINE = 72
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
    """An option and its value on one line; short pairs share one."""
    pairs: list[str] = []
    for option in options:
        if option.startswith("-") or not pairs:
            pairs.append(option)
        else:
            pairs[-1] += f" {option}"
    lines: list[str] = []
    for pair in pairs:
        if lines and len(lines[-1]) + len(pair) < LINE:
            lines[-1] += f" {pair}"
        else:
            lines.append(pair)
    return tuple(lines)
