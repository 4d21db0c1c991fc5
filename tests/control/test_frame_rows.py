"""Previews: every n-th row of a frame, of every component so that the picture stays right."""

import pytest

from vmedia_bench.control.server.frame_rows import sampled_rows
from vmedia_bench.v4l2.source import Format, PlaneFormat
from vmedia_bench.wire.v4l2 import fourcc


def format_of(code: str, width: int, height: int, *planes: tuple[int, int]) -> Format:
    """A capture format; planes are (bytesperline, sizeimage)."""
    layout = tuple(PlaneFormat(*plane) for plane in planes)
    return Format(1, fourcc(code), width, height, 1, 8, 0, 0, 0, 0, layout)


def offsets(fmt: Format, step: int) -> list[list[tuple[int, int]]]:
    """(offset, length) of each row, component by component."""
    rows = sampled_rows(fmt, step)
    assert rows is not None
    return [list(each) for each in rows]


def test_packed_rows_are_taken_a_step_apart() -> None:
    fmt = format_of("YUYV", 4, 8, (8, 64))
    assert offsets(fmt, 4) == [[(0, 8), (32, 8)]]


def test_a_last_group_that_is_not_whole_gives_a_row_as_well() -> None:
    fmt = format_of("YUYV", 4, 10, (8, 80))
    assert offsets(fmt, 4) == [[(0, 8), (32, 8), (64, 8)]]


def test_padding_at_the_end_of_lines_goes_along() -> None:
    fmt = format_of("GREY", 4, 4, (16, 64))
    assert offsets(fmt, 2) == [[(0, 16), (32, 16)]]


def test_the_chroma_rows_of_nv12_match_the_luma_rows() -> None:
    fmt = format_of("NV12", 4, 8, (4, 48))
    luma, chroma = offsets(fmt, 2)
    assert luma == [(0, 4), (8, 4), (16, 4), (24, 4)]
    assert chroma == [(32, 4), (40, 4)]


def test_the_three_components_of_yu12_have_half_lines() -> None:
    fmt = format_of("YU12", 8, 8, (8, 96))
    luma, blue, red = offsets(fmt, 4)
    assert luma == [(0, 8), (32, 8)]
    assert blue == [(64, 4)]
    assert red == [(80, 4)]


def test_planes_of_their_own_begin_at_their_own_start() -> None:
    fmt = format_of("NM12", 4, 8, (4, 32), (4, 16))
    rows = sampled_rows(fmt, 2)
    assert rows is not None
    assert [(each.plane, each.start, each.count) for each in rows] == [(0, 0, 4), (1, 0, 2)]


def test_a_subsampled_picture_keeps_whole_chroma_rows() -> None:
    fmt = format_of("NV12", 4, 6, (4, 36))
    luma, chroma = offsets(fmt, 2)
    assert (len(luma), len(chroma)) == (2, 1)


@pytest.mark.parametrize(
    "fmt",
    [
        format_of("MJPG", 4, 8, (0, 4096)),
        format_of("ZZZZ", 4, 8, (4, 48)),
        format_of("NV12", 4, 8, (4, 40)),
        format_of("NV12", 4, 1, (4, 6)),
    ],
    ids=["compressed", "unknown planar", "smaller than its layout", "nothing left"],
)
def test_rows_that_are_not_known_are_none(fmt: Format) -> None:
    assert sampled_rows(fmt, 2) is None


def test_an_unknown_format_whose_rows_fill_its_image_is_taken_as_packed() -> None:
    assert offsets(format_of("ZZZZ", 4, 4, (4, 16)), 2) == [[(0, 4), (8, 4)]]
