"""The camera over a device that answers as pyv4l2 does; and what is said where pyv4l2 is not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from vmedia_bench.backends import backend
from vmedia_bench.guest.stream import Stream
from vmedia_bench.plugin import BufType, Cid, NodeMaker, fourcc
from vmedia_bench.testing import BackendConformance, Served, guest_session

from vmedia_bench_pyv4l2.camera import Pyv4l2Camera
from vmedia_bench_pyv4l2.device import DeviceFormat, format_of
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
    """What pyv4l2 says of a webcam, names as bytes and menus upside down as it has them."""

    name = "A webcam with a name that is far too long for it"

    def __init__(self) -> None:
        self.captures: list[Capture] = []
        self.set: list[tuple[int, int]] = []

    def format(self) -> DeviceFormat:
        return DeviceFormat(WIDTH, HEIGHT, fourcc("YUYV"), 1, STRIDE, STRIDE * HEIGHT, 8)

    def controls(self) -> Sequence[dict[str, Any]]:
        number = {"min": 0, "max": 255, "step": 1, "default": 128, "value": 100, "disabled": False}
        return [
            {**number, "name": b"Brightness", "type": "int", "id": int(Cid.BRIGHTNESS)},
            {**number, "name": b"Hue", "type": "int", "id": int(Cid.HUE), "disabled": True},
            {**number, "name": b"Gain", "type": "int", "id": int(Cid.GAIN), "step": 0},
            {
                **number,
                "name": b"Power Line Frequency",
                "type": "menu",
                "id": int(Cid.POWER_LINE_FREQUENCY),
                "max": 2,
                "value": 1,
                "menu": {b"Disabled": 0, b"50 Hz": 1, b"60 Hz": 2},
            },
            {
                **number,
                "name": b"White Balance, Automatic",
                "type": "bool",
                "id": int(Cid.AUTO_WHITE_BALANCE),
                "max": 1,
                "value": 1,
            },
        ]

    def set_control(self, cid: int, value: int) -> None:
        self.set.append((cid, value))

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
        named = {info.name: info.default for info in session.controls() if info.type != 6}
        assert named == {
            "Brightness": 100,
            "Power Line Frequency": 1,
            "White Balance, Automatic": 1,
        }
        session.set_control(session.control_info(Cid.BRIGHTNESS), 7)
        with Stream(session, BufType.VIDEO_CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = [frame.planes[0][0] for frame in stream.frames(5)]
    assert shown == [1, 2, 3, 4, 5]
    assert webcam.set == [(Cid.BRIGHTNESS, 7)]
    assert [capture.closed for capture in webcam.captures] == [True]


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
