"""A device that comes back with another number. The last file: what others hold is gone then."""

from errno import ENODEV
from pathlib import Path

import pytest

from tests.vm.inside.conftest import device_named
from tests.vm.inside.direct import Direct
from tests.vm.inside.hosted import Hosted
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType

CAPTURE = int(BufType.VIDEO_CAPTURE)
DRIVER = Path("/sys/bus/platform/drivers/vivid")
CAMERA, BUS = "vivid-002-vid-cap", "platform:vivid-002"
LIMIT_S = 30


def unplug() -> None:
    """Pull all of vivid's devices."""
    (DRIVER / "unbind").write_text("vivid.0")


def plug_in() -> None:
    """Put them back."""
    (DRIVER / "bind").write_text("vivid.0")


def frames_of(bench: Hosted) -> int:
    """Stream as a new guest."""
    with (
        Vmm.connect(bench.socket, timeout=20) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE, count=3) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        return len([frame.sequence for frame in stream.frames(3, LIMIT_S)])


def refusal_of(bench: Hosted) -> int:
    """The errno of OPEN."""
    with Vmm.connect(bench.socket, timeout=20) as vmm:
        with pytest.raises(GuestIoctlError) as refused:
            Driver(vmm).open()
        return refused.value.errno


def make_small(device: Direct) -> None:
    """The machine is slow."""
    code = device.get_format(CAPTURE).pixelformat
    device.set_format(VideoFormat(CAPTURE, 320, 180, code))


def test_a_camera_is_found_where_it_is_unless_it_was_named_by_its_path(tmp_path: Path) -> None:
    unplug()
    plug_in()
    path = device_named(CAMERA)
    folders = [tmp_path / name for name in ("bus", "path")]
    for folder in folders:
        folder.mkdir()
    by_bus, by_path = (Hosted(folders[0], BUS, ()), Hosted(folders[1], path, ()))
    with Direct(path) as host:
        make_small(host)
        assert frames_of(by_bus) == frames_of(by_path) == 3
        unplug()
        assert refusal_of(by_bus) == ENODEV
        assert refusal_of(by_path) == ENODEV
        # While somebody holds it open, its number is not given again.
        plug_in()
        assert device_named(CAMERA) != path
        with Direct(device_named(CAMERA)) as moved:
            make_small(moved)
        assert frames_of(by_bus) == 3
        assert refusal_of(by_path) == ENODEV
    assert f"is at {device_named(CAMERA)} now" in by_bus.text()
    by_bus.end()
    by_path.end()
