"""What a source declares: nearest sizes and intervals, defaults, planes."""

from errno import EFAULT
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.v4l2.rig import GREY_DESC, YUYV_DESC, Camera, refused
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.planes import MappedPlane, PlaneTail
from vmedia_bench.v4l2.source import IntervalRange, SizeRange, nearest_interval
from vmedia_bench.wire.v4l2 import Cap

SIDES = st.integers(1, 4096)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), SIDES, SIDES, st.integers(1, 64))
def test_the_nearest_size_is_one_of_the_range(
    width: int, height: int, minimum: int, more: int, step: int
) -> None:
    sizes = SizeRange(minimum, minimum + more, minimum, minimum + more, step, step)
    near = sizes.nearest(width, height)
    assert near in sizes
    for side in near:
        assert minimum <= side <= minimum + more
        assert (side - minimum) % step == 0


@given(st.fractions(0, 10), st.fractions(0, 1), st.fractions(0, 1), st.fractions(0, 1))
def test_the_nearest_interval_is_one_of_the_range(
    wanted: Fraction, minimum: Fraction, more: Fraction, step: Fraction
) -> None:
    near = IntervalRange(minimum, minimum + more, step).nearest(wanted)
    assert minimum <= near <= minimum + more
    if step:
        assert ((near - minimum) / step).denominator == 1


def test_the_nearest_of_some_intervals() -> None:
    some = (Fraction(1, 60), Fraction(1, 30), Fraction(1, 5))
    assert nearest_interval(some, Fraction(1, 25)) == Fraction(1, 30)
    assert nearest_interval(some, Fraction(9)) == Fraction(1, 5)
    with pytest.raises(ValueError):
        nearest_interval((), Fraction(1))


def test_declared_sizes_are_exact() -> None:
    assert YUYV_DESC.has_size(18, 20)
    assert not YUYV_DESC.has_size(17, 20)
    assert GREY_DESC.has_size(64, 48)
    assert not GREY_DESC.has_size(48, 64)


def test_a_source_with_both_directions_is_a_codec() -> None:
    source = Camera()
    source.buf_types = (1, 2)
    assert source.device_caps & Cap.VIDEO_M2M
    source.buf_types = (9, 10)
    assert source.device_caps & Cap.VIDEO_M2M_MPLANE


def test_planes_are_read_and_written_within_bounds() -> None:
    plane = MappedPlane(memoryview(bytearray(8)))
    plane.write(6, b"ab")
    assert bytes(plane.read(5, 3)) == b"\0ab"
    tail = PlaneTail(plane, 6)
    assert (tail.length, bytes(tail.read(0, 2))) == (2, b"ab")
    tail.write(1, b"c")
    assert bytes(plane.read(7, 1)) == b"c"
    for offset, data in ((7, b"ab"), (-1, b"a")):
        with refused(EFAULT):
            plane.write(offset, data)
    for reader, offset, length in ((plane, 8, 1), (plane, -1, 1), (tail, 1, 2)):
        with refused(EFAULT):
            reader.read(offset, length)


def test_a_plane_takes_any_memoryview() -> None:
    plane = MappedPlane(memoryview(bytearray(8)))
    plane.write(0, memoryview(b"\1\0\0\0\2\0\0\0").cast("I"))
    assert bytes(plane.view) == b"\1\0\0\0\2\0\0\0"


def test_an_error_names_its_errno_and_says_why() -> None:
    assert str(V4l2Error(22, "no such buffer")) == "EINVAL: no such buffer"
    assert str(V4l2Error(16)) == "EBUSY"
