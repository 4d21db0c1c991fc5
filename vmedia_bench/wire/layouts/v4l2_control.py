"""
Layouts of the V4L2 structures of controls, events and codec commands.

Source: ``linux/videodev2.h``, read as a 64-bit little-endian machine does.
"""

from typing import Any

from vmedia_bench.wire import v4l2
from vmedia_bench.wire.layouts.fields import (
    ANONYMOUS,
    also,
    array,
    by,
    cid,
    enum,
    flags,
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
    u64,
    union,
)
from vmedia_bench.wire.v4l2_tv import EncIdxFrame

CTRL_TYPE = enum(v4l2.CtrlType)
CTRL_FLAGS = flags(v4l2.CtrlFlag)

# Controls.

CONTROL = struct("v4l2_control", "id" / cid, "value" / s32)

_SCALAR, _POINTER = 0, 1


def _control_member(context: Any) -> int:
    return _POINTER if context.size else _SCALAR


EXT_CONTROL = struct(
    "v4l2_ext_control",
    "id" / cid,
    "size" / u32,
    "reserved2" / reserved(4),
    also("value", s32),
    ANONYMOUS / union(8, _control_member, {_POINTER: "ptr" / pointer}, "value64" / s64),
)

EXT_CONTROLS = struct(
    "v4l2_ext_controls",
    "which" / enum(v4l2.CtrlWhich, v4l2.CtrlClass),
    "count" / u32,
    "error_idx" / u32,
    "request_fd" / s32,
    "reserved" / reserved(4),
    hole(4),
    "controls" / pointer,
)

QUERYCTRL = struct(
    "v4l2_queryctrl",
    "id" / cid,
    "type" / CTRL_TYPE,
    "name" / text(32),
    "minimum" / s32,
    "maximum" / s32,
    "step" / s32,
    "default_value" / s32,
    "flags" / CTRL_FLAGS,
    "reserved" / reserved(8),
)

QUERY_EXT_CTRL = struct(
    "v4l2_query_ext_ctrl",
    "id" / cid,
    "type" / CTRL_TYPE,
    "name" / text(32),
    "minimum" / s64,
    "maximum" / s64,
    "step" / u64,
    "default_value" / s64,
    "flags" / CTRL_FLAGS,
    "elem_size" / u32,
    "elems" / u32,
    "nr_of_dims" / u32,
    "dims" / array(4, u32),
    "reserved" / reserved(128),
)

QUERYMENU = struct(
    "v4l2_querymenu",
    "id" / cid,
    "index" / u32,
    also("value", s64),
    "name" / text(32),
    "reserved" / reserved(4),
)

# Events.

EVENT_VSYNC = struct("v4l2_event_vsync", "field" / enum(v4l2.Field, base=u8))

EVENT_CTRL = struct(
    "v4l2_event_ctrl",
    "changes" / flags(v4l2.EventCtrlChange),
    "type" / CTRL_TYPE,
    also("value", s32),
    "value64" / s64,
    "flags" / CTRL_FLAGS,
    "minimum" / s32,
    "maximum" / s32,
    "step" / s32,
    "default_value" / s32,
    hole(4),
)

EVENT_FRAME_SYNC = struct("v4l2_event_frame_sync", "frame_sequence" / u32)

EVENT_SRC_CHANGE = struct("v4l2_event_src_change", "changes" / flags(v4l2.SrcChange))

EVENT_MOTION_DET = struct(
    "v4l2_event_motion_det",
    "flags" / flags(v4l2.MotionDetFlag),
    "frame_sequence" / u32,
    "region_mask" / u32,
)

TIMESPEC = struct("timespec", "tv_sec" / s64, "tv_nsec" / s64)

EVENT = struct(
    "v4l2_event",
    "type" / enum(v4l2.EventType),
    hole(4),
    "u"
    / union(
        64,
        by("type"),
        {
            1: "vsync" / EVENT_VSYNC,
            3: "ctrl" / EVENT_CTRL,
            4: "frame_sync" / EVENT_FRAME_SYNC,
            5: "src_change" / EVENT_SRC_CHANGE,
            6: "motion_det" / EVENT_MOTION_DET,
        },
        "data" / raw(64),
    ),
    "pending" / u32,
    "sequence" / u32,
    "timestamp" / TIMESPEC,
    "id" / cid,
    "reserved" / reserved(32),
    hole(4),
)

EVENT_SUBSCRIPTION = struct(
    "v4l2_event_subscription",
    "type" / enum(v4l2.EventType),
    "id" / cid,
    "flags" / flags(v4l2.EventSubFlag),
    "reserved" / reserved(20),
)

# Codec commands.

ENCODER_CMD = struct(
    "v4l2_encoder_cmd",
    "cmd" / enum(v4l2.EncCmd),
    "flags" / flags(v4l2.EncCmdFlag),
    "raw" / raw(32),
)

DECODER_CMD_START = struct(
    "v4l2_decoder_cmd_start", "speed" / s32, "format" / enum(v4l2.DecStartFormat)
)

DECODER_CMD_STOP = struct("v4l2_decoder_cmd_stop", "pts" / u64)

DECODER_CMD = struct(
    "v4l2_decoder_cmd",
    "cmd" / enum(v4l2.DecCmd),
    "flags" / u32,
    ANONYMOUS
    / union(
        64,
        by("cmd"),
        {0: "start" / DECODER_CMD_START, 1: "stop" / DECODER_CMD_STOP},
        "raw" / raw(64),
    ),
)

ENC_IDX_ENTRY = struct(
    "v4l2_enc_idx_entry",
    "offset" / u64,
    "pts" / u64,
    "length" / u32,
    "flags" / enum(EncIdxFrame),
    "reserved" / reserved(8),
)

ENC_IDX = struct(
    "v4l2_enc_idx",
    "entries" / u32,
    "entries_cap" / u32,
    "reserved" / reserved(16),
    "entry" / array(64, ENC_IDX_ENTRY),
)
