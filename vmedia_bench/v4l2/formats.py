"""
Format negotiation: from what a guest wants to the nearest that a source declares.

Never fails for a queue the source has: every field that cannot be is adjusted (source: the V4L2
UAPI documentation, "VIDIOC_G_FMT, VIDIOC_S_FMT, VIDIOC_TRY_FMT" and "Colorspaces").
"""

from dataclasses import dataclass
from errno import EINVAL

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Format, FormatDesc, PlaneFormat, VideoSource
from vmedia_bench.wire.pixelformats import PIXEL_FORMATS
from vmedia_bench.wire.structs import (
    FORMAT,
    FORMAT_TYPE,
    FORMAT_UNION_OFFSET,
    PIX_FORMAT,
    PIX_FORMAT_MPLANE,
    PLANE_PIX_FORMAT,
)
from vmedia_bench.wire.v4l2 import (
    PIX_FMT_PRIV_MAGIC,
    VIDEO_MAX_PLANES,
    Colorspace,
    FmtFlag,
    PixFmtFlag,
    Quantization,
    XferFunc,
    YcbcrEncoding,
    is_multiplanar,
    is_output,
)

# No source needs more for a compressed frame, and an arena would not hold it.
MAX_COMPRESSED_SIZE = 64 << 20

_COMPRESSED = int(FmtFlag.COMPRESSED)
_SET_CSC = int(PixFmtFlag.SET_CSC)
_COLORSPACES = frozenset(int(value) for value in Colorspace) - {
    int(Colorspace.DEFAULT),
    int(Colorspace.BT878),
}
_XFER_FUNCS = frozenset(int(value) for value in XferFunc)
_YCBCR_ENCODINGS = frozenset(int(value) for value in YcbcrEncoding)
_QUANTIZATIONS = frozenset(int(value) for value in Quantization)


@dataclass(frozen=True, slots=True)
class Colorimetry:
    """The four fields that say what the numbers in a picture mean."""

    colorspace: int
    xfer_func: int
    ycbcr_enc: int
    quantization: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a guest asked for in S_FMT or TRY_FMT; `sizeimages` one a plane it knows of."""

    pixelformat: int
    width: int
    height: int
    field: int
    flags: int
    colorimetry: Colorimetry
    sizeimages: tuple[int, ...]


def negotiate(source: VideoSource, buf_type: int, wanted: Wanted) -> Format:
    """Give the format nearest to `wanted` that the source declares for this queue."""
    desc = find_desc(source, buf_type, wanted.pixelformat) or source.formats(buf_type)[0]
    width, height = desc.nearest_size(wanted.width, wanted.height)
    colorimetry = _colorimetry(desc, buf_type, wanted)
    return Format(
        type=buf_type,
        pixelformat=desc.pixelformat,
        width=width,
        height=height,
        field=desc.field,
        colorspace=colorimetry.colorspace,
        ycbcr_enc=colorimetry.ycbcr_enc,
        quantization=colorimetry.quantization,
        xfer_func=colorimetry.xfer_func,
        flags=0,
        planes=_planes(desc, width, height, wanted.sizeimages),
    )


def initial_format(source: VideoSource, buf_type: int) -> Format:
    """Give the format a queue has before the first S_FMT."""
    pixelformat, width, height = source.default_format(buf_type)
    unset = Colorimetry(0, 0, 0, 0)
    return negotiate(source, buf_type, Wanted(pixelformat, width, height, 0, 0, unset, ()))


def find_desc(source: VideoSource, buf_type: int, pixelformat: int) -> FormatDesc | None:
    """Give the declaration of a format, None when the queue does not have it."""
    for desc in source.formats(buf_type):
        if desc.pixelformat == pixelformat:
            return desc
    return None


def can_serve(source: VideoSource, fmt: Format) -> bool:
    """Tell whether a source has exactly this format, with the same layout in memory."""
    colorimetry = Colorimetry(fmt.colorspace, fmt.xfer_func, fmt.ycbcr_enc, fmt.quantization)
    wanted = Wanted(
        fmt.pixelformat,
        fmt.width,
        fmt.height,
        fmt.field,
        fmt.flags,
        colorimetry,
        tuple(plane.sizeimage for plane in fmt.planes),
    )
    offered = negotiate(source, fmt.type, wanted)
    return (fmt.pixelformat, fmt.width, fmt.height, fmt.field, fmt.planes) == (
        offered.pixelformat,
        offered.width,
        offered.height,
        offered.field,
        offered.planes,
    )


def is_compressed(desc: FormatDesc) -> bool:
    """Tell whether frames of a format differ in size, by the declaration or by the kernel."""
    known = PIXEL_FORMATS.get(desc.pixelformat)
    return bool(desc.flags & _COMPRESSED) or (known is not None and known.compressed)


def unpack_wanted(fmt: bytes | bytearray) -> Wanted:
    """
    Read a struct v4l2_format of 208 bytes.

    Without the magic number in `priv` a single-planar guest knows nothing of the fields behind
    it: they count as 0 ("struct v4l2_pix_format").
    """
    (buf_type,) = FORMAT_TYPE.unpack_from(fmt)
    if is_multiplanar(buf_type):
        width, height, pixelformat, field, colorspace, planes, count, flags, enc, quant, xfer = (
            PIX_FORMAT_MPLANE.unpack_from(fmt, FORMAT_UNION_OFFSET)
        )
        sizes = [size for size, _ in PLANE_PIX_FORMAT.iter_unpack(planes)]
        colorimetry = Colorimetry(colorspace, xfer, enc, quant)
        sizeimages = tuple(sizes[: min(count, VIDEO_MAX_PLANES)])
        return Wanted(pixelformat, width, height, field, flags, colorimetry, sizeimages)
    fields = PIX_FORMAT.unpack_from(fmt, FORMAT_UNION_OFFSET)
    width, height, pixelformat, field, _bytesperline, sizeimage, colorspace, priv = fields[:8]
    flags, enc, quant, xfer = fields[8:] if priv == PIX_FMT_PRIV_MAGIC else (0, 0, 0, 0)
    colorimetry = Colorimetry(colorspace, xfer, enc, quant)
    return Wanted(pixelformat, width, height, field, flags, colorimetry, (sizeimage,))


def pack_format(fmt: Format) -> bytes:
    """Write a struct v4l2_format, 208 bytes; reserved fields are 0, `priv` is the magic number."""
    if is_multiplanar(fmt.type):
        planes = b"".join(
            PLANE_PIX_FORMAT.pack(plane.sizeimage, plane.bytesperline) for plane in fmt.planes
        )
        union = PIX_FORMAT_MPLANE.pack(
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
    else:
        union = PIX_FORMAT.pack(
            fmt.width,
            fmt.height,
            fmt.pixelformat,
            fmt.field,
            fmt.planes[0].bytesperline,
            fmt.planes[0].sizeimage,
            fmt.colorspace,
            PIX_FMT_PRIV_MAGIC,
            fmt.flags,
            fmt.ycbcr_enc,
            fmt.quantization,
            fmt.xfer_func,
        )
    return FORMAT.pack(fmt.type, union)


def created_sizes(current: Format, fmt: bytes) -> tuple[int, ...]:
    """
    Give the plane sizes that CREATE_BUFS asks for in its struct v4l2_format.

    V4l2Error(EINVAL) when planes are missing, too many, or smaller than the current format needs.
    """
    sizes = unpack_wanted(fmt).sizeimages
    needed = tuple(plane.sizeimage for plane in current.planes)
    if len(sizes) != len(needed):
        raise V4l2Error(EINVAL, f"{len(sizes)} planes, the format has {len(needed)}")
    for size, least in zip(sizes, needed, strict=True):
        if size < least:
            raise V4l2Error(EINVAL, f"a plane of {size} bytes, the format needs {least}")
    return sizes


def _planes(
    desc: FormatDesc, width: int, height: int, wanted: tuple[int, ...]
) -> tuple[PlaneFormat, ...]:
    """Lay a frame out; a compressed one may be given more room than the source asks for."""
    planes = desc.layout(width, height)
    if not is_compressed(desc) or len(wanted) != len(planes):
        return planes
    return tuple(
        PlaneFormat(plane.bytesperline, size)
        if plane.sizeimage < size <= MAX_COMPRESSED_SIZE
        else plane
        for plane, size in zip(planes, wanted, strict=True)
    )


def _colorimetry(desc: FormatDesc, buf_type: int, wanted: Wanted) -> Colorimetry:
    """
    Choose the colorimetry: an output queue's is the guest's to say, a capture queue's ours.

    A capture format with CSC flags converts what the guest asks for with SET_CSC.
    """
    asked = wanted.colorimetry
    if is_output(buf_type):
        may = int(
            FmtFlag.CSC_COLORSPACE
            | FmtFlag.CSC_XFER_FUNC
            | FmtFlag.CSC_YCBCR_ENC
            | FmtFlag.CSC_QUANTIZATION
        )
        if asked.colorspace not in _COLORSPACES:
            may = 0
    else:
        may = desc.flags if wanted.flags & _SET_CSC else 0

    def choose(flag: FmtFlag, value: int, known: frozenset[int], default: int) -> int:
        return value if may & int(flag) and value in known else default

    return Colorimetry(
        choose(FmtFlag.CSC_COLORSPACE, asked.colorspace, _COLORSPACES, desc.colorspace),
        choose(FmtFlag.CSC_XFER_FUNC, asked.xfer_func, _XFER_FUNCS, desc.xfer_func),
        choose(FmtFlag.CSC_YCBCR_ENC, asked.ycbcr_enc, _YCBCR_ENCODINGS, desc.ycbcr_enc),
        choose(FmtFlag.CSC_QUANTIZATION, asked.quantization, _QUANTIZATIONS, desc.quantization),
    )
