"""The camera over a device that answers as pyv4l2 does; and what is said where pyv4l2 is not."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from vmedia_bench.backends import backend
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.stream import Stream
from vmedia_bench.plugin import BufType, Cid, CtrlFlag, NodeMaker, fourcc
from vmedia_bench.testing import BackendConformance, Served, guest_session

from vmedia_bench_pyv4l2.asking import DeviceControl, DeviceFormat, format_of
from vmedia_bench_pyv4l2.camera import Pyv4l2Camera
from vmedia_bench_pyv4l2.plugin import Pyv4l2Plugin

WIDTH, HEIGHT, STRIDE = 32, 16, 80


class Capture:
    """Frames full of their number."""

    def __init__(self) -> None:
        self.frames = 0
        self.closed = False

    def get_frame(self) -> bytes:
        self.frames += 1
        return bytes([self.frames & 0xFF]) * (STRIDE * HEIGHT)

    def close(self) -> None:
        self.closed = True


class Webcam:
    """A webcam; one of its controls breaks the rules."""

    name = "A webcam with a name that is far too long for it"

    def __init__(self) -> None:
        self.captures: list[Capture] = []
        self.set: list[tuple[int, int]] = []
        self.values: dict[int, int] = {
            Cid.BRIGHTNESS: 100,
            Cid.GAIN: 1,
            Cid.HUE: 7,
            Cid.POWER_LINE_FREQUENCY: 2,
            Cid.AUTO_WHITE_BALANCE: 1,
        }
        self.is_set_to = DeviceFormat(
            WIDTH, HEIGHT, fourcc("YUYV"), 1, STRIDE, STRIDE * HEIGHT, 8, 1, 2, 3
        )

    def format(self) -> DeviceFormat:
        return self.is_set_to

    def controls(self) -> Sequence[DeviceControl]:
        return (
            DeviceControl(int(Cid.BRIGHTNESS), "number", "Brightness", 0, 255, 1),
            DeviceControl(int(Cid.GAIN), "number", "Gain", 0, 255, 0),
            DeviceControl(int(Cid.HUE), "number", "Hue", 0, 255, 1, int(CtrlFlag.VOLATILE)),
            DeviceControl(
                int(Cid.POWER_LINE_FREQUENCY),
                "menu",
                "Power Line Frequency",
                0,
                2,
                1,
                menu=("Disabled", None, "60 Hz"),
            ),
            DeviceControl(
                int(Cid.AUTO_WHITE_BALANCE), "switch", "White Balance, Automatic", 0, 1, 1
            ),
        )

    def get_control(self, cid: int) -> int:
        return self.values[cid]

    def set_control(self, cid: int, value: int) -> None:
        self.set.append((cid, value))
        self.values[cid] = value

    def open(self) -> Capture:
        self.captures.append(Capture())
        return self.captures[-1]


class TestCamera(BackendConformance):
    @classmethod
    def maker(cls) -> NodeMaker:
        return Pyv4l2Camera(Webcam())


def test_a_guest_sees_the_device_as_it_is_set() -> None:
    webcam = Webcam()
    with Served(Pyv4l2Camera(webcam)) as served, guest_session(served) as session:
        fmt = session.get_format(BufType.VIDEO_CAPTURE)
        assert (fmt.width, fmt.height, fmt.planes[0].bytesperline) == (WIDTH, HEIGHT, STRIDE)
        assert (fmt.colorspace, fmt.ycbcr_enc, fmt.quantization, fmt.xfer_func) == (8, 1, 2, 3)
        named = {info.name: info.default for info in session.controls() if info.type != 6}
        assert named == {
            "Brightness": 100,
            "Hue": 7,
            "Power Line Frequency": 2,
            "White Balance, Automatic": 1,
        }
        menu = session.control_info(Cid.POWER_LINE_FREQUENCY, menus=True).menu
        assert [(item.index, item.name) for item in menu] == [(0, "Disabled"), (2, "60 Hz")]
        webcam.values[Cid.HUE] = 8
        assert session.get_control(session.control_info(Cid.HUE)) == 8
        session.set_control(session.control_info(Cid.BRIGHTNESS), 7)
        with Stream(session, BufType.VIDEO_CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = [frame.planes[0][0] for frame in stream.frames(5)]
    assert shown == [1, 2, 3, 4, 5]
    assert webcam.set == [(Cid.BRIGHTNESS, 7)]
    assert [capture.closed for capture in webcam.captures] == [True]


def test_a_camera_that_was_set_to_something_else_does_not_start() -> None:
    webcam = Webcam()
    camera = Pyv4l2Camera(webcam)
    webcam.is_set_to = webcam.is_set_to._replace(width=16)
    with Served(camera) as served, guest_session(served) as session:
        stream = Stream(session, BufType.VIDEO_CAPTURE)
        stream.queue_all()
        with pytest.raises(GuestIoctlError, match="EINVAL"):
            stream.stream_on()
    assert not webcam.captures


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmedia_bench_pyv4l2.plugin.find_spec", lambda _name: None)
    said = Pyv4l2Plugin().unusable()
    assert said.startswith("pyv4l2 is not installed: its release 1.0.2 does not compile")
    assert "Cython before 3" in said
    assert "\n" not in said


def test_half_an_installation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "vmedia_bench_pyv4l2.plugin.find_spec", lambda name: None if "." in name else object()
    )
    assert "without its compiled modules" in Pyv4l2Plugin().unusable()


def test_the_registry_lists_it_wherever_it_is_installed() -> None:
    found = backend("pyv4l2")
    assert found.summary == "A camera of this system, read with pyv4l2."
    assert [option.name for option in found.options()] == ["device"]


def test_what_is_no_camera_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="not a single-planar capture device"):
        format_of(tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        format_of(tmp_path / "none")
