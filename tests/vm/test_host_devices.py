"""The backend v4l2 on real kernel drivers, in a machine under QEMU's emulation.

The tests themselves run inside, where /dev/video0 is: tests/vm/inside. Each of them is one line
of the report that comes out.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.vm.host_machine import PROJECT, HostMachine

SCRIPT = """
cd {project}
export PYTHONDONTWRITEBYTECODE=1 TMPDIR=/dev/shm HOME=/dev/shm XDG_RUNTIME_DIR=/dev/shm LANG=C.UTF-8
exec {python} -m pytest -v --color=no --tb=short -p no:cacheprovider -o "python_files={files}" \
    --junitxml=/dev/results/report.xml tests/vm/inside
"""
M2M = "VMEDIA_BENCH_M2M_MODULES"
M2M_MODULES = ("v4l2-mem2mem.ko", "vim2m.ko", "vicodec.ko")


def passed(
    machine: HostMachine, qemu: str, folder: Path, files: str, modules: Sequence[Path] = ()
) -> int:
    """Run the tests in files of that name inside; how many there were, all of them well."""
    script = SCRIPT.format(project=PROJECT, python=sys.executable, files=files)
    outcome = machine.run(qemu, folder, script, modules)
    assert outcome.code == 0, outcome.output
    assert not outcome.trouble
    cases = list(ET.parse(folder / "report.xml").getroot().iter("testcase"))
    assert not [case.get("name") for case in cases if len(case)], outcome.output
    return len(cases)


def test_cameras_and_displays(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    """Linux's vivid: capture and output, single- and multi-planar."""
    assert passed(machine, qemu, tmp_path, "check_*.py") >= 45


def test_memory_to_memory(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    """Linux's vim2m and vicodec, which Debian's kernel does not carry."""
    folder = os.environ.get(M2M)
    if not folder:
        pytest.skip(f"{M2M} names no folder with {', '.join(M2M_MODULES)} for Debian's kernel")
    modules = [Path(folder) / name for name in M2M_MODULES]
    assert passed(machine, qemu, tmp_path, "m2m_*.py", modules) >= 4


@pytest.fixture(scope="session")
def machine() -> HostMachine:
    """Debian's kernel with vivid, built from its packages once."""
    return HostMachine(PROJECT / ".cache" / "host-machine")
