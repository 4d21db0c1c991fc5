"""The frame number and the timestamp can be read back off the picture."""

import pytest

from tests.backends.camera import MPLANE_CODES, RAW_CODES, Camera
from vmedia_bench.backends.pattern.controls import CID_TEXT
from vmedia_bench.backends.pattern.formats import SIZES

NANOSECONDS = 12_345_678_999_999


@pytest.mark.parametrize("code", [*RAW_CODES, "MJPG"])
def test_caption_is_legible_in_every_format(code: str) -> None:
    assert Camera(code, (640, 480)).shoot(42, NANOSECONDS).caption() == " 00000042 012345.678 "


@pytest.mark.parametrize("code", MPLANE_CODES)
def test_caption_is_legible_through_the_multiplanar_api(code: str) -> None:
    shot = Camera(code, (320, 240), mplane=True).shoot(42, NANOSECONDS)
    assert shot.caption() == " 00000042 012345.678 "


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("code", ["NV12", "MJPG"])
def test_caption_is_legible_at_every_size(code: str, size: tuple[int, int]) -> None:
    assert Camera(code, size).shoot(98765432, 1_000_000).caption() == " 98765432 000000.001 "


@pytest.mark.parametrize("code", ["YUYV", "MJPG"])
@pytest.mark.parametrize("pattern", ["smpte", "box", "noise"])
def test_caption_counts_over_moving_pictures(code: str, pattern: str) -> None:
    camera = Camera(code, pattern=pattern, motion=6)
    read = [camera.shoot(sequence).caption()[1:9] for sequence in (0, 1, 9, 10, 99, 100)]
    assert read == ["00000000", "00000001", "00000009", "00000010", "00000099", "00000100"]


def test_numbers_wrap_at_their_digits() -> None:
    shot = Camera().shoot(100_000_007, 1_000_002_000_000_000)
    assert shot.caption() == " 00000007 000002.000 "


@pytest.mark.parametrize("code", ["NV12", "MJPG"])
def test_text_can_be_switched_off_and_on_while_streaming(code: str) -> None:
    camera = Camera(code, pattern="solid", colour=0)
    camera.source.control_changed(CID_TEXT, 0)
    assert camera.shoot(5).caption() == " " * 21
    camera.source.control_changed(CID_TEXT, 1)
    assert camera.shoot(6).caption() == " 00000006 000000.000 "


@pytest.mark.parametrize("code", ["YU12", "MJPG"])
def test_flips_leave_the_caption_readable(code: str) -> None:
    camera = Camera(code, controls={0x00980914: 1, 0x00980915: 1})
    assert camera.shoot(17).caption() == " 00000017 000000.000 "


@pytest.mark.parametrize("code", ["YUYV", "NV12"])
def test_the_picture_shows_beside_the_caption(code: str) -> None:
    shot = Camera(code, (640, 480)).shoot()
    assert all(abs(g - w) <= 2 for g, w in zip(shot.pixel(600, 2), (0, 0, 191), strict=True))
