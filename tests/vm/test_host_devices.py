"""The backend v4l2 on real kernel drivers, in a machine under QEMU's emulation.

The tests themselves run inside, where /dev/video0 is: tests/vm/inside. Each of them is one line
of the report that comes out.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.plugins.installed import install
from tests.vm.host_machine import PROJECT, HostMachine

SCRIPT = """
cd {project}
export PYTHONPATH={path} PYTHONPYCACHEPREFIX={compiled} PYTHONDONTWRITEBYTECODE=1
export TMPDIR=/dev/shm HOME=/dev/shm XDG_RUNTIME_DIR=/dev/shm LANG=C.UTF-8
exec {python} -m pytest -v --color=no --tb=short -p no:cacheprovider -o "python_files={files}" \
    --junitxml=/dev/results/report.xml tests/vm/inside
"""
M2M = "VMEDIA_BENCH_M2M_MODULES"
COMPILED = PROJECT / ".cache" / "host-machine" / "compiled"
PYV4L2 = "VMEDIA_BENCH_PYV4L2"
M2M_MODULES = ("v4l2-mem2mem.ko", "vim2m.ko", "vicodec.ko")


def passed(
    machine: HostMachine,
    qemu: str,
    folder: Path,
    files: str,
    *,
    modules: Sequence[Path] = (),
    path: Sequence[str] = (),
) -> int:
    """Run the tests in files of that name inside; how many there were, all of them well.

    `modules` are inserted into the kernel; Python looks in the folders of `path`.
    """
    compile_here(path)
    script = SCRIPT.format(
        project=PROJECT,
        python=sys.executable,
        files=files,
        path=os.pathsep.join(path),
        compiled=COMPILED,
    )
    outcome = machine.run(qemu, folder, script, modules)
    assert outcome.code == 0, outcome.output
    assert not outcome.trouble
    cases = list(ET.parse(folder / "report.xml").getroot().iter("testcase"))
    assert not [case.get("name") for case in cases if len(case)], outcome.output
    return len(cases)


def compile_here(path: Sequence[str]) -> None:
    """Compile the Python that runs inside: emulated, that takes longer than the tests."""
    env = os.environ | {"PYTHONPYCACHEPREFIX": str(COMPILED)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    collect = ("pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    for module in (
        (*collect, "-o", "python_files=*.py", "tests/vm/inside"),
        ("vmedia_bench", "--help"),
        ("compileall", "-q", "vmedia_bench", *path),
    ):
        command = [sys.executable, "-m", *module]
        subprocess.run(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, check=True)


def test_cameras_and_displays(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    """Linux's vivid: capture and output, single- and multi-planar."""
    assert passed(machine, qemu, tmp_path, "check_*.py") >= 50


def test_memory_to_memory(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    """Linux's vim2m and vicodec, which Debian's kernel does not carry."""
    folder = os.environ.get(M2M)
    if not folder:
        pytest.skip(f"{M2M} names no folder with {', '.join(M2M_MODULES)} for Debian's kernel")
    modules = [Path(folder) / name for name in M2M_MODULES]
    assert passed(machine, qemu, tmp_path, "m2m_*.py", modules=modules) >= 6


def test_the_plugin_pyv4l2(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    """plugins/pyv4l2 with the package it is for, which no registry has for this Python."""
    package = os.environ.get(PYV4L2)
    if not package:
        pytest.skip(f"{PYV4L2} names no folder that pyv4l2 was installed into")
    assert (Path(package) / "pyv4l2").is_dir(), f"{PYV4L2}: there is no pyv4l2 in {package}"
    install(tmp_path / "plugins")
    path = (str(tmp_path / "plugins"), str(Path(package).resolve()))
    assert passed(machine, qemu, tmp_path, "pyv4l2_*.py", path=path) >= 10


@pytest.fixture(scope="session")
def machine() -> HostMachine:
    """Debian's kernel with vivid, built from its packages once."""
    return HostMachine(PROJECT / ".cache" / "host-machine")
