"""
Fast codecs of the V4L2 structures, one ``struct.Struct`` for each C structure.

Named as in C minus ``v4l2_``; fields in C's order, 64-bit little-endian; reserved fields and
padding holes are pad bytes (written zero, not read); char arrays and unions are bytes. A scalar
union is one field of its widest member: BUFFER.m and PLANE.m (userptr, or the offset or fd in
the low 32 bits), EXT_CONTROL and EVENT_CTRL values. :mod:`vmedia_bench.wire.layouts.v4l2` has
the same structures for people, and a test holds both to the C compiler.
Source: ``linux/videodev2.h``, and the virtio specification's "Media Device", "V4L2 ioctls".
"""

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final

# Basics.
INT: Final = Struct("<i")
U32: Final = Struct("<I")
STD_ID: Final = Struct("<Q")
RECT: Final = Struct("<iiII")
"""left, top, width, height."""
FRACT: Final = Struct("<II")
"""numerator, denominator."""
AREA: Final = Struct("<II")
"""width, height."""
TIMEVAL: Final = Struct("<qq")
"""tv_sec, tv_usec."""
TIMESPEC: Final = Struct("<qq")
"""tv_sec, tv_nsec."""
TIMECODE: Final = Struct("<IIBBBB4s")
"""type, flags, frames, seconds, minutes, hours, userbits."""

CAPABILITY: Final = Struct("<16s32s32sIII12x")
"""driver, card, bus_info, version, capabilities, device_caps."""

# Formats.
FMTDESC: Final = Struct("<III32sII12x")
"""index, type, flags, description, pixelformat, mbus_code."""
PIX_FORMAT: Final = Struct("<12I")
"""width, height, pixelformat, field, bytesperline, sizeimage, colorspace, priv, flags,
ycbcr_enc, quantization, xfer_func."""
PLANE_PIX_FORMAT: Final = Struct("<II12x")
"""sizeimage, bytesperline."""
PIX_FORMAT_MPLANE: Final = Struct("<5I160s5B7x")
"""width, height, pixelformat, field, colorspace, plane_fmt (8 x PLANE_PIX_FORMAT), num_planes,
flags, ycbcr_enc, quantization, xfer_func."""
WINDOW: Final = Struct("<iiIIIIQI4xQB7x")
"""left, top, width, height, field, chromakey, clips, clipcount, bitmap, global_alpha."""
CLIP: Final = Struct("<iiIIQ")
"""left, top, width, height, next."""
VBI_FORMAT: Final = Struct("<IIIIiiIII8x")
"""sampling_rate, offset, samples_per_line, sample_format, start[2], count[2], flags."""
SLICED_VBI_FORMAT: Final = Struct("<H96s2xI8x")
"""service_set, service_lines (2 x 24 u16), io_size."""
SDR_FORMAT: Final = Struct("<II24x")
"""pixelformat, buffersize."""
META_FORMAT: Final = Struct("<5I")
"""dataformat, buffersize, width, height, bytesperline (the last three since Linux 6.12)."""
FORMAT_TYPE: Final = Struct("<I")
"""The type in front of v4l2_format's union, which begins at FORMAT_UNION_OFFSET."""
FORMAT_UNION_OFFSET: Final = 8
FORMAT: Final = Struct("<I4x200s")
"""type, the union."""
FRMSIZEENUM: Final = Struct("<III24s8x")
"""index, pixel_format, type, the union."""
FRMSIZE_DISCRETE: Final = Struct("<II")
"""width, height."""
FRMSIZE_STEPWISE: Final = Struct("<6I")
"""min_width, max_width, step_width, min_height, max_height, step_height."""
FRMIVALENUM: Final = Struct("<5I24s8x")
"""index, pixel_format, width, height, type, the union (FRACT or FRMIVAL_STEPWISE)."""
FRMIVAL_STEPWISE: Final = Struct("<6I")
"""min, max and step, each numerator and denominator."""

# Buffers.
REQUESTBUFFERS: Final = Struct("<IIIIB3x")
"""count, type, memory, capabilities, flags."""
CREATE_BUFFERS: Final = Struct("<III4x208sIII20x")
"""index, count, memory, format (FORMAT), capabilities, flags, max_num_buffers."""
REMOVE_BUFFERS: Final = Struct("<III52x")
"""index, count, type."""
BUFFER: Final = Struct("<5I4xqq16sIIQI4xi4x")
"""index, type, bytesused, flags, field, tv_sec, tv_usec, timecode, sequence, memory, m, length,
request_fd."""
PLANE: Final = Struct("<IIQI44x")
"""bytesused, length, m, data_offset."""
EXPORTBUFFER: Final = Struct("<IIIIi44x")
"""type, index, plane, flags, fd."""

# Streaming parameters, cropping, overlay.
STREAMPARM: Final = Struct("<I200s")
"""type, the union."""
CAPTUREPARM: Final = Struct("<6I16x")
"""capability, capturemode, timeperframe numerator and denominator, extendedmode, readbuffers."""
OUTPUTPARM: Final = Struct("<6I16x")
"""capability, outputmode, timeperframe numerator and denominator, extendedmode, writebuffers."""
CROPCAP: Final = Struct("<IiiIIiiIIII")
"""type, bounds (RECT), defrect (RECT), pixelaspect (FRACT)."""
CROP: Final = Struct("<IiiII")
"""type, c (RECT)."""
SELECTION: Final = Struct("<IIIiiII36x")
"""type, target, flags, r (RECT)."""
FRAMEBUFFER: Final = Struct("<IIQ8I")
"""capability, flags, base, then fmt: width, height, pixelformat, field, bytesperline, sizeimage,
colorspace, priv."""

# Inputs and outputs.
INPUT: Final = Struct("<I32sIIIQII12x4x")
"""index, name, type, audioset, tuner, std, status, capabilities."""
OUTPUT: Final = Struct("<I32sIIIQI12x")
"""index, name, type, audioset, modulator, std, capabilities."""
STANDARD: Final = Struct("<I4xQ24sIII16x4x")
"""index, id, name, frameperiod (FRACT), framelines."""
AUDIO: Final = Struct("<I32sII8x")
"""index, name, capability, mode."""
AUDIOOUT: Final = Struct("<I32sII8x")
"""index, name, capability, mode."""
TUNER: Final = Struct("<I32sIIIIIIii16x")
"""index, name, type, capability, rangelow, rangehigh, rxsubchans, audmode, signal, afc."""
MODULATOR: Final = Struct("<I32sIIIII12x")
"""index, name, capability, rangelow, rangehigh, txsubchans, type."""
FREQUENCY: Final = Struct("<III32x")
"""tuner, type, frequency."""
FREQUENCY_BAND: Final = Struct("<7I36x")
"""tuner, type, index, capability, rangelow, rangehigh, modulation."""
HW_FREQ_SEEK: Final = Struct("<7I20x")
"""tuner, type, seek_upward, wrap_around, spacing, rangelow, rangehigh."""
EDID: Final = Struct("<III20xQ")
"""pad, start_block, blocks, edid."""

# DV timings.
BT_TIMINGS: Final = Struct("<IIIIQ13IBB46x")
"""width, height, interlaced, polarities, pixelclock, hfrontporch, hsync, hbackporch, vfrontporch,
vsync, vbackporch, il_vfrontporch, il_vsync, il_vbackporch, standards, flags, picture_aspect
(FRACT), cea861_vic, hdmi_vic."""
DV_TIMINGS: Final = Struct("<I128s")
"""type, the union."""
ENUM_DV_TIMINGS: Final = Struct("<II8x132s")
"""index, pad, timings (DV_TIMINGS)."""
BT_TIMINGS_CAP: Final = Struct("<IIIIQQII64x")
"""min_width, max_width, min_height, max_height, min_pixelclock, max_pixelclock, standards,
capabilities."""
DV_TIMINGS_CAP: Final = Struct("<II8x128s")
"""type, pad, the union."""

# Controls.
CONTROL: Final = Struct("<Ii")
"""id, value."""
EXT_CONTROL: Final = Struct("<II4xq")
"""id, size, value (value64, or a 32-bit value in the low half, or a pointer)."""
EXT_CONTROLS: Final = Struct("<IIIi4x4xQ")
"""which, count, error_idx, request_fd, controls."""
QUERYCTRL: Final = Struct("<II32siiiiI8x")
"""id, type, name, minimum, maximum, step, default_value, flags."""
QUERY_EXT_CTRL: Final = Struct("<II32sqqQqIIII4I128x")
"""id, type, name, minimum, maximum, step, default_value, flags, elem_size, elems, nr_of_dims,
dims[4]."""
QUERYMENU: Final = Struct("<II32s4x")
"""id, index, the union: a name, or a QUERYMENU_VALUE for an integer menu."""
QUERYMENU_VALUE: Final = Struct("<q24x")
"""value."""

# Events.
EVENT: Final = Struct("<I4x64sIIqqI32x4x")
"""type, the union, pending, sequence, tv_sec, tv_nsec, id."""
EVENT_UNION_OFFSET: Final = 8
EVENT_VSYNC: Final = Struct("<B")
"""field."""
EVENT_CTRL: Final = Struct("<IIqIiiii4x")
"""changes, type, value (value64), flags, minimum, maximum, step, default_value."""
EVENT_FRAME_SYNC: Final = Struct("<I")
"""frame_sequence."""
EVENT_SRC_CHANGE: Final = Struct("<I")
"""changes."""
EVENT_MOTION_DET: Final = Struct("<III")
"""flags, frame_sequence, region_mask."""
EVENT_SUBSCRIPTION: Final = Struct("<III20x")
"""type, id, flags."""

# Codec commands and what is left.
ENCODER_CMD: Final = Struct("<II32s")
"""cmd, flags, raw."""
DECODER_CMD: Final = Struct("<II64s")
"""cmd, flags, the union."""
DECODER_CMD_START: Final = Struct("<iI")
"""speed, format."""
DECODER_CMD_STOP: Final = Struct("<Q")
"""pts."""
ENC_IDX_ENTRY: Final = Struct("<QQII8x")
"""offset, pts, length, flags."""
ENC_IDX: Final = Struct("<II16x2048s")
"""entries, entries_cap, entry (64 x ENC_IDX_ENTRY)."""
SLICED_VBI_CAP: Final = Struct("<H96s2xI12x")
"""service_set, service_lines (2 x 24 u16), type."""
JPEGCOMPRESSION: Final = Struct("<iii60si60sI")
"""quality, APPn, APP_len, APP_data, COM_len, COM_data, jpeg_markers."""
DBG_MATCH: Final = Struct("<I32s")
"""type, the union: a u32 address or a name."""
DBG_REGISTER: Final = Struct("<36sIQQ")
"""match (DBG_MATCH), size, reg, val."""
DBG_CHIP_INFO: Final = Struct("<36s32sI128x")
"""match (DBG_MATCH), name, flags."""

CODECS: Final[Mapping[str, Struct]] = MappingProxyType(
    {
        f"v4l2_{name.lower()}": codec
        for name, codec in list(vars().items())
        if isinstance(codec, Struct)
        and name not in {"INT", "U32", "TIMEVAL", "TIMESPEC", "FORMAT_TYPE", "QUERYMENU_VALUE"}
    }
    | {"int": INT, "__u32": U32, "timeval": TIMEVAL, "timespec": TIMESPEC}
)
"""Every codec by its structure's name in C; ``v4l2_decoder_cmd_start`` and ``_stop`` are members
that C does not name."""
