"""The plugin pyv4l2, with the package itself, on vivid: what its guest sees is vivid's own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving import Serving
from tests.vm.inside.conftest import control_named, device_named
from tests.vm.inside.direct import Direct
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType, CtrlFlag, CtrlType, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAMERA = "vivid-000-vid-cap"
LIMIT_S = 30
DECLARED = {CtrlType.INTEGER, CtrlType.BOOLEAN, CtrlType.MENU}

Open = Callable[[str], Direct]
Serve = Callable[[], tuple[Serving, Session]]

COMMAND = (sys.executable, "-m", "tests.vm.inside.patient")


class Patient(Serving):
    """A bench that has patience with plugins."""

    module = "tests.vm.inside.patient"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a bench with the plugin on vivid's camera as it is set, and opens a session."""
    with ExitStack() as stack:

        def served() -> tuple[Serving, Session]:
            socket = Path(tempfile.mkdtemp()) / "vm.sock"
            options = ("--backend", "pyv4l2", "--set", f"device={device_named(CAMERA)}")
            bench = stack.enter_context(Patient(socket, *options))
            vmm = stack.enter_context(Vmm.connect(socket, timeout=20))
            return bench, stack.enter_context(Driver(vmm).open())

        yield served


def still(camera: Direct, pixel_format: str) -> None:
    """No text and no movement, in a format."""
    camera.set_control(control_named(camera, "OSD Text Mode"), 2)
    camera.set_format(VideoFormat(CAPTURE, 320, 180, fourcc(pixel_format)))


def test_the_plugin_is_listed_as_usable() -> None:
    command = [*COMMAND, "plugins", "list", "--format", "json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (found,) = [row for row in listed["plugins"] if row["name"] == "pyv4l2"]
    assert found["reason"] == ""


@pytest.mark.parametrize("pixel_format", ["YUYV", "RGB3", "GREY", "NV12"])
def test_format_and_pixels_are_vivids(serve: Serve, direct: Open, pixel_format: str) -> None:
    host = direct(CAMERA)
    still(host, pixel_format)
    (expected,) = host.frames(CAPTURE, 1)
    _, session = serve()
    assert session.get_format(CAPTURE) == host.get_format(CAPTURE)
    with Stream(session, CAPTURE, count=3) as stream:
        stream.queue_all()
        stream.stream_on()
        for _ in range(5):
            frame = stream.next_frame(LIMIT_S)
            assert stream.copy(frame) == expected.planes
            stream.requeue(frame)
        assert not stream.violations


def test_controls_are_vivids(serve: Serve, direct: Open) -> None:
    host = direct(CAMERA)
    still(host, "YUYV")
    _, session = serve()
    asked = CtrlFlag.DISABLED | CtrlFlag.WRITE_ONLY | CtrlFlag.HAS_PAYLOAD
    expected = {
        info.id: info
        for info in host.controls()
        if info.type in DECLARED and not info.flags & asked
    }
    assert len(expected) > 10
    found = {info.id: info for info in session.controls() if info.type != CtrlType.CTRL_CLASS}
    assert found.keys() == expected.keys()
    for cid, info in expected.items():
        ours = found[cid]
        assert (ours.name, ours.type, ours.menu) == (info.name, info.type, info.menu)
        assert (ours.minimum, ours.maximum, ours.step) == (info.minimum, info.maximum, info.step)
        if not info.flags & CtrlFlag.VOLATILE:
            assert session.get_control(ours) == host.get_control(info), info.name
    brightness = control_named(host, "Brightness")
    session.set_control(brightness, 77)
    with Stream(session, CAPTURE, count=2) as stream:
        stream.queue_all()
        first_frame(stream)
    assert host.get_control(brightness) == 77
    host.set_control(brightness, 128)


def first_frame(stream: Stream) -> Frame:
    """Begin to stream."""
    stream.stream_on()
    return stream.next_frame(LIMIT_S)


def stream_refused(bench: Serving, session: Session) -> str:
    """STREAMON fails, or the session right after it; gives the line about it in the log."""
    stream = Stream(session, CAPTURE, count=2)
    stream.queue_all()
    with pytest.raises((BackendError, GuestIoctlError)):
        first_frame(stream)
    return bench.wait_for("pyv4l2: Start: ")


def test_a_camera_that_another_program_has_is_said_to_be_busy(serve: Serve, direct: Open) -> None:
    host = direct(CAMERA)
    still(host, "YUYV")
    bench, session = serve()
    host.start(CAPTURE)
    assert "another program may have it" in stream_refused(bench, session)
    host.stop(CAPTURE)
    with session.driver.open() as again, Stream(again, CAPTURE, count=2) as stream:
        stream.queue_all()
        first_frame(stream)


def test_a_camera_that_was_set_to_another_format_is_not_shown(serve: Serve, direct: Open) -> None:
    host = direct(CAMERA)
    still(host, "YUYV")
    bench, session = serve()
    still(host, "RGB3")
    assert "use the backend anew" in stream_refused(bench, session)


@pytest.mark.parametrize("name", ["vivid-001-vid-cap", "vivid-000-vid-out"])
def test_what_pyv4l2_cannot_read_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    device = device_named(name)
    options = ("serve", "--backend", "pyv4l2", "--set", f"device={device}")
    command = [*COMMAND, *options, "--socket", str(tmp_path / "s")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert device in line
    assert "not a single-planar capture device" in line
