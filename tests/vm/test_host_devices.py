"""The backend v4l2 on a real kernel driver: Linux's vivid, in a machine under QEMU's emulation.

The tests themselves run inside, where /dev/video0 is: tests/vm/inside. Each of them is one line
of the report that comes out.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.vm.host_machine import PROJECT, HostMachine

SCRIPT = """
cd {project}
export PYTHONDONTWRITEBYTECODE=1 TMPDIR=/dev/shm HOME=/dev/shm XDG_RUNTIME_DIR=/dev/shm LANG=C.UTF-8
exec {python} -m pytest -v --color=no --tb=short -p no:cacheprovider -o "python_files=check_*.py" \
    --junitxml=/dev/results/report.xml tests/vm/inside
"""
LEAST = 45


def test_the_host_device_backend_on_vivid(machine: HostMachine, qemu: str, tmp_path: Path) -> None:
    script = SCRIPT.format(project=PROJECT, python=sys.executable)
    outcome = machine.run(qemu, tmp_path, script)
    assert outcome.code == 0, outcome.output
    assert not outcome.trouble
    cases = list(ET.parse(tmp_path / "report.xml").getroot().iter("testcase"))
    assert len(cases) >= LEAST
    assert not [case.get("name") for case in cases if len(case)], outcome.output


@pytest.fixture(scope="session")
def machine() -> HostMachine:
    """Debian's kernel with vivid, built from its packages once."""
    return HostMachine(PROJECT / ".cache" / "host-machine")
