"""
Layouts of the V4L2 structures of tuners, audio, standards, DV timings, VBI, overlay, debugging.

Here too are the rectangle and the fraction that the other layouts use.
Source: ``linux/videodev2.h``, read as a 64-bit little-endian machine does.
"""

from vmedia_bench.wire import v4l2_tv as tv
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
    struct,
    text,
    u8,
    u16,
    u32,
    u64,
    union,
)
from vmedia_bench.wire.v4l2 import BufType, Colorspace, Field

RECT = struct("v4l2_rect", "left" / s32, "top" / s32, "width" / u32, "height" / u32)
FRACT = struct("v4l2_fract", "numerator" / u32, "denominator" / u32)
AREA = struct("v4l2_area", "width" / u32, "height" / u32)
STD = flags(tv.Std, u64)

# Standards, tuners, audio.

STANDARD = struct(
    "v4l2_standard",
    "index" / u32,
    hole(4),
    "id" / STD,
    "name" / text(24),
    "frameperiod" / FRACT,
    "framelines" / u32,
    "reserved" / reserved(16),
    hole(4),
)

TUNER = struct(
    "v4l2_tuner",
    "index" / u32,
    "name" / text(32),
    "type" / enum(tv.TunerType),
    "capability" / flags(tv.TunerCap),
    "rangelow" / u32,
    "rangehigh" / u32,
    "rxsubchans" / flags(tv.TunerSub),
    "audmode" / enum(tv.TunerMode),
    "signal" / s32,
    "afc" / s32,
    "reserved" / reserved(16),
)

MODULATOR = struct(
    "v4l2_modulator",
    "index" / u32,
    "name" / text(32),
    "capability" / flags(tv.TunerCap),
    "rangelow" / u32,
    "rangehigh" / u32,
    "txsubchans" / flags(tv.TunerSub),
    "type" / enum(tv.TunerType),
    "reserved" / reserved(12),
)

FREQUENCY = struct(
    "v4l2_frequency",
    "tuner" / u32,
    "type" / enum(tv.TunerType),
    "frequency" / u32,
    "reserved" / reserved(32),
)

FREQUENCY_BAND = struct(
    "v4l2_frequency_band",
    "tuner" / u32,
    "type" / enum(tv.TunerType),
    "index" / u32,
    "capability" / flags(tv.TunerCap),
    "rangelow" / u32,
    "rangehigh" / u32,
    "modulation" / flags(tv.BandModulation),
    "reserved" / reserved(36),
)

HW_FREQ_SEEK = struct(
    "v4l2_hw_freq_seek",
    "tuner" / u32,
    "type" / enum(tv.TunerType),
    "seek_upward" / u32,
    "wrap_around" / u32,
    "spacing" / u32,
    "rangelow" / u32,
    "rangehigh" / u32,
    "reserved" / reserved(20),
)

AUDIO = struct(
    "v4l2_audio",
    "index" / u32,
    "name" / text(32),
    "capability" / flags(tv.AudioCap),
    "mode" / flags(tv.AudioMode),
    "reserved" / reserved(8),
)

AUDIOOUT = struct(
    "v4l2_audioout",
    "index" / u32,
    "name" / text(32),
    "capability" / u32,
    "mode" / u32,
    "reserved" / reserved(8),
)

# DV timings.

BT_TIMINGS = struct(
    "v4l2_bt_timings",
    "width" / u32,
    "height" / u32,
    "interlaced" / enum(tv.DvScan),
    "polarities" / flags(tv.DvPolarity),
    "pixelclock" / u64,
    "hfrontporch" / u32,
    "hsync" / u32,
    "hbackporch" / u32,
    "vfrontporch" / u32,
    "vsync" / u32,
    "vbackporch" / u32,
    "il_vfrontporch" / u32,
    "il_vsync" / u32,
    "il_vbackporch" / u32,
    "standards" / flags(tv.DvStandard),
    "flags" / flags(tv.DvFlag),
    "picture_aspect" / FRACT,
    "cea861_vic" / u8,
    "hdmi_vic" / u8,
    "reserved" / reserved(46),
)

DV_TIMINGS = struct(
    "v4l2_dv_timings",
    "type" / enum(tv.DvTimingsType),
    ANONYMOUS / union(128, by("type"), {0: "bt" / BT_TIMINGS}, "reserved" / raw(128)),
)

ENUM_DV_TIMINGS = struct(
    "v4l2_enum_dv_timings",
    "index" / u32,
    "pad" / u32,
    "reserved" / reserved(8),
    "timings" / DV_TIMINGS,
)

BT_TIMINGS_CAP = struct(
    "v4l2_bt_timings_cap",
    "min_width" / u32,
    "max_width" / u32,
    "min_height" / u32,
    "max_height" / u32,
    "min_pixelclock" / u64,
    "max_pixelclock" / u64,
    "standards" / flags(tv.DvStandard),
    "capabilities" / flags(tv.DvCap),
    "reserved" / reserved(64),
)

DV_TIMINGS_CAP = struct(
    "v4l2_dv_timings_cap",
    "type" / enum(tv.DvTimingsType),
    "pad" / u32,
    "reserved" / reserved(8),
    ANONYMOUS / union(128, by("type"), {0: "bt" / BT_TIMINGS_CAP}, "raw_data" / raw(128)),
)

EDID = struct(
    "v4l2_edid",
    "pad" / u32,
    "start_block" / u32,
    "blocks" / u32,
    "reserved" / reserved(20),
    "edid" / pointer,
)

# VBI and overlay.

VBI_FORMAT = struct(
    "v4l2_vbi_format",
    "sampling_rate" / u32,
    "offset" / u32,
    "samples_per_line" / u32,
    "sample_format" / fourcc_field,
    "start" / array(2, s32),
    "count" / array(2, u32),
    "flags" / flags(tv.VbiFlag),
    "reserved" / reserved(8),
)

_SERVICES = flags(tv.SlicedService, u16)

SLICED_VBI_FORMAT = struct(
    "v4l2_sliced_vbi_format",
    "service_set" / _SERVICES,
    "service_lines" / array(48, _SERVICES),
    hole(2),
    "io_size" / u32,
    "reserved" / reserved(8),
)

SLICED_VBI_CAP = struct(
    "v4l2_sliced_vbi_cap",
    "service_set" / _SERVICES,
    "service_lines" / array(48, _SERVICES),
    hole(2),
    "type" / enum(BufType),
    "reserved" / reserved(12),
)

CLIP = struct("v4l2_clip", "c" / RECT, "next" / pointer)

WINDOW = struct(
    "v4l2_window",
    "w" / RECT,
    "field" / enum(Field),
    "chromakey" / u32,
    "clips" / pointer,
    "clipcount" / u32,
    hole(4),
    "bitmap" / pointer,
    "global_alpha" / u8,
    hole(7),
)

_FRAMEBUFFER_FORMAT = struct(
    "struct",
    "width" / u32,
    "height" / u32,
    "pixelformat" / fourcc_field,
    "field" / enum(Field),
    "bytesperline" / u32,
    "sizeimage" / u32,
    "colorspace" / enum(Colorspace),
    "priv" / u32,
)

FRAMEBUFFER = struct(
    "v4l2_framebuffer",
    "capability" / flags(tv.FbufCap),
    "flags" / flags(tv.FbufFlag),
    "base" / pointer,
    "fmt" / _FRAMEBUFFER_FORMAT,
)

# JPEG and debugging.

JPEGCOMPRESSION = struct(
    "v4l2_jpegcompression",
    "quality" / s32,
    "APPn" / s32,
    "APP_len" / s32,
    "APP_data" / text(60),
    "COM_len" / s32,
    "COM_data" / text(60),
    "jpeg_markers" / flags(tv.JpegMarker),
)

DBG_MATCH = struct(
    "v4l2_dbg_match",
    "type" / enum(tv.ChipMatch),
    ANONYMOUS / union(32, by("type"), {1: "name" / text(32)}, "addr" / u32),
)

DBG_REGISTER = struct(
    "v4l2_dbg_register",
    "match" / DBG_MATCH,
    "size" / u32,
    "reg" / u64,
    "val" / u64,
)

DBG_CHIP_INFO = struct(
    "v4l2_dbg_chip_info",
    "match" / DBG_MATCH,
    "name" / text(32),
    "flags" / flags(tv.ChipFlag),
    "reserved" / reserved(128),
)

PRIORITY = enum(tv.Priority)
