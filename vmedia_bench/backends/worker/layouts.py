"""Memory layouts of a range of sizes, as numbers that can leave the process of their source."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from msgspec import Struct

from vmedia_bench.v4l2.declarations import PlaneFormat, SizeRange

_STEPS = 16

Planes = tuple[PlaneFormat, ...]


class LayoutFit(Struct, frozen=True):
    """
    The layouts at the four corners of a range: smallest, widest, tallest and largest.

    Between them bytes grow evenly with width, height and their product, as those of every raw
    format do.
    """

    sizes: SizeRange
    corners: tuple[Planes, Planes, Planes, Planes]

    def __call__(self, width: int, height: int) -> Planes:
        """Give the planes of one size of the range; ValueError when the numbers do not fit."""
        across = _share(width, self.sizes.min_width, self.sizes.max_width)
        down = _share(height, self.sizes.min_height, self.sizes.max_height)
        weights = (
            (1 - across) * (1 - down),
            across * (1 - down),
            (1 - across) * down,
            across * down,
        )
        return tuple(
            PlaneFormat(
                _whole(weights, [plane.bytesperline for plane in plane_at]),
                _whole(weights, [plane.sizeimage for plane in plane_at]),
            )
            for plane_at in zip(*self.corners, strict=True)
        )


def fit_layout(layout: Callable[[int, int], Planes], sizes: SizeRange) -> LayoutFit:
    """
    Give what stands for a layout function, tried at many sizes of the range.

    Raises ValueError when bytes do not grow evenly: then sizes must be declared one by one.
    """
    low = (sizes.min_width, sizes.min_height)
    high = sizes.nearest(sizes.max_width, sizes.max_height)
    tight = SizeRange(*_interleaved(low, high), sizes.step_width, sizes.step_height)
    corners = (low, (high[0], low[1]), (low[0], high[1]), high)
    first, second, third, fourth = (layout(*corner) for corner in corners)
    fit = LayoutFit(tight, (first, second, third, fourth))
    for width, height in samples(tight):
        if not _agree(fit, layout, (width, height)):
            raise ValueError(
                f"the layout at {width}x{height} is no even step between the smallest and the "
                "largest size: declare the sizes one by one"
            )
    return fit


def _agree(fit: LayoutFit, layout: Callable[[int, int], Planes], size: tuple[int, int]) -> bool:
    try:
        return fit(*size) == layout(*size)
    except ValueError:
        return False


def samples(sizes: SizeRange) -> Iterator[tuple[int, int]]:
    """Give sizes all over a range, its corners among them."""
    for across in range(_STEPS + 1):
        for down in range(_STEPS + 1):
            yield sizes.nearest(
                sizes.min_width + (sizes.max_width - sizes.min_width) * across // _STEPS,
                sizes.min_height + (sizes.max_height - sizes.min_height) * down // _STEPS,
            )


def _interleaved(low: tuple[int, int], high: tuple[int, int]) -> tuple[int, int, int, int]:
    return low[0], high[0], low[1], high[1]


def _share(value: int, low: int, high: int) -> Fraction:
    return Fraction(value - low, high - low) if high > low else Fraction(0)


def _whole(weights: tuple[Fraction, ...], values: list[int]) -> int:
    total = sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0))
    if total.denominator != 1:
        raise ValueError("a layout is no whole number of bytes")
    return int(total)
