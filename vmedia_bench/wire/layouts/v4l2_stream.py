"""
Layouts of the V4L2 structures of formats, buffers, streaming parameters, inputs and outputs.

Source: ``linux/videodev2.h``, read as a 64-bit little-endian machine does.
"""

from typing import Any

from vmedia_bench.wire import v4l2
from vmedia_bench.wire.layouts.fields import (
    ANONYMOUS,
    array,
    by,
    enum,
    flags,
    fourcc_field,
    hole,
    pointer,
    raw,
    reserved,
    s32,
    s64,
    struct,
    text,
    u8,
    u32,
    union,
)
from vmedia_bench.wire.layouts.v4l2_tv import (
    FRACT,
    RECT,
    SLICED_VBI_FORMAT,
    STD,
    VBI_FORMAT,
    WINDOW,
)
from vmedia_bench.wire.v4l2_tv import TimecodeFlag, TimecodeType

BUF_TYPE = enum(v4l2.BufType)
FIELD = enum(v4l2.Field)
MEMORY = enum(v4l2.Memory)
COLORSPACE = enum(v4l2.Colorspace)
_MEMORY_FLAG = v4l2.MemoryFlag

CAPABILITY = struct(
    "v4l2_capability",
    "driver" / text(16),
    "card" / text(32),
    "bus_info" / text(32),
    "version" / u32,
    "capabilities" / flags(v4l2.Cap),
    "device_caps" / flags(v4l2.Cap),
    "reserved" / reserved(12),
)

# Formats.

FMTDESC = struct(
    "v4l2_fmtdesc",
    "index" / u32,
    "type" / BUF_TYPE,
    "flags" / flags(v4l2.FmtFlag),
    "description" / text(32),
    "pixelformat" / fourcc_field,
    "mbus_code" / u32,
    "reserved" / reserved(12),
)

PIX_FORMAT = struct(
    "v4l2_pix_format",
    "width" / u32,
    "height" / u32,
    "pixelformat" / fourcc_field,
    "field" / FIELD,
    "bytesperline" / u32,
    "sizeimage" / u32,
    "colorspace" / COLORSPACE,
    "priv" / u32,
    "flags" / flags(v4l2.PixFmtFlag),
    "ycbcr_enc" / enum(v4l2.YcbcrEncoding, v4l2.HsvEncoding),
    "quantization" / enum(v4l2.Quantization),
    "xfer_func" / enum(v4l2.XferFunc),
)

PLANE_PIX_FORMAT = struct(
    "v4l2_plane_pix_format",
    "sizeimage" / u32,
    "bytesperline" / u32,
    "reserved" / reserved(12),
)

PIX_FORMAT_MPLANE = struct(
    "v4l2_pix_format_mplane",
    "width" / u32,
    "height" / u32,
    "pixelformat" / fourcc_field,
    "field" / FIELD,
    "colorspace" / COLORSPACE,
    "plane_fmt" / array(8, PLANE_PIX_FORMAT),
    "num_planes" / u8,
    "flags" / flags(v4l2.PixFmtFlag, u8),
    "ycbcr_enc" / enum(v4l2.YcbcrEncoding, v4l2.HsvEncoding, base=u8),
    "quantization" / enum(v4l2.Quantization, base=u8),
    "xfer_func" / enum(v4l2.XferFunc, base=u8),
    "reserved" / reserved(7),
)

SDR_FORMAT = struct(
    "v4l2_sdr_format",
    "pixelformat" / fourcc_field,
    "buffersize" / u32,
    "reserved" / reserved(24),
)

META_FORMAT = struct(
    "v4l2_meta_format",
    "dataformat" / fourcc_field,
    "buffersize" / u32,
    "width" / u32,
    "height" / u32,
    "bytesperline" / u32,
)

_PIX, _PIX_MP, _WIN = "pix" / PIX_FORMAT, "pix_mp" / PIX_FORMAT_MPLANE, "win" / WINDOW
_VBI, _SLICED = "vbi" / VBI_FORMAT, "sliced" / SLICED_VBI_FORMAT
_SDR, _META = "sdr" / SDR_FORMAT, "meta" / META_FORMAT

FORMAT = struct(
    "v4l2_format",
    "type" / BUF_TYPE,
    hole(4),
    "fmt"
    / union(
        200,
        by("type"),
        {
            1: _PIX,
            2: _PIX,
            3: _WIN,
            4: _VBI,
            5: _VBI,
            6: _SLICED,
            7: _SLICED,
            8: _WIN,
            9: _PIX_MP,
            10: _PIX_MP,
            11: _SDR,
            12: _SDR,
            13: _META,
            14: _META,
        },
        "raw_data" / raw(200),
    ),
)

FRMSIZE_DISCRETE = struct("v4l2_frmsize_discrete", "width" / u32, "height" / u32)

FRMSIZE_STEPWISE = struct(
    "v4l2_frmsize_stepwise",
    "min_width" / u32,
    "max_width" / u32,
    "step_width" / u32,
    "min_height" / u32,
    "max_height" / u32,
    "step_height" / u32,
)

FRMSIZEENUM = struct(
    "v4l2_frmsizeenum",
    "index" / u32,
    "pixel_format" / fourcc_field,
    "type" / enum(v4l2.FrmSizeType),
    ANONYMOUS
    / union(24, by("type"), {1: "discrete" / FRMSIZE_DISCRETE}, "stepwise" / FRMSIZE_STEPWISE),
    "reserved" / reserved(8),
)

FRMIVAL_STEPWISE = struct("v4l2_frmival_stepwise", "min" / FRACT, "max" / FRACT, "step" / FRACT)

FRMIVALENUM = struct(
    "v4l2_frmivalenum",
    "index" / u32,
    "pixel_format" / fourcc_field,
    "width" / u32,
    "height" / u32,
    "type" / enum(v4l2.FrmIvalType),
    ANONYMOUS / union(24, by("type"), {1: "discrete" / FRACT}, "stepwise" / FRMIVAL_STEPWISE),
    "reserved" / reserved(8),
)

# Buffers.

REQUESTBUFFERS = struct(
    "v4l2_requestbuffers",
    "count" / u32,
    "type" / BUF_TYPE,
    "memory" / MEMORY,
    "capabilities" / flags(v4l2.BufCap),
    "flags" / flags(_MEMORY_FLAG, u8),
    "reserved" / reserved(3),
)

CREATE_BUFFERS = struct(
    "v4l2_create_buffers",
    "index" / u32,
    "count" / u32,
    "memory" / MEMORY,
    hole(4),
    "format" / FORMAT,
    "capabilities" / flags(v4l2.BufCap),
    "flags" / flags(_MEMORY_FLAG),
    "max_num_buffers" / u32,
    "reserved" / reserved(20),
)

REMOVE_BUFFERS = struct(
    "v4l2_remove_buffers",
    "index" / u32,
    "count" / u32,
    "type" / BUF_TYPE,
    "reserved" / reserved(52),
)

TIMEVAL = struct("timeval", "tv_sec" / s64, "tv_usec" / s64)

TIMECODE = struct(
    "v4l2_timecode",
    "type" / enum(TimecodeType),
    "flags" / flags(TimecodeFlag),
    "frames" / u8,
    "seconds" / u8,
    "minutes" / u8,
    "hours" / u8,
    "userbits" / raw(4),
)

_PLANES_IN_BUFFER = -1


def _of_memory(memory: Any) -> int:
    return int(getattr(memory, "number", memory))


def _buffer_member(context: Any) -> int:
    if v4l2.is_multiplanar(_of_memory(context.type)):
        return _PLANES_IN_BUFFER
    return _of_memory(context.memory)


def _plane_member(context: Any) -> int:
    return _of_memory(context._params.get("memory", 0))


_OFFSET, _FD = {1: "offset" / u32}, {4: "fd" / s32}
_USERPTR = "userptr" / pointer

BUFFER = struct(
    "v4l2_buffer",
    "index" / u32,
    "type" / BUF_TYPE,
    "bytesused" / u32,
    "flags" / flags(v4l2.BufFlag),
    "field" / FIELD,
    hole(4),
    "timestamp" / TIMEVAL,
    "timecode" / TIMECODE,
    "sequence" / u32,
    "memory" / MEMORY,
    "m"
    / union(8, _buffer_member, _OFFSET | _FD | {_PLANES_IN_BUFFER: "planes" / pointer}, _USERPTR),
    "length" / u32,
    "reserved2" / reserved(4),
    "request_fd" / s32,
    hole(4),
)

PLANE = struct(
    "v4l2_plane",
    "bytesused" / u32,
    "length" / u32,
    "m" / union(8, _plane_member, {1: "mem_offset" / u32} | _FD, _USERPTR),
    "data_offset" / u32,
    "reserved" / reserved(44),
)

EXPORTBUFFER = struct(
    "v4l2_exportbuffer",
    "type" / BUF_TYPE,
    "index" / u32,
    "plane" / u32,
    "flags" / u32,
    "fd" / s32,
    "reserved" / reserved(44),
)

# Streaming parameters, cropping, inputs and outputs.

CAPTUREPARM = struct(
    "v4l2_captureparm",
    "capability" / flags(v4l2.StreamParmCap),
    "capturemode" / flags(v4l2.StreamParmMode),
    "timeperframe" / FRACT,
    "extendedmode" / u32,
    "readbuffers" / u32,
    "reserved" / reserved(16),
)

OUTPUTPARM = struct(
    "v4l2_outputparm",
    "capability" / flags(v4l2.StreamParmCap),
    "outputmode" / flags(v4l2.StreamParmMode),
    "timeperframe" / FRACT,
    "extendedmode" / u32,
    "writebuffers" / u32,
    "reserved" / reserved(16),
)

_CAPTURE, _OUTPUT = "capture" / CAPTUREPARM, "output" / OUTPUTPARM

STREAMPARM = struct(
    "v4l2_streamparm",
    "type" / BUF_TYPE,
    "parm"
    / union(
        200,
        by("type"),
        {1: _CAPTURE, 2: _OUTPUT, 9: _CAPTURE, 10: _OUTPUT},
        "raw_data" / raw(200),
    ),
)

CROPCAP = struct(
    "v4l2_cropcap",
    "type" / BUF_TYPE,
    "bounds" / RECT,
    "defrect" / RECT,
    "pixelaspect" / FRACT,
)

CROP = struct("v4l2_crop", "type" / BUF_TYPE, "c" / RECT)

SELECTION = struct(
    "v4l2_selection",
    "type" / BUF_TYPE,
    "target" / enum(v4l2.SelTarget),
    "flags" / flags(v4l2.SelFlag),
    "r" / RECT,
    "reserved" / reserved(36),
)

INPUT = struct(
    "v4l2_input",
    "index" / u32,
    "name" / text(32),
    "type" / enum(v4l2.InputType),
    "audioset" / u32,
    "tuner" / u32,
    "std" / STD,
    "status" / flags(v4l2.InputStatus),
    "capabilities" / flags(v4l2.InputCap),
    "reserved" / reserved(12),
    hole(4),
)

OUTPUT = struct(
    "v4l2_output",
    "index" / u32,
    "name" / text(32),
    "type" / enum(v4l2.OutputType),
    "audioset" / u32,
    "modulator" / u32,
    "std" / STD,
    "capabilities" / flags(v4l2.OutputCap),
    "reserved" / reserved(12),
)
