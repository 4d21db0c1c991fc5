"""Layouts of a range of sizes, as numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.backends.worker.layouts import Planes, fit_layout
from vmedia_bench.v4l2.declarations import PlaneFormat, SizeRange


def nv12(width: int, height: int) -> Planes:
    return (PlaneFormat(width, width * height * 3 // 2),)


def nm12(width: int, height: int) -> Planes:
    return (PlaneFormat(width, width * height), PlaneFormat(width, width * height // 2))


def jpeg(width: int, height: int) -> Planes:
    return (PlaneFormat(0, width * height * 2 + 4096),)


def padded(width: int, height: int) -> Planes:
    stride = (width + 63) // 64 * 64
    return (PlaneFormat(stride, stride * height),)


EVEN = SizeRange(16, 1920, 16, 1080, 2, 2)
BY_64 = SizeRange(64, 1920, 16, 1080, 64, 2)


@pytest.mark.parametrize("layout", [nv12, nm12, jpeg])
@settings(deadline=None)
@given(width=st.integers(8, 960), height=st.integers(8, 540))
def test_every_size_has_its_layout(layout: type, width: int, height: int) -> None:
    assert fit_layout(layout, EVEN)(2 * width, 2 * height) == layout(2 * width, 2 * height)


def test_padding_is_even_where_the_steps_are() -> None:
    assert fit_layout(padded, BY_64)(640, 480) == padded(640, 480)
    with pytest.raises(ValueError, match="declare the sizes one by one"):
        fit_layout(padded, EVEN)


def test_a_range_may_be_a_single_size() -> None:
    fit = fit_layout(nv12, SizeRange(640, 640, 480, 480))
    assert fit(640, 480) == nv12(640, 480)


def test_the_largest_size_is_the_last_step() -> None:
    fit = fit_layout(nv12, SizeRange(16, 1919, 16, 1079, 2, 2))
    assert fit(1918, 1078) == nv12(1918, 1078)
