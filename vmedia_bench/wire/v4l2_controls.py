"""
Constants of V4L2 controls and events, named as in ``linux/videodev2.h`` minus the prefix.

The control IDs themselves are in :mod:`vmedia_bench.wire.controls`. Source: the V4L2 UAPI
documentation, pages VIDIOC_QUERYCTRL, VIDIOC_G_EXT_CTRLS and VIDIOC_DQEVENT.
"""

from enum import IntEnum, IntFlag
from typing import Final

CTRL_ID_MASK: Final = 0x0FFFFFFF
CTRL_MAX_DIMS: Final = 4
CTRL_COMPOUND_TYPES: Final = 0x0100
"""The first value of CtrlType whose value is a memory block, not a number."""


class CtrlType(IntEnum):
    """enum v4l2_ctrl_type; values from 0x100 on are compound."""

    INTEGER = 1
    BOOLEAN = 2
    MENU = 3
    BUTTON = 4
    INTEGER64 = 5
    CTRL_CLASS = 6
    STRING = 7
    BITMASK = 8
    INTEGER_MENU = 9
    U8 = 0x100
    U16 = 0x101
    U32 = 0x102
    AREA = 0x106
    RECT = 0x107
    HDR10_CLL_INFO = 0x110
    HDR10_MASTERING_DISPLAY = 0x111
    H264_SPS = 0x200
    H264_PPS = 0x201
    H264_SCALING_MATRIX = 0x202
    H264_SLICE_PARAMS = 0x203
    H264_DECODE_PARAMS = 0x204
    H264_PRED_WEIGHTS = 0x205
    FWHT_PARAMS = 0x220
    VP8_FRAME = 0x240
    MPEG2_QUANTISATION = 0x250
    MPEG2_SEQUENCE = 0x251
    MPEG2_PICTURE = 0x252
    VP9_COMPRESSED_HDR = 0x260
    VP9_FRAME = 0x261
    HEVC_SPS = 0x270
    HEVC_PPS = 0x271
    HEVC_SLICE_PARAMS = 0x272
    HEVC_SCALING_MATRIX = 0x273
    HEVC_DECODE_PARAMS = 0x274
    AV1_SEQUENCE = 0x280
    AV1_TILE_GROUP_ENTRY = 0x281
    AV1_FRAME = 0x282
    AV1_FILM_GRAIN = 0x283


class CtrlFlag(IntFlag):
    """Control flags; NEXT_CTRL and NEXT_COMPOUND ride on the ID asked for."""

    DISABLED = 1
    GRABBED = 2
    READ_ONLY = 4
    UPDATE = 8
    INACTIVE = 0x10
    SLIDER = 0x20
    WRITE_ONLY = 0x40
    VOLATILE = 0x80
    HAS_PAYLOAD = 0x100
    EXECUTE_ON_WRITE = 0x200
    MODIFY_LAYOUT = 0x400
    DYNAMIC_ARRAY = 0x800
    HAS_WHICH_MIN_MAX = 0x1000
    NEXT_CTRL = 0x80000000
    NEXT_COMPOUND = 0x40000000


class CtrlClass(IntEnum):
    """Upper half of a control ID."""

    USER = 0x980000
    CODEC = 0x990000
    CAMERA = 0x9A0000
    FM_TX = 0x9B0000
    FLASH = 0x9C0000
    JPEG = 0x9D0000
    IMAGE_SOURCE = 0x9E0000
    IMAGE_PROC = 0x9F0000
    DV = 0xA00000
    FM_RX = 0xA10000
    RF_TUNER = 0xA20000
    DETECT = 0xA30000
    CODEC_STATELESS = 0xA40000
    COLORIMETRY = 0xA50000
    MPEG = 0x990000


class CtrlWhich(IntEnum):
    """v4l2_ext_controls.which, when it is no control class."""

    CUR_VAL = 0
    DEF_VAL = 0xF000000
    REQUEST_VAL = 0xF010000
    MIN_VAL = 0xF020000
    MAX_VAL = 0xF030000


class EventType(IntEnum):
    """v4l2_event.type."""

    ALL = 0
    VSYNC = 1
    EOS = 2
    CTRL = 3
    FRAME_SYNC = 4
    SOURCE_CHANGE = 5
    MOTION_DET = 6
    PRIVATE_START = 0x8000000


class EventCtrlChange(IntFlag):
    """v4l2_event_ctrl.changes."""

    VALUE = 1
    FLAGS = 2
    RANGE = 4
    DIMENSIONS = 8


class SrcChange(IntFlag):
    """v4l2_event_src_change.changes."""

    RESOLUTION = 1


class MotionDetFlag(IntFlag):
    """v4l2_event_motion_det.flags."""

    HAVE_FRAME_SEQ = 1


class EventSubFlag(IntFlag):
    """v4l2_event_subscription.flags."""

    SEND_INITIAL = 1
    ALLOW_FEEDBACK = 2
