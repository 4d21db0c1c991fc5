"""Typed helpers of a session: formats, frame sizes and intervals, inputs, frame rate."""

from collections.abc import Iterator
from fractions import Fraction

from vmedia_bench.guest.caller import ENUMERATION_LIMIT, Caller
from vmedia_bench.guest.formats import (
    FormatEntry,
    FrameInterval,
    FrameSize,
    InputEntry,
    PlaneLayout,
    VideoFormat,
)
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import (
    PIX_FMT_PRIV_MAGIC,
    FrmIvalType,
    FrmSizeType,
    StreamParmCap,
    is_multiplanar,
    is_output,
)

FORMAT_SIZE = 208
_UNION = structs.FORMAT_UNION_OFFSET
_PARM_UNION = structs.U32.size
_PARM_SIZE = 204


def text(raw: bytes) -> str:
    """A NUL-terminated field of a C structure as text."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def pack_format(fmt: VideoFormat) -> bytes:
    """The 208 bytes of a v4l2_format for a video queue."""
    out = bytearray(FORMAT_SIZE)
    structs.FORMAT_TYPE.pack_into(out, 0, fmt.type)
    if not is_multiplanar(fmt.type):
        plane = fmt.planes[0]
        structs.PIX_FORMAT.pack_into(
            out,
            _UNION,
            fmt.width,
            fmt.height,
            fmt.pixelformat,
            fmt.field,
            plane.bytesperline,
            plane.sizeimage,
            fmt.colorspace,
            PIX_FMT_PRIV_MAGIC,
            fmt.flags,
            fmt.ycbcr_enc,
            fmt.quantization,
            fmt.xfer_func,
        )
        return bytes(out)
    planes = b"".join(
        structs.PLANE_PIX_FORMAT.pack(plane.sizeimage, plane.bytesperline) for plane in fmt.planes
    )
    structs.PIX_FORMAT_MPLANE.pack_into(
        out,
        _UNION,
        fmt.width,
        fmt.height,
        fmt.pixelformat,
        fmt.field,
        fmt.colorspace,
        planes,
        len(fmt.planes),
        fmt.flags,
        fmt.ycbcr_enc,
        fmt.quantization,
        fmt.xfer_func,
    )
    return bytes(out)


def unpack_format(data: bytes) -> VideoFormat:
    """The format in a v4l2_format of a video queue. Raises struct.error when it is too short."""
    (buf_type,) = structs.FORMAT_TYPE.unpack_from(data)
    if not is_multiplanar(buf_type):
        width, height, pixelformat, field, bytesperline, sizeimage, colorspace, *rest = (
            structs.PIX_FORMAT.unpack_from(data, _UNION)
        )
        _, flags, encoding, quantization, transfer = rest
        layout: tuple[PlaneLayout, ...] = (PlaneLayout(bytesperline, sizeimage),)
    else:
        width, height, pixelformat, field, colorspace, planes, count, *rest = (
            structs.PIX_FORMAT_MPLANE.unpack_from(data, _UNION)
        )
        flags, encoding, quantization, transfer = rest
        step = structs.PLANE_PIX_FORMAT.size
        layout = tuple(
            PlaneLayout(bytesperline=line, sizeimage=size)
            for size, line in (
                structs.PLANE_PIX_FORMAT.unpack_from(planes, i * step) for i in range(min(count, 8))
            )
        )
    return VideoFormat(
        type=buf_type,
        width=width,
        height=height,
        pixelformat=pixelformat,
        field=field,
        colorspace=colorspace,
        ycbcr_enc=encoding,
        quantization=quantization,
        xfer_func=transfer,
        flags=flags,
        planes=layout,
    )


class FormatCalls(Caller):
    """What a program asks about pictures."""

    def enum_formats(self, buf_type: int) -> Iterator[FormatEntry]:
        """ENUM_FMT from index 0 until the device says EINVAL."""
        for index in range(ENUMERATION_LIMIT):
            data = self.ask("ENUM_FMT", structs.FMTDESC.pack(index, buf_type, 0, b"", 0, 0))
            if data is None:
                return
            got, _, flags, description, pixelformat, _ = structs.FMTDESC.unpack_from(data)
            yield FormatEntry(got, pixelformat, flags, text(description))

    def frame_sizes(self, pixelformat: int) -> Iterator[FrameSize]:
        """ENUM_FRAMESIZES; a stepwise or continuous range is one entry."""
        for index in range(ENUMERATION_LIMIT):
            asked = structs.FRMSIZEENUM.pack(index, pixelformat, 0, bytes(24))
            data = self.ask("ENUM_FRAMESIZES", asked)
            if data is None:
                return
            _, _, kind, union = structs.FRMSIZEENUM.unpack_from(data)
            if kind != FrmSizeType.DISCRETE:
                yield FrameSize(*structs.FRMSIZE_STEPWISE.unpack_from(union))
                return
            width, height = structs.FRMSIZE_DISCRETE.unpack_from(union)
            yield FrameSize(width, width, 0, height, height, 0)

    def frame_intervals(self, pixelformat: int, width: int, height: int) -> Iterator[FrameInterval]:
        """ENUM_FRAMEINTERVALS for one size; a stepwise or continuous range is one entry."""
        for index in range(ENUMERATION_LIMIT):
            asked = structs.FRMIVALENUM.pack(index, pixelformat, width, height, 0, bytes(24))
            data = self.ask("ENUM_FRAMEINTERVALS", asked)
            if data is None:
                return
            *_, kind, union = structs.FRMIVALENUM.unpack_from(data)
            values = structs.FRMIVAL_STEPWISE.unpack_from(union)
            first, last, step = (_fraction(*values[i : i + 2]) for i in (0, 2, 4))
            if kind != FrmIvalType.DISCRETE:
                yield FrameInterval(first, last, step)
                return
            yield FrameInterval(first, first, Fraction(0))

    def get_format(self, buf_type: int) -> VideoFormat:
        """G_FMT. Raises GuestIoctlError."""
        asked = bytearray(FORMAT_SIZE)
        structs.FORMAT_TYPE.pack_into(asked, 0, buf_type)
        return unpack_format(self.ioctl("G_FMT", asked))

    def set_format(self, fmt: VideoFormat) -> VideoFormat:
        """S_FMT; returns what the device made of it. Raises GuestIoctlError."""
        return unpack_format(self.ioctl("S_FMT", pack_format(fmt)))

    def try_format(self, fmt: VideoFormat) -> VideoFormat:
        """TRY_FMT; returns what the device would make of it. Raises GuestIoctlError."""
        return unpack_format(self.ioctl("TRY_FMT", pack_format(fmt)))

    def get_interval(self, buf_type: int) -> Fraction:
        """Seconds a frame, by G_PARM; 0 where the device has none. Raises GuestIoctlError."""
        asked = bytearray(_PARM_SIZE)
        structs.U32.pack_into(asked, 0, buf_type)
        return _interval(self.ioctl("G_PARM", asked))

    def set_interval(self, buf_type: int, interval: Fraction) -> Fraction:
        """S_PARM; returns the interval in seconds that the device chose. Raises GuestIoctlError."""
        asked = bytearray(_PARM_SIZE)
        structs.U32.pack_into(asked, 0, buf_type)
        capability = 0 if is_output(buf_type) else StreamParmCap.TIMEPERFRAME.value
        structs.CAPTUREPARM.pack_into(
            asked, _PARM_UNION, capability, 0, interval.numerator, interval.denominator, 0, 0
        )
        return _interval(self.ioctl("S_PARM", asked))

    def inputs(self) -> Iterator[InputEntry]:
        """ENUMINPUT until the device says EINVAL, or nothing if it says ENOTTY."""
        for index in range(ENUMERATION_LIMIT):
            data = self.ask("ENUMINPUT", index.to_bytes(4, "little") + bytes(76))
            if data is None:
                return
            got, name, kind, _, _, _, status, capabilities = structs.INPUT.unpack_from(data)
            yield InputEntry(got, text(name), kind, status, capabilities)

    def outputs(self) -> Iterator[InputEntry]:
        """ENUMOUTPUT until the device says EINVAL, or nothing if it says ENOTTY."""
        for index in range(ENUMERATION_LIMIT):
            data = self.ask("ENUMOUTPUT", index.to_bytes(4, "little") + bytes(68))
            if data is None:
                return
            got, name, kind, _, _, _, capabilities = structs.OUTPUT.unpack_from(data)
            yield InputEntry(got, text(name), kind, 0, capabilities)

    def get_input(self) -> int:
        """G_INPUT. Raises GuestIoctlError."""
        return int.from_bytes(self.ioctl("G_INPUT", bytes(4)), "little")

    def set_input(self, index: int) -> None:
        """S_INPUT. Raises GuestIoctlError."""
        self.ioctl("S_INPUT", index.to_bytes(4, "little"))


def _fraction(numerator: int, denominator: int) -> Fraction:
    return Fraction(numerator, denominator) if denominator else Fraction(0)


def _interval(data: bytes) -> Fraction:
    _, _, numerator, denominator, _, _ = structs.CAPTUREPARM.unpack_from(data, _PARM_UNION)
    return _fraction(numerator, denominator)
