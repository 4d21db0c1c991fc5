"""Fail when the suite skipped a test other than those that need by hand what no package has."""

import sys
from xml.etree import ElementTree as ET

MAY_BE_SKIPPED = (
    "tests.vm.test_linux_guest",
    "tests.vm.test_linux_codec",
    "tests.vm.test_host_devices::test_memory_to_memory",
    "tests.vm.test_host_devices::test_the_plugin_pyv4l2",
    "tests.trace.test_retrace",
)
"""They need a module for the guest's kernel; modules that Debian does not build; pyv4l2, which is
built by hand; v4l2-tracer."""


def main(report: str) -> int:
    """Print what was skipped in a JUnit report; 1 when something that CI must run is among it."""
    forbidden = 0
    for case in ET.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None:
            continue
        allowed = f"{case.get('classname')}::{case.get('name')}".startswith(MAY_BE_SKIPPED)
        forbidden += not allowed
        name = f"{case.get('classname')}::{case.get('name')}"
        print(
            f"{'skipped' if allowed else 'SKIPPED, but must run'}: {name}: {skipped.get('message')}"
        )
    print(f"{forbidden} tests skipped that must run")
    return 1 if forbidden else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
