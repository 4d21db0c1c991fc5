"""
Streaming parameters: G_PARM and S_PARM, the frame interval.

Source: the V4L2 UAPI documentation, "VIDIOC_G_PARM, VIDIOC_S_PARM".
"""

from errno import EBUSY, ENOTTY
from fractions import Fraction

from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import CAPTUREPARM, OUTPUTPARM, STREAMPARM
from vmedia_bench.wire.v4l2 import StreamParmCap, is_output

_TIMEPERFRAME = int(StreamParmCap.TIMEPERFRAME)


def g_parm(context: Context, arg: bytearray) -> None:
    """VIDIOC_G_PARM."""
    _show(context, _checked_type(context, arg), arg)


def s_parm(context: Context, arg: bytearray) -> None:
    """VIDIOC_S_PARM: the nearest interval is set; 0 in either half asks for the default."""
    buf_type = _checked_type(context, arg)
    if context.queue(buf_type).streaming:
        raise V4l2Error(EBUSY, "the frame interval cannot change while streaming")
    _, union = STREAMPARM.unpack_from(arg)
    _, _, numerator, denominator, _, _ = CAPTUREPARM.unpack_from(union)
    wanted = Fraction(numerator, denominator) if numerator and denominator else None
    context.set_interval(wanted)
    _show(context, buf_type, arg)


def _checked_type(context: Context, arg: bytearray) -> int:
    buf_type: int = STREAMPARM.unpack_from(arg)[0]
    if not context.has_intervals:
        raise V4l2Error(ENOTTY, "this source has no frame rates")
    context.queue(buf_type)
    return buf_type


def _show(context: Context, buf_type: int, arg: bytearray) -> None:
    """Write it back; capturemode, extendedmode and readbuffers are 0: no read(), no still mode."""
    codec = OUTPUTPARM if is_output(buf_type) else CAPTUREPARM
    numerator, denominator = context.interval.as_integer_ratio()
    union = codec.pack(_TIMEPERFRAME, 0, numerator, denominator, 0, 0)
    STREAMPARM.pack_into(arg, 0, buf_type, union)
