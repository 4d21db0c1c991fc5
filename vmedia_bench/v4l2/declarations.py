"""What sources declare: formats, sizes, frame intervals, inputs, outputs and crops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from vmedia_bench.wire.v4l2 import (
    Colorspace,
    Field,
    InputType,
    OutputType,
    Quantization,
    XferFunc,
    YcbcrEncoding,
)


@dataclass(frozen=True, slots=True)
class PlaneFormat:
    """One memory plane: bytes between two lines (0 when compressed) and bytes for the whole."""

    bytesperline: int
    sizeimage: int


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in pixels (struct v4l2_rect)."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Format:
    """
    A negotiated format. `type` is a BufType, `pixelformat` a fourcc, sizes are pixels.

    One PlaneFormat a *memory* plane: always one for the single-planar types, so NV12 has one
    and NM12 has two.
    """

    type: int
    pixelformat: int
    width: int
    height: int
    field: int
    colorspace: int
    ycbcr_enc: int
    quantization: int
    xfer_func: int
    flags: int
    planes: tuple[PlaneFormat, ...]


@dataclass(frozen=True, slots=True)
class SizeRange:
    """
    Frame sizes from minimum to maximum by a step, in pixels.

    Enumerated as V4L2_FRMSIZE_TYPE_STEPWISE, or CONTINUOUS when both steps are 1.
    """

    min_width: int
    max_width: int
    min_height: int
    max_height: int
    step_width: int = 1
    step_height: int = 1

    def nearest(self, width: int, height: int) -> tuple[int, int]:
        """Give the size of this range that is nearest to the one asked for."""
        return (
            _nearest_step(width, self.min_width, self.max_width, self.step_width),
            _nearest_step(height, self.min_height, self.max_height, self.step_height),
        )

    def __contains__(self, size: tuple[int, int]) -> bool:
        return self.nearest(*size) == size


@dataclass(frozen=True, slots=True)
class IntervalRange:
    """
    Frame intervals from minimum to maximum by a step, each a Fraction of seconds.

    Enumerated as V4L2_FRMIVAL_TYPE_CONTINUOUS when `step` is 0, else STEPWISE.
    """

    minimum: Fraction
    maximum: Fraction
    step: Fraction = Fraction(0)

    def nearest(self, interval: Fraction) -> Fraction:
        """Give the interval of this range that is nearest to the one asked for."""
        clamped = min(max(interval, self.minimum), self.maximum)
        if not self.step:
            return clamped
        steps = round((clamped - self.minimum) / self.step)
        nearest = self.minimum + steps * self.step
        return nearest if nearest <= self.maximum else nearest - self.step


@dataclass(frozen=True, slots=True)
class FormatDesc:
    """
    An ENUM_FMT entry, with the sizes it comes in and how it is laid out in memory.

    `layout(width, height)` gives the memory planes of a frame that is `width` by `height`
    pixels, a size out of `sizes`. An empty `description` means the kernel's own; `flags` are
    FmtFlag bits. COMPRESSED formats keep a `sizeimage` that the guest wants larger.
    The colorimetry is the default; an output queue keeps what the guest sets.
    """

    pixelformat: int
    layout: Callable[[int, int], tuple[PlaneFormat, ...]]
    sizes: SizeRange | tuple[tuple[int, int], ...]
    description: str = ""
    flags: int = 0
    field: int = int(Field.NONE)
    colorspace: int = int(Colorspace.SRGB)
    ycbcr_enc: int = int(YcbcrEncoding.DEFAULT)
    quantization: int = int(Quantization.DEFAULT)
    xfer_func: int = int(XferFunc.DEFAULT)

    def nearest_size(self, width: int, height: int) -> tuple[int, int]:
        """Give the declared size nearest to the one asked for (TRY_FMT's adjustment)."""
        if isinstance(self.sizes, SizeRange):
            return self.sizes.nearest(width, height)
        return min(self.sizes, key=lambda size: abs(size[0] - width) + abs(size[1] - height))

    def has_size(self, width: int, height: int) -> bool:
        """Tell whether exactly this size is declared (ENUM_FRAMEINTERVALS asks)."""
        return (width, height) in self.sizes


@dataclass(frozen=True, slots=True)
class Input:
    """One entry of ENUMINPUT: `type` an InputType, `status` InputStatus bits."""

    name: str
    type: int = int(InputType.CAMERA)
    status: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One entry of ENUMOUTPUT: `type` an OutputType."""

    name: str
    type: int = int(OutputType.ANALOG)


@dataclass(frozen=True, slots=True)
class Cropping:
    """
    What G/S_SELECTION know: the area in `bounds`, its `default`, and what crops are possible.

    `adjust` gives the nearest possible crop to the one asked for; the default refuses every
    crop but the default one. The frame is scaled from the crop to the format's size, so only a
    format whose sizes are a range or a single one may have it (v4l2-compliance checks).
    """

    bounds: Rect
    default: Rect
    adjust: Callable[[Rect], Rect] | None = None


@dataclass(frozen=True, slots=True)
class Selections:
    """
    What a codec selects on one queue: a rectangle for each SelTarget it has, in pixels.

    Those in `adjust` may be set; it gives the nearest possible rectangle to the one asked for.
    """

    rects: Mapping[int, Rect]
    adjust: Mapping[int, Callable[[Rect], Rect]] = field(default_factory=dict)


def nearest_interval(intervals: tuple[Fraction, ...] | IntervalRange, wanted: Fraction) -> Fraction:
    """Give the interval nearest to `wanted`; ValueError when there are none."""
    if isinstance(intervals, IntervalRange):
        return intervals.nearest(wanted)
    return min(intervals, key=lambda interval: abs(interval - wanted))


def _nearest_step(value: int, minimum: int, maximum: int, step: int) -> int:
    """Clamp `value` and round it to the nearest step from `minimum`."""
    clamped = min(max(value, minimum), maximum)
    rounded = minimum + (clamped - minimum + step // 2) // step * step
    return rounded if rounded <= maximum else rounded - step
