"""Spliced JPEGs are JPEGs: complete, standard, and near to the picture they show."""

from math import log10

import numpy as np
import pytest
from PIL import Image

from tests.backends.camera import Camera, Shot
from vmedia_bench.backends.pattern.formats import SIZES
from vmedia_bench.wire.controls import Cid


def decibels(jpeg: Shot, plain: Shot) -> float:
    """Peak signal-to-noise ratio over all pixels and channels."""
    truth = Image.frombytes("RGB", (plain.width, plain.height), plain.bytes()[0])
    error = np.asarray(jpeg.jpeg(), np.float64) - np.asarray(truth, np.float64)
    return 10 * log10(255**2 / max(float(np.mean(error**2)), 1e-9))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pattern", ["smpte", "gradient"])
def test_frames_are_near_the_uncompressed_picture(pattern: str, size: tuple[int, int]) -> None:
    jpeg = Camera("MJPG", size, pattern=pattern).shoot(77)
    plain = Camera("RGB3", size, pattern=pattern).shoot(77)
    assert decibels(jpeg, plain) > 30


@pytest.mark.parametrize("pattern", ["smpte", "box", "checker", "ramp", "solid"])
@pytest.mark.parametrize("text", [True, False])
def test_moving_frames_are_near_the_uncompressed_picture(pattern: str, text: bool) -> None:
    cameras = [Camera(code, pattern=pattern, text=text, motion=6) for code in ("MJPG", "RGB3")]
    for sequence in (0, 1, 40, 41, 1000):
        jpeg, plain = (camera.shoot(sequence) for camera in cameras)
        assert decibels(jpeg, plain) > 30


@pytest.mark.parametrize("size", SIZES)
def test_restart_markers_count_through_the_scan(size: tuple[int, int]) -> None:
    (data,) = Camera("MJPG", size, pattern="checker").shoot(5).bytes()
    scan = data[data.index(b"\xff\xda") : -2]
    numbers = [scan[i + 1] & 7 for i in range(len(scan) - 1) if is_restart(scan, i)]
    assert numbers == [i % 8 for i in range(len(numbers))]
    interval = int.from_bytes(data[(at := data.index(b"\xff\xdd") + 4) : at + 2])
    mcus = (size[0] // 16) * (size[1] // 8)
    assert (len(numbers) + 1) * interval == mcus


def is_restart(scan: bytes, at: int) -> bool:
    return scan[at] == 0xFF and 0xD0 <= scan[at + 1] <= 0xD7


def test_a_frame_begins_and_ends_as_a_jpeg() -> None:
    shot = Camera("MJPG", (640, 480)).shoot()
    (data,) = shot.bytes()
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    assert data.count(b"\xff\xd9") == 1
    assert shot.jpeg().size == (640, 480)


@pytest.mark.parametrize("size", SIZES)
def test_the_worst_picture_fits_sizeimage(size: tuple[int, int]) -> None:
    loud = {int(cid): 255 for cid in (Cid.CONTRAST, Cid.SATURATION)}
    camera = Camera("MJPG", size, pattern="noise", controls=loud)
    assert camera.shoot().filled.bytesused[0] < camera.format.planes[0].sizeimage * 0.75


def test_a_control_reaches_strips_that_were_encoded_before() -> None:
    camera = Camera("MJPG", pattern="solid", colour=0xFFFFFF)
    assert camera.shoot().pixel(200, 200)[0] > 250
    camera.source.control_changed(Cid.BRIGHTNESS, 0)
    assert 120 < camera.shoot().pixel(200, 200)[0] < 135
