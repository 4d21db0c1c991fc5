"""
The format ioctls: ENUM_FMT, G/S/TRY_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS.

Source: the V4L2 UAPI documentation, the pages of these names.
"""

from errno import EINVAL, ENOTTY
from fractions import Fraction

from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.formats import (
    find_desc,
    is_compressed,
    negotiate,
    pack_format,
    unpack_wanted,
)
from vmedia_bench.v4l2.source import FormatDesc, IntervalRange, SizeRange
from vmedia_bench.wire.pixelformats import description_of
from vmedia_bench.wire.structs import (
    FMTDESC,
    FORMAT_TYPE,
    FRACT,
    FRMIVAL_STEPWISE,
    FRMIVALENUM,
    FRMSIZE_DISCRETE,
    FRMSIZE_STEPWISE,
    FRMSIZEENUM,
)
from vmedia_bench.wire.v4l2 import FmtFlag, FrmIvalType, FrmSizeType

_DESCRIPTION_BYTES = 31
_COMPRESSED = int(FmtFlag.COMPRESSED)
_SIZE_DISCRETE = int(FrmSizeType.DISCRETE)
_SIZE_CONTINUOUS = int(FrmSizeType.CONTINUOUS)
_SIZE_STEPWISE = int(FrmSizeType.STEPWISE)
_INTERVAL_DISCRETE = int(FrmIvalType.DISCRETE)
_INTERVAL_CONTINUOUS = int(FrmIvalType.CONTINUOUS)
_INTERVAL_STEPWISE = int(FrmIvalType.STEPWISE)


def enum_fmt(context: Context, arg: bytearray) -> None:
    """VIDIOC_ENUM_FMT; media bus codes are not looked at (no V4L2_CAP_IO_MC)."""
    index, buf_type, _, _, _, _ = FMTDESC.unpack_from(arg)
    context.queue(buf_type)
    formats = context.source.formats(buf_type)
    if index >= len(formats):
        raise V4l2Error(EINVAL, f"format {index} of {len(formats)}")
    desc = formats[index]
    name = desc.description or description_of(desc.pixelformat)
    described = name.encode()[:_DESCRIPTION_BYTES]
    flags = desc.flags | (_COMPRESSED if is_compressed(desc) else 0)
    FMTDESC.pack_into(arg, 0, index, buf_type, flags, described, desc.pixelformat, 0)


def g_fmt(context: Context, arg: bytearray) -> None:
    """VIDIOC_G_FMT, what clients ask most: its answer is kept until the format changes."""
    (buf_type,) = FORMAT_TYPE.unpack_from(arg)
    queue = context.queue(buf_type)
    if queue.packed_format[0] is not queue.format:
        queue.packed_format = (queue.format, pack_format(queue.format))
    arg[:] = queue.packed_format[1]


def try_fmt(context: Context, arg: bytearray) -> None:
    """VIDIOC_TRY_FMT."""
    (buf_type,) = FORMAT_TYPE.unpack_from(arg)
    context.queue(buf_type)
    arg[:] = pack_format(negotiate(context.source, buf_type, unpack_wanted(arg)))


def s_fmt(context: Context, arg: bytearray) -> None:
    """
    VIDIOC_S_FMT; EBUSY while buffers are allocated.

    On a device with two queues the output's format governs the other's, so it has to wait for
    both ("Commit Points" of the stateful decoder interface).
    """
    (buf_type,) = FORMAT_TYPE.unpack_from(arg)
    queue = context.queue(buf_type)
    if queue.is_output:
        context.check_idle()
    queue.check_idle()
    fmt = negotiate(context.source, buf_type, unpack_wanted(arg))
    context.set_format(fmt)
    arg[:] = pack_format(fmt)


def enum_framesizes(context: Context, arg: bytearray) -> None:
    """VIDIOC_ENUM_FRAMESIZES: one entry a discrete size, one for a range."""
    index, pixelformat, _, _ = FRMSIZEENUM.unpack_from(arg)
    sizes = _desc_of(context, pixelformat).sizes
    count = 1 if isinstance(sizes, SizeRange) else len(sizes)
    if index >= count:
        raise V4l2Error(EINVAL, f"frame size {index} of {count}")
    if isinstance(sizes, SizeRange):
        steps = (sizes.step_width, sizes.step_height)
        kind = _SIZE_CONTINUOUS if steps == (1, 1) else _SIZE_STEPWISE
        union = FRMSIZE_STEPWISE.pack(
            sizes.min_width,
            sizes.max_width,
            sizes.step_width,
            sizes.min_height,
            sizes.max_height,
            sizes.step_height,
        )
    else:
        kind, union = _SIZE_DISCRETE, FRMSIZE_DISCRETE.pack(*sizes[index])
    FRMSIZEENUM.pack_into(arg, 0, index, pixelformat, kind, union)


def enum_frameintervals(context: Context, arg: bytearray) -> None:
    """VIDIOC_ENUM_FRAMEINTERVALS; the size must be one that is declared."""
    if not context.has_intervals:
        raise V4l2Error(ENOTTY, "this source has no frame rates")
    index, pixelformat, width, height, _, _ = FRMIVALENUM.unpack_from(arg)
    if not _desc_of(context, pixelformat).has_size(width, height):
        raise V4l2Error(EINVAL, f"{width}x{height} is not a frame size of this format")
    intervals = context.source.intervals(pixelformat, width, height)
    count = 1 if isinstance(intervals, IntervalRange) else len(intervals)
    if index >= count:
        raise V4l2Error(EINVAL, f"frame interval {index} of {count}")
    if isinstance(intervals, IntervalRange):
        kind, union = _interval_range(intervals)
    else:
        kind, union = _INTERVAL_DISCRETE, FRACT.pack(*intervals[index].as_integer_ratio())
    FRMIVALENUM.pack_into(arg, 0, index, pixelformat, width, height, kind, union)


def _interval_range(intervals: IntervalRange) -> tuple[int, bytes]:
    """A continuous range has a step of 1/1 on the wire."""
    kind = _INTERVAL_STEPWISE if intervals.step else _INTERVAL_CONTINUOUS
    step = intervals.step or Fraction(1)
    ratios = (value.as_integer_ratio() for value in (intervals.minimum, intervals.maximum, step))
    return kind, FRMIVAL_STEPWISE.pack(*(number for ratio in ratios for number in ratio))


def _desc_of(context: Context, pixelformat: int) -> FormatDesc:
    """Find a format on any queue: these two ioctls name no buffer type."""
    for buf_type in context.queues:
        desc = find_desc(context.source, buf_type, pixelformat)
        if desc is not None:
            return desc
    raise V4l2Error(EINVAL, f"format {pixelformat:#010x} is not declared")
