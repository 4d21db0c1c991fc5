"""Every format shows the colours it should, in the layout it says."""

import pytest

from tests.backends.camera import MPLANE_CODES, RAW_CODES, Camera, Shot, luma
from vmedia_bench.backends.pattern.formats import SIZES
from vmedia_bench.wire.v4l2 import (
    BufType,
    Cap,
    Colorspace,
    Field,
    Quantization,
    YcbcrEncoding,
    fourcc_name,
)

BARS = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
)

# 8-bit limited-range Y'CbCr is off by up to 2 after the way there and back; JPEG by a little more.
EXACT, YCBCR_ERROR, JPEG_ERROR = 0, 2, 6

BYTES_A_PIXEL = dict.fromkeys(("YUYV", "UYVY"), 2.0)
BYTES_A_PIXEL |= dict.fromkeys(("NV12", "YU12"), 1.5)
BYTES_A_PIXEL |= dict.fromkeys(("RGB3", "BGR3"), 3.0)
BYTES_A_PIXEL |= dict.fromkeys(("RGB4", "BGR4", "XR24", "BX24", "XB24"), 4.0)
BYTES_A_PIXEL["GREY"] = 1.0
LINE_BYTES = BYTES_A_PIXEL | {"NV12": 1.0, "YU12": 1.0}


def assert_bars(shot: Shot, tolerance: int) -> None:
    for row in (shot.height // 4, shot.height // 3, shot.height // 2):
        for bar, colour in enumerate(BARS):
            got = shot.pixel((2 * bar + 1) * shot.width // 14, row)
            want = (round(luma(colour)),) * 3 if shot.code == "GREY" else colour
            assert all(abs(g - w) <= tolerance for g, w in zip(got, want, strict=True)), (bar, got)


def tolerance_of(code: str) -> int:
    if code == "MJPG":
        return JPEG_ERROR
    return EXACT if BYTES_A_PIXEL.get(code, 0) >= 3 else YCBCR_ERROR


@pytest.mark.parametrize("size", [(160, 120), (176, 144), (640, 360), (1920, 1080)])
@pytest.mark.parametrize("code", [*RAW_CODES, "MJPG"])
def test_smpte_bars_have_their_colours(code: str, size: tuple[int, int]) -> None:
    assert_bars(Camera(code, size).shoot(), tolerance_of(code))


@pytest.mark.parametrize("code", MPLANE_CODES)
def test_smpte_bars_have_their_colours_through_the_multiplanar_api(code: str) -> None:
    assert_bars(Camera(code, (640, 480), mplane=True).shoot(), YCBCR_ERROR)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_fills_the_last_line(size: tuple[int, int]) -> None:
    shot = Camera("NV12", size, pattern="solid", colour=0xFF8000).shoot()
    for x in (0, size[0] - 1):
        got = shot.pixel(x, size[1] - 1)
        assert all(abs(g - w) <= 2 for g, w in zip(got, (255, 128, 0), strict=True))


@pytest.mark.parametrize("enc", [YcbcrEncoding._601, YcbcrEncoding._709])
@pytest.mark.parametrize("quantization", [Quantization.FULL_RANGE, Quantization.LIM_RANGE])
def test_samples_follow_the_negotiated_encoding_and_range(enc: int, quantization: int) -> None:
    camera = Camera("UYVY", (640, 480), ycbcr_enc=enc, quantization=quantization)
    assert_bars(camera.shoot(), YCBCR_ERROR)


@pytest.mark.parametrize("code", ["RGB4", "XR24", "BX24", "XB24", "BGR4"])
def test_padding_bytes_are_opaque(code: str) -> None:
    data = Camera(code, (160, 120)).shoot().planes[0].data
    padding = data[0::4] if code in {"RGB4", "BX24"} else data[3::4]
    assert set(padding) == {255}


@pytest.mark.parametrize("code", RAW_CODES)
@pytest.mark.parametrize("size", [(160, 120), (1280, 720)])
def test_layout_is_without_padding(code: str, size: tuple[int, int]) -> None:
    camera = Camera(code, size)
    (plane,) = camera.format.planes
    assert plane.bytesperline == size[0] * LINE_BYTES[code]
    assert plane.sizeimage == size[0] * size[1] * BYTES_A_PIXEL[code]
    assert camera.shoot().filled.bytesused == (plane.sizeimage,)


def test_multiplanar_formats_have_a_memory_plane_a_component() -> None:
    sizes = {
        code: [
            (p.bytesperline, p.sizeimage)
            for p in Camera(code, (320, 240), mplane=True).format.planes
        ]
        for code in ("NM12", "YM12", "NV12")
    }
    assert sizes == {
        "NM12": [(320, 76800), (320, 38400)],
        "YM12": [(320, 76800), (160, 19200), (160, 19200)],
        "NV12": [(320, 115200)],
    }


def test_formats_declare_the_colorimetry_their_pixels_have() -> None:
    camera = Camera()
    for desc in camera.source.formats(BufType.VIDEO_CAPTURE):
        code = fourcc_name(desc.pixelformat)
        jpeg, rgb = code == "MJPG", tolerance_of(code) == EXACT
        full = jpeg or rgb or code == "GREY"
        assert desc.colorspace == (Colorspace.JPEG if jpeg else Colorspace.SRGB)
        assert desc.ycbcr_enc == (YcbcrEncoding.DEFAULT if rgb else YcbcrEncoding._601)
        assert desc.quantization == (Quantization.FULL_RANGE if full else Quantization.LIM_RANGE)
        assert desc.field == Field.NONE


def test_capabilities_tell_which_api_is_spoken() -> None:
    assert Camera().source.device_caps & Cap.VIDEO_CAPTURE
    multiplanar = Camera("NM12", mplane=True).source
    assert multiplanar.device_caps & Cap.VIDEO_CAPTURE_MPLANE
    assert not multiplanar.device_caps & Cap.VIDEO_CAPTURE
    assert multiplanar.buf_types == (BufType.VIDEO_CAPTURE_MPLANE,)


def test_ramp_rises_from_black_to_white() -> None:
    shot = Camera("GREY", (640, 480), pattern="ramp").shoot()
    levels = [shot.pixel(x, 400)[0] for x in range(640)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 255)


def test_gradient_goes_through_all_hues_and_from_white_to_black() -> None:
    shot = Camera("RGB3", (640, 480), pattern="gradient", text=False).shoot()
    assert shot.pixel(300, 0) == (255, 255, 255)
    assert shot.pixel(300, 479) == (0, 0, 0)
    middle = [max(range(3), key=shot.pixel(x, 240).__getitem__) for x in (10, 213, 427)]
    assert middle == [0, 1, 2]


def test_checkerboard_alternates_both_ways() -> None:
    shot = Camera("GREY", (640, 480), pattern="checker", text=False).shoot()
    assert [shot.pixel(x, 10)[0] for x in (10, 58, 106)] == [18, 237, 18]
    assert [shot.pixel(10, y)[0] for y in (10, 58, 106)] == [18, 237, 18]
