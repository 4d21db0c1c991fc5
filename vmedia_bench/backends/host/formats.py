"""What a v4l2_format of the host says, for onlookers and for the size of buffers."""

from fractions import Fraction

from vmedia_bench.v4l2.declarations import Format, PlaneFormat
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufType, Cap, is_multiplanar

FORMAT_SIZE = structs.FORMAT.size
PARM_SIZE = structs.STREAMPARM.size
_UNION = structs.FORMAT_UNION_OFFSET
_PARM_UNION = structs.U32.size
_NO_PLANE = (PlaneFormat(0, 0),)

_VIDEO = frozenset((int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT)))
_META = frozenset((int(BufType.META_CAPTURE), int(BufType.META_OUTPUT)))
_SDR = frozenset((int(BufType.SDR_CAPTURE), int(BufType.SDR_OUTPUT)))
_TYPES_OF_CAP = {
    Cap.VIDEO_CAPTURE: (BufType.VIDEO_CAPTURE,),
    Cap.VIDEO_OUTPUT: (BufType.VIDEO_OUTPUT,),
    Cap.VIDEO_CAPTURE_MPLANE: (BufType.VIDEO_CAPTURE_MPLANE,),
    Cap.VIDEO_OUTPUT_MPLANE: (BufType.VIDEO_OUTPUT_MPLANE,),
    Cap.VIDEO_M2M: (BufType.VIDEO_OUTPUT, BufType.VIDEO_CAPTURE),
    Cap.VIDEO_M2M_MPLANE: (BufType.VIDEO_OUTPUT_MPLANE, BufType.VIDEO_CAPTURE_MPLANE),
    Cap.VBI_CAPTURE: (BufType.VBI_CAPTURE,),
    Cap.VBI_OUTPUT: (BufType.VBI_OUTPUT,),
    Cap.SLICED_VBI_CAPTURE: (BufType.SLICED_VBI_CAPTURE,),
    Cap.SLICED_VBI_OUTPUT: (BufType.SLICED_VBI_OUTPUT,),
    Cap.SDR_CAPTURE: (BufType.SDR_CAPTURE,),
    Cap.SDR_OUTPUT: (BufType.SDR_OUTPUT,),
    Cap.META_CAPTURE: (BufType.META_CAPTURE,),
    Cap.META_OUTPUT: (BufType.META_OUTPUT,),
}


def queue_types(capabilities: int) -> tuple[int, ...]:
    """The BufTypes that a device with these device_caps has queues of."""
    return tuple(
        dict.fromkeys(
            int(buf_type)
            for cap, types in _TYPES_OF_CAP.items()
            if capabilities & cap
            for buf_type in types
        )
    )


def no_format(buf_type: int) -> Format:
    """Stands for a format that nobody has asked the device for."""
    return Format(buf_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, _NO_PLANE)


def parse_format(data: bytes | bytearray) -> Format:
    """
    The format in a v4l2_format of 208 bytes. Planes of `sizeimage` 0 where it does not tell the
    size of a buffer (VBI).
    """
    (buf_type,) = structs.FORMAT_TYPE.unpack_from(data)
    if is_multiplanar(buf_type):
        width, height, pixelformat, field, colorspace, planes, count, flags, *rest = (
            structs.PIX_FORMAT_MPLANE.unpack_from(data, _UNION)
        )
        step = structs.PLANE_PIX_FORMAT.size
        found = tuple(
            PlaneFormat(line, size)
            for size, line in (
                structs.PLANE_PIX_FORMAT.unpack_from(planes, i * step) for i in range(min(count, 8))
            )
        )
        encoding, quantization, transfer = rest
        return Format(
            buf_type,
            pixelformat,
            width,
            height,
            field,
            colorspace,
            encoding,
            quantization,
            transfer,
            flags,
            found,
        )
    if buf_type in _VIDEO:
        width, height, pixelformat, field, line, size, colorspace, _, flags, *rest = (
            structs.PIX_FORMAT.unpack_from(data, _UNION)
        )
        encoding, quantization, transfer = rest
        return Format(
            buf_type,
            pixelformat,
            width,
            height,
            field,
            colorspace,
            encoding,
            quantization,
            transfer,
            flags,
            (PlaneFormat(line, size),),
        )
    if buf_type in _META | _SDR:
        pixelformat, size = structs.SDR_FORMAT.unpack_from(data, _UNION)
        return Format(buf_type, pixelformat, 0, 0, 0, 0, 0, 0, 0, 0, (PlaneFormat(0, size),))
    return no_format(buf_type)


def parse_interval(data: bytes | bytearray) -> Fraction:
    """Seconds a frame in a v4l2_streamparm; 0 where there is none."""
    _, _, numerator, denominator, _, _ = structs.CAPTUREPARM.unpack_from(data, _PARM_UNION)
    return Fraction(numerator, denominator) if denominator else Fraction(0)
