"""Pictures from frames: the right pixels in the right colours, for every format."""

import numpy as np
import pytest

from tests.backends.samples import gigantic_jpeg
from vmedia_bench.control.operations.frames import Frame, FramePlane
from vmedia_bench.picture.format import PictureError
from vmedia_bench.tui.sampling import Picture, window


def frame(
    fourcc: str, width: int, height: int, *strides: int, row_step: int = 1, rows: int = 0
) -> Frame:
    """A frame's description; one plane a stride, with `rows` rows where it is sampled."""
    return Frame(
        serial=1,
        session=1,
        buffer=0,
        sequence=0,
        timestamp_ns=0,
        flags=(),
        fourcc=fourcc,
        width=width,
        height=height,
        row_step=row_step,
        colorspace="SMPTE170M",
        ycbcr_enc="DEFAULT",
        quantization="DEFAULT",
        planes=tuple(
            FramePlane(offset=0, length=0, bytesperline=stride, rows=rows) for stride in strides
        ),
    )


def test_a_window_keeps_the_aspect() -> None:
    whole = window(1920, 1080, 80, 60, 1, (0.5, 0.5))
    assert (whole.columns, whole.rows) == (80, 45)
    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, 1920, 1080)
    assert whole.row_step == 8
    tall = window(480, 640, 80, 40, 1, (0.5, 0.5))
    assert (tall.columns, tall.rows) == (30, 40)


def test_a_zoomed_window_stays_inside() -> None:
    corner = window(640, 480, 80, 60, 4, (1.0, 0.0))
    assert (corner.left, corner.top, corner.width, corner.height) == (480, 0, 160, 120)
    assert corner.row_step == 1


def test_packed_rgb_is_shown_as_it_is() -> None:
    left, right = bytes((255, 0, 0)), bytes((0, 0, 255))
    data = (left * 8 + right * 8) * 8
    part = window(16, 8, 8, 4, 1, (0.5, 0.5))
    pixels = Picture(frame("RGB3", 16, 8, 48), [data]).pixels(part)
    assert pixels.shape == (4, 8, 3)
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[3, 7].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("fourcc", "strides", "data"),
    [
        ("NV12", (16,), bytes([81]) * 128 + bytes([90, 240]) * 32),
        ("YU12", (16,), bytes([81]) * 128 + bytes([90]) * 32 + bytes([240]) * 32),
        ("YUYV", (32,), bytes([81, 90, 81, 240]) * 64),
    ],
)
def test_yuv_is_converted_as_the_colorspace_says(
    fourcc: str, strides: tuple[int, ...], data: bytes
) -> None:
    picture = Picture(frame(fourcc, 16, 8, *strides), [data])
    pixels = picture.pixels(window(16, 8, 4, 2, 1, (0.5, 0.5)))
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 2
    probe = picture.probe(3, 3)
    assert (probe.kind, probe.samples) == ("YUV", (81, 90, 240))
    assert probe.text().startswith("3,3  Y 81 U 90 V 240  #F")


def test_rows_that_were_left_out_in_the_bench_are_not_missed() -> None:
    rows = [bytes((value,)) * 16 for value in range(0, 64, 4)]
    picture = Picture(frame("GREY", 16, 64, 16, row_step=4, rows=16), [b"".join(rows)])
    probe = picture.probe(0, 40)
    assert probe.y == 40
    assert probe.samples[0] == 40
    least, most, counts = picture.histogram()
    assert (least, most) == (0, 60)
    assert sum(counts) == 16 * 16


@pytest.mark.parametrize(
    ("fourcc", "planes"),
    [
        ("NV12", (16 * (134 + 67),)),
        ("NM12", (16 * 134, 16 * 67)),
        ("YU12", (16 * 134 + 2 * 8 * 67,)),
    ],
)
def test_every_eighth_row_of_1080_lacks_one_so_that_chroma_rows_are_whole(
    fourcc: str, planes: tuple[int, ...]
) -> None:
    described = frame(fourcc, 16, 1080, *(16 for _ in planes), row_step=8, rows=134)
    picture = Picture(described, [bytes(length) for length in planes])
    assert picture.pixels(window(16, 1080, 8, 540, 1, (0.5, 0.5))).shape == (540, 8, 3)
    assert picture.probe(8, 1079).y == 133 * 8


def test_a_frame_too_short_is_an_error_and_no_crash() -> None:
    with pytest.raises(PictureError, match="too short"):
        Picture(frame("RGB3", 16, 8, 48), [b"\0" * 10])


def test_a_jpeg_that_says_it_is_gigantic_is_an_error_and_no_crash() -> None:
    with pytest.raises(PictureError, match="no JPEG"):
        Picture(frame("MJPG", 16, 16, 0), [gigantic_jpeg()])
