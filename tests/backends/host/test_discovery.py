"""Finding a device, and saying in one line why there is none."""

from collections.abc import Callable
from errno import EACCES, EBUSY, EIO, EISDIR, ENOENT, ENOTTY
from pathlib import Path

import pytest

from tests.backends.host.driver import FakeKernel
from tests.backends.host.machine import Machine
from vmedia_bench.backends.host.discovery import (
    HostDevice,
    device_paths,
    devices,
    examine,
    find,
    unusable,
)
from vmedia_bench.wire.v4l2 import Cap

CAMERA = int(Cap.VIDEO_CAPTURE | Cap.STREAMING)
METADATA = int(Cap.META_CAPTURE | Cap.STREAMING)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., tuple[Path, Machine]]:
    def make(**known: tuple[str, str, int] | int) -> tuple[Path, Machine]:
        for name in known:
            (tmp_path / name).touch()
        return tmp_path, Machine(known)

    return make


Make = Callable[..., tuple[Path, Machine]]


def test_devices_are_listed_by_number(tmp_path: Path) -> None:
    for name in ("video10", "video2", "video0", "vbi0", "videofoo"):
        (tmp_path / name).touch()
    names = [Path(path).name for path in device_paths(tmp_path)]
    assert names == ["video0", "video2", "video10"]


def test_what_is_there_is_described(machine: Make) -> None:
    folder, kernel = machine(video0=("Cam", "usb-1", CAMERA), video1=EACCES)
    camera, locked = devices(folder, kernel)
    assert camera == HostDevice(f"{folder}/video0", "Cam", "drv", "usb-1", CAMERA)
    assert (camera.kind, camera.streams_video) == ("capture", True)
    assert "permission denied" in locked.problem
    assert not kernel.files


def test_a_device_is_found_by_path_name_card_or_bus(machine: Make) -> None:
    folder, kernel = machine(
        video0=("Front Camera", "usb-1", CAMERA), video1=("Back Camera", "usb-2", CAMERA)
    )
    for name in (f"{folder}/video1", "video1", "Back Camera", "back", "USB-2"):
        assert find(name, folder, kernel).path == f"{folder}/video1"
    assert find("", folder, kernel).path == f"{folder}/video0"


def test_a_cameras_metadata_node_is_not_taken_for_the_camera(machine: Make) -> None:
    folder, kernel = machine(video0=("Cam", "usb-1", METADATA), video1=("Cam", "usb-1", CAMERA))
    assert find("Cam", folder, kernel).path == f"{folder}/video1"
    assert find("", folder, kernel).path == f"{folder}/video1"


def test_nothing_here_says_what_to_do(tmp_path: Path) -> None:
    assert "load vivid" in unusable(tmp_path)
    with pytest.raises(OSError, match="load vivid"):
        find("", tmp_path, FakeKernel())


def test_a_device_that_is_there_makes_it_usable(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert unusable(tmp_path) == ""


@pytest.mark.parametrize(
    ("errno", "line"),
    [
        (ENOENT, "there is no such device"),
        (EACCES, "permission denied: join the group that owns it, "),
        (EISDIR, "is not a V4L2 device"),
        (EIO, "cannot be opened: Input/output error"),
        (EBUSY, "is busy: another program has it"),
    ],
)
def test_a_device_that_cannot_be_opened(machine: Make, errno: int, line: str) -> None:
    folder, kernel = machine(video0=errno)
    for name in (f"{folder}/video0", "video0", ""):
        with pytest.raises(OSError, match=line) as refused:
            find(name, folder, kernel)
        assert f"{folder}/video0" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_no_v4l2_device(machine: Make) -> None:
    folder, kernel = machine(video0=("x", "y", 0))

    def no_ioctl(_number: int) -> None:
        raise OSError(ENOTTY, "Inappropriate ioctl for device")

    kernel.before = no_ioctl
    assert examine(f"{folder}/video0", kernel).problem == f"{folder}/video0 is not a V4L2 device"


def test_a_real_file_that_is_no_device() -> None:
    for path in ("/dev/null", "/dev"):
        with pytest.raises(OSError, match=f"{path} is not a V4L2 device"):
            find(path)


def test_two_devices_of_one_name_are_told_apart_by_path(machine: Make) -> None:
    folder, kernel = machine(video0=("Cam", "usb-1", CAMERA), video1=("Cam", "usb-2", CAMERA))
    with pytest.raises(ValueError, match=r"device cam: several have that name.*name a path"):
        find("cam", folder, kernel)


def test_an_unknown_name_lists_what_there_is(machine: Make) -> None:
    folder, kernel = machine(video0=("Cam", "usb-1", CAMERA))
    with pytest.raises(
        ValueError, match=r"device scanner: none has that name; there is .*Cam, usb-1"
    ):
        find("scanner", folder, kernel)
