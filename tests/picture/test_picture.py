"""Frames as pictures: known colours in every layout, standard and range."""

from __future__ import annotations

import io

import pytest

from tests.backends.samples import gigantic_jpeg
from vmedia_bench.guest.formats import PlaneLayout, VideoFormat
from vmedia_bench.picture.format import PictureError, PictureFormat, RawFormat, RawPlane
from vmedia_bench.picture.image import encode_image, image_kind
from vmedia_bench.picture.rgb import to_rgb
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding, fourcc

RED = (255, 0, 0)
# Pure red in limited range, by BT.601 and by BT.709, rounded to bytes.
RED_601 = (81, 90, 240)
RED_709 = (63, 102, 240)


def picture(name: str, lines: int, width: int = 2, height: int = 2, **more: int) -> RawFormat:
    return RawFormat(width, height, fourcc(name), (RawPlane(lines),), **more)


def is_red(fmt: PictureFormat, *planes: bytes) -> bool:
    pixels = to_rgb(fmt, planes)
    assert pixels.shape == (fmt.height, fmt.width, 3)
    return all(
        abs(int(a) - b) <= 2 for row in pixels for px in row for a, b in zip(px, RED, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "pixel"),
    [
        ("RGB3", b"\xff\0\0"),
        ("BGR3", b"\0\0\xff"),
        ("XR24", b"\0\0\xff\0"),
        ("AR24", b"\0\0\xff\xff"),
        ("BX24", b"\0\xff\0\0"),
        ("XB24", b"\xff\0\0\0"),
        ("RX24", b"\0\0\0\xff"),
        ("BGR4", b"\0\0\xff\0"),
        ("RGB4", b"\0\xff\0\0"),
    ],
)
def test_packed_rgb_with_padding_behind_each_line(name: str, pixel: bytes) -> None:
    line = pixel * 2
    assert is_red(picture(name, len(line) + 3), line + b"pad" + line)


@pytest.mark.parametrize(
    ("name", "order"), [("YUYV", "yuyv"), ("UYVY", "uyvy"), ("YVYU", "yvyu"), ("VYUY", "vyuy")]
)
def test_packed_yuv(name: str, order: str) -> None:
    y, u, v = RED_601
    pair = bytes({"y": y, "u": u, "v": v}[c] for c in order)
    assert is_red(picture(name, 4), pair * 2)


def test_one_plane_yuv() -> None:
    y, u, v = RED_601
    assert is_red(picture("NV12", 2), bytes([y] * 4 + [u, v]))
    assert is_red(picture("NV21", 2), bytes([y] * 4 + [v, u]))
    assert is_red(picture("YU12", 2), bytes([y] * 4 + [u, v]))
    assert is_red(picture("YV12", 2), bytes([y] * 4 + [v, u]))


def test_planes_apart() -> None:
    y, u, v = RED_601
    assert is_red(picture("NM12", 2), bytes([y] * 4), bytes([u, v]))
    assert is_red(picture("YM12", 2), bytes([y] * 4), bytes([u]), bytes([v]))


def test_odd_sizes_share_the_last_chroma_sample() -> None:
    y, u, v = RED_601
    assert is_red(picture("NV12", 4, 3, 3), bytes([y] * 12 + [u, v] * 4))


def test_the_standard_is_the_formats_or_its_colorspaces() -> None:
    pair = bytes([RED_709[0], RED_709[1], RED_709[0], RED_709[2]])
    assert is_red(picture("YUYV", 4, 2, 1, colorspace=Colorspace.REC709), pair)
    assert is_red(picture("YUYV", 4, 2, 1, ycbcr_enc=YcbcrEncoding._709), pair)
    assert not is_red(picture("YUYV", 4, 2, 1), pair)


def test_full_range_when_the_format_or_jpeg_says_so() -> None:
    pair = bytes([76, 85, 76, 255])
    assert is_red(picture("YUYV", 4, 2, 1, quantization=Quantization.FULL_RANGE), pair)
    assert is_red(picture("YUYV", 4, 2, 1, colorspace=Colorspace.JPEG), pair)


def test_grey() -> None:
    pixels = to_rgb(picture("GREY", 2, 2, 1), [bytes([16, 235])])
    assert pixels.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_mjpeg_is_decoded_and_nonsense_named() -> None:
    from PIL import Image

    packed = io.BytesIO()
    Image.new("RGB", (16, 16), RED).save(packed, "JPEG")
    assert is_red(picture("MJPG", 0, 16, 16), packed.getvalue())
    with pytest.raises(PictureError, match="no JPEG picture"):
        to_rgb(picture("MJPG", 0), [b"nonsense"])


def test_of_what_a_guest_calls_mjpeg_nothing_else_is_decoded() -> None:
    from PIL import Image

    packed = io.BytesIO()
    Image.new("RGB", (16, 16), RED).save(packed, "TIFF")
    with pytest.raises(PictureError, match="no JPEG picture"):
        to_rgb(picture("MJPG", 0, 16, 16), [packed.getvalue()])


def test_a_jpeg_that_says_it_is_gigantic_is_refused() -> None:
    with pytest.raises(PictureError, match=r"no JPEG picture: .*4294836225 pixels"):
        to_rgb(picture("MJPG", 0, 16, 16), [gigantic_jpeg()])


def test_what_cannot_be_shown_is_named() -> None:
    with pytest.raises(PictureError, match="cannot show H264"):
        to_rgb(picture("H264", 0), [b""])
    with pytest.raises(PictureError, match="too short for RGB3 2x2"):
        to_rgb(picture("RGB3", 6), [b"\xff"])


def test_a_guests_format_is_one() -> None:
    fmt = VideoFormat(1, 2, 1, fourcc("RGB3"), planes=(PlaneLayout(6, 6),))
    assert is_red(fmt, b"\xff\0\0" * 2)


@pytest.mark.parametrize("name", ["frame.png", "frame.JPG", "frame.webp", "dir.x/frame.ppm"])
def test_the_suffix_says_what_file_is_written(name: str) -> None:
    from PIL import Image

    packed = encode_image(picture("RGB3", 6), [b"\xff\0\0" * 4], image_kind(name))
    with Image.open(io.BytesIO(packed)) as image:
        assert image.size == (2, 2)
        assert image.format == image_kind(name)


def test_a_png_keeps_every_pixel() -> None:
    from PIL import Image

    with Image.open(io.BytesIO(encode_image(picture("RGB3", 6), [b"\xff\0\0" * 4]))) as image:
        assert image.getpixel((1, 1)) == RED


@pytest.mark.parametrize("name", ["frame", "frame.txt", "frame.h264"])
def test_what_is_no_picture_file_is_named(name: str) -> None:
    with pytest.raises(PictureError, match=r"try \.png"):
        image_kind(name)
