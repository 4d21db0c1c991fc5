"""A device that comes back under another number is found again, if it was not named by its path."""

from collections.abc import Callable
from errno import EACCES, ENODEV
from pathlib import Path

import pytest

from tests.backends.host.driver import CAMERA as FAKE
from tests.backends.host.machine import Machine
from tests.backends.host.rig import Rig
from vmedia_bench.backends.host.discovery import HostDevice, find
from vmedia_bench.backends.host.place import Place
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.v4l2 import Cap

CAMERA = int(Cap.VIDEO_CAPTURE | Cap.STREAMING)
METADATA = int(Cap.META_CAPTURE | Cap.STREAMING)
CAM = ("Cam", "usb-1", CAMERA)

Plug = Callable[..., None]


@pytest.fixture
def kernel() -> Machine:
    return Machine({})


@pytest.fixture
def plug(kernel: Machine, tmp_path: Path) -> Plug:
    """Sets which devices there are; None pulls one."""

    def change(**devices: tuple[str, str, int] | int | None) -> None:
        for name, device in devices.items():
            if device is None:
                del kernel.known[name]
                (tmp_path / name).unlink()
            else:
                kernel.known[name] = device
                (tmp_path / name).touch()

    return change


def place_of(name: str, folder: Path, kernel: Machine, *, fixed: bool = False) -> Place:
    return Place(find(name, folder, kernel), kernel, fixed=fixed, folder=folder)


def opened(place: Place, kernel: Machine) -> str:
    """Where it was opened; nothing else stays open."""
    fd = place.open()
    assert list(kernel.files) == [fd]
    kernel.close(fd)
    return Path(place.path).name


def test_it_is_opened_where_it_was(plug: Plug, kernel: Machine, tmp_path: Path) -> None:
    plug(video0=CAM)
    place = place_of("Cam", tmp_path, kernel)
    assert opened(place, kernel) == "video0"
    assert kernel.calls == ["QUERYCAP"] * 2


def test_another_number_is_found(plug: Plug, kernel: Machine, tmp_path: Path) -> None:
    plug(video0=CAM, video1=("Other", "usb-2", CAMERA))
    place = place_of("Cam", tmp_path, kernel)
    plug(video0=None, video2=CAM)
    assert opened(place, kernel) == "video2"


def test_another_port_is_found(plug: Plug, kernel: Machine, tmp_path: Path) -> None:
    plug(video0=CAM)
    place = place_of("Cam", tmp_path, kernel)
    plug(video0=None, video1=("Cam", "usb-7", CAMERA), video2=("Cam", "usb-7", METADATA))
    assert opened(place, kernel) == "video1"


def test_of_two_it_is_the_one_on_the_same_bus(plug: Plug, kernel: Machine, tmp_path: Path) -> None:
    plug(video0=CAM)
    place = place_of("usb-1", tmp_path, kernel)
    plug(video0=("Cam", "usb-7", CAMERA), video3=CAM)
    assert opened(place, kernel) == "video0"
    plug(video0=None, video1=("Cam", "usb-7", CAMERA))
    assert opened(place, kernel) == "video3"


def test_whatever_took_its_number_is_not_taken_for_it(
    plug: Plug, kernel: Machine, tmp_path: Path
) -> None:
    plug(video0=CAM)
    place = place_of("", tmp_path, kernel)
    plug(video0=("Other", "usb-1", CAMERA), video1=EACCES)
    with pytest.raises(OSError, match="Cam is 0 devices now") as gone:
        place.open()
    assert gone.value.errno == ENODEV
    assert not kernel.files


def test_one_that_was_named_by_its_path_stays_there(
    plug: Plug, kernel: Machine, tmp_path: Path
) -> None:
    plug(video0=CAM)
    place = place_of(f"{tmp_path}/video0", tmp_path, kernel, fixed=True)
    plug(video0=None, video1=CAM)
    with pytest.raises(OSError, match="video0 is not there") as gone:
        place.open()
    assert gone.value.errno == ENODEV
    plug(video0=("Other", "usb-1", CAMERA))
    assert opened(place, kernel) == "video0"


def test_a_guest_opens_it_where_it_is_now(plug: Plug, kernel: Machine, tmp_path: Path) -> None:
    plug(video0=("Fake Camera", "usb-1", FAKE))
    found = HostDevice(f"{tmp_path}/video0", "Fake Camera", "fake", "usb-1", FAKE)
    rig = Rig(kernel, place=Place(found, kernel, fixed=False, folder=tmp_path))
    plug(video0=None)
    with pytest.raises(V4l2Error, match="ENODEV"):
        rig.open()
    plug(video4=("Fake Camera", "usb-1", FAKE))
    rig.open(2)
    assert kernel.path == "video4"
    rig.close()
