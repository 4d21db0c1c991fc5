"""Inside the machine: vivid's devices, and a bench on each of them that is asked for."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.vm.inside.direct import Direct
from tests.vm.inside.hosted import Hosted
from vmedia_bench.guest.control_calls import ControlCalls
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm

SYSFS = Path("/sys/class/video4linux")


def device_named(name: str) -> str:
    """The path of the device with this name in sysfs, such as vivid-000-vid-cap."""
    for folder in SYSFS.iterdir():
        if (folder / "name").read_text().strip() == name:
            return f"/dev/{folder.name}"
    raise AssertionError(f"there is no {name}")


Connect = Callable[..., Session]


@pytest.fixture(scope="session")
def benches() -> Iterator[dict[tuple[str, tuple[str, ...]], Hosted]]:
    """The benches that run, by device and options."""
    running: dict[tuple[str, tuple[str, ...]], Hosted] = {}
    yield running
    for bench in running.values():
        bench.end()


@pytest.fixture
def connect(benches: dict[tuple[str, tuple[str, ...]], Hosted]) -> Iterator[Connect]:
    """Opens a guest's session on a device, by its name and the bench's options."""
    with ExitStack() as stack:
        drivers: dict[tuple[str, tuple[str, ...]], Driver] = {}

        def opened(name: str, *options: str) -> Session:
            key = (name, options)
            if key not in benches:
                folder = Path(tempfile.mkdtemp())
                benches[key] = Hosted(folder, device_named(name), options)
            if key not in drivers:
                vmm = stack.enter_context(Vmm.connect(benches[key].socket, timeout=20))
                drivers[key] = Driver(vmm)
            return stack.enter_context(drivers[key].open())

        yield opened


@pytest.fixture
def direct() -> Iterator[Callable[[str], Direct]]:
    """Opens a device without a bench, by its name."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(Direct(device_named(name)))


def control_named(caller: ControlCalls, name: str) -> int:
    """The ID of a control by a part of its name."""
    for info in caller.controls(menus=False):
        if name.lower() in info.name.lower():
            return info.id
    raise AssertionError(f"there is no control {name}")
