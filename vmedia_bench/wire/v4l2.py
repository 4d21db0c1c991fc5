"""
Constants of V4L2's streaming interface, named as in ``linux/videodev2.h`` minus the prefix.

A name that would start with a digit starts with an underscore (``XferFunc._709``). Those of
controls and events come from :mod:`vmedia_bench.wire.v4l2_controls` and are found here too;
those of tuners, analogue standards and DV timings are in :mod:`vmedia_bench.wire.v4l2_tv`.
Source: the V4L2 UAPI documentation (``userspace-api/media/v4l``) and the header itself.
"""

from enum import IntEnum, IntFlag
from typing import Final

from vmedia_bench.wire.v4l2_controls import (
    CtrlClass,
    CtrlFlag,
    CtrlType,
    CtrlWhich,
    EventCtrlChange,
    EventSubFlag,
    EventType,
    MotionDetFlag,
    SrcChange,
)

__all__ = [
    "FMTDESC_FLAG_ENUM_ALL",
    "PIX_FMT_PRIV_MAGIC",
    "VIDEO_MAX_FRAME",
    "VIDEO_MAX_PLANES",
    "BufCap",
    "BufFlag",
    "BufType",
    "Cap",
    "Colorspace",
    "CtrlClass",
    "CtrlFlag",
    "CtrlType",
    "CtrlWhich",
    "DecCmd",
    "DecCmdPauseFlag",
    "DecCmdStartFlag",
    "DecCmdStopFlag",
    "DecStartFormat",
    "EncCmd",
    "EncCmdFlag",
    "EventCtrlChange",
    "EventSubFlag",
    "EventType",
    "Field",
    "FmtFlag",
    "FrmIvalType",
    "FrmSizeType",
    "HsvEncoding",
    "InputCap",
    "InputStatus",
    "InputType",
    "Memory",
    "MemoryFlag",
    "MotionDetFlag",
    "OutputCap",
    "OutputType",
    "PixFmtFlag",
    "Quantization",
    "SelFlag",
    "SelTarget",
    "SrcChange",
    "StreamParmCap",
    "StreamParmMode",
    "XferFunc",
    "YcbcrEncoding",
    "fourcc",
    "fourcc_name",
    "is_capture",
    "is_multiplanar",
    "is_output",
]

VIDEO_MAX_FRAME: Final = 32
VIDEO_MAX_PLANES: Final = 8

PIX_FMT_PRIV_MAGIC: Final = 0xFEEDCAFE
"""v4l2_pix_format.priv when the fields after it are meant."""

FMTDESC_FLAG_ENUM_ALL: Final = 0x80000000
"""Rides on v4l2_fmtdesc.index: enumerate the formats of every media bus code."""

_FOURCC_BIG_ENDIAN = 1 << 31


class BufType(IntEnum):
    """enum v4l2_buf_type: what a queue carries and which way."""

    VIDEO_CAPTURE = 1
    VIDEO_OUTPUT = 2
    VIDEO_OVERLAY = 3
    VBI_CAPTURE = 4
    VBI_OUTPUT = 5
    SLICED_VBI_CAPTURE = 6
    SLICED_VBI_OUTPUT = 7
    VIDEO_OUTPUT_OVERLAY = 8
    VIDEO_CAPTURE_MPLANE = 9
    VIDEO_OUTPUT_MPLANE = 10
    SDR_CAPTURE = 11
    SDR_OUTPUT = 12
    META_CAPTURE = 13
    META_OUTPUT = 14
    PRIVATE = 0x80


class Memory(IntEnum):
    """enum v4l2_memory; virtio-media calls USERPTR SHARED_PAGES and DMABUF VIRTIO_OBJECT."""

    MMAP = 1
    USERPTR = 2
    OVERLAY = 3
    DMABUF = 4


class MemoryFlag(IntFlag):
    """``flags`` of REQBUFS and CREATE_BUFS."""

    NON_COHERENT = 1


class BufCap(IntFlag):
    """``capabilities`` of REQBUFS and CREATE_BUFS."""

    SUPPORTS_MMAP = 1
    SUPPORTS_USERPTR = 2
    SUPPORTS_DMABUF = 4
    SUPPORTS_REQUESTS = 8
    SUPPORTS_ORPHANED_BUFS = 0x10
    SUPPORTS_M2M_HOLD_CAPTURE_BUF = 0x20
    SUPPORTS_MMAP_CACHE_HINTS = 0x40
    SUPPORTS_MAX_NUM_BUFFERS = 0x80
    SUPPORTS_REMOVE_BUFS = 0x100


class BufFlag(IntFlag):
    """v4l2_buffer.flags."""

    MAPPED = 1
    QUEUED = 2
    DONE = 4
    KEYFRAME = 8
    PFRAME = 0x10
    BFRAME = 0x20
    ERROR = 0x40
    IN_REQUEST = 0x80
    TIMECODE = 0x100
    M2M_HOLD_CAPTURE_BUF = 0x200
    PREPARED = 0x400
    NO_CACHE_INVALIDATE = 0x800
    NO_CACHE_CLEAN = 0x1000
    TIMESTAMP_MASK = 0xE000
    TIMESTAMP_UNKNOWN = 0
    TIMESTAMP_MONOTONIC = 0x2000
    TIMESTAMP_COPY = 0x4000
    TSTAMP_SRC_MASK = 0x70000
    TSTAMP_SRC_EOF = 0
    TSTAMP_SRC_SOE = 0x10000
    LAST = 0x100000
    REQUEST_FD = 0x800000


class Field(IntEnum):
    """enum v4l2_field: order of interlaced fields in a buffer."""

    ANY = 0
    NONE = 1
    TOP = 2
    BOTTOM = 3
    INTERLACED = 4
    SEQ_TB = 5
    SEQ_BT = 6
    ALTERNATE = 7
    INTERLACED_TB = 8
    INTERLACED_BT = 9


class Cap(IntFlag):
    """v4l2_capability.device_caps, and device_caps of the virtio-media configuration space."""

    VIDEO_CAPTURE = 1
    VIDEO_OUTPUT = 2
    VIDEO_OVERLAY = 4
    VBI_CAPTURE = 0x10
    VBI_OUTPUT = 0x20
    SLICED_VBI_CAPTURE = 0x40
    SLICED_VBI_OUTPUT = 0x80
    RDS_CAPTURE = 0x100
    VIDEO_OUTPUT_OVERLAY = 0x200
    HW_FREQ_SEEK = 0x400
    RDS_OUTPUT = 0x800
    VIDEO_CAPTURE_MPLANE = 0x1000
    VIDEO_OUTPUT_MPLANE = 0x2000
    VIDEO_M2M_MPLANE = 0x4000
    VIDEO_M2M = 0x8000
    TUNER = 0x10000
    AUDIO = 0x20000
    RADIO = 0x40000
    MODULATOR = 0x80000
    SDR_CAPTURE = 0x100000
    EXT_PIX_FORMAT = 0x200000
    SDR_OUTPUT = 0x400000
    META_CAPTURE = 0x800000
    READWRITE = 0x1000000
    EDID = 0x2000000
    STREAMING = 0x4000000
    META_OUTPUT = 0x8000000
    TOUCH = 0x10000000
    IO_MC = 0x20000000
    DEVICE_CAPS = 0x80000000


class FmtFlag(IntFlag):
    """v4l2_fmtdesc.flags."""

    COMPRESSED = 1
    EMULATED = 2
    CONTINUOUS_BYTESTREAM = 4
    DYN_RESOLUTION = 8
    ENC_CAP_FRAME_INTERVAL = 0x10
    CSC_COLORSPACE = 0x20
    CSC_XFER_FUNC = 0x40
    CSC_YCBCR_ENC = 0x80
    CSC_QUANTIZATION = 0x100
    META_LINE_BASED = 0x200


class PixFmtFlag(IntFlag):
    """v4l2_pix_format.flags and v4l2_pix_format_mplane.flags."""

    PREMUL_ALPHA = 1
    SET_CSC = 2


class Colorspace(IntEnum):
    """enum v4l2_colorspace."""

    DEFAULT = 0
    SMPTE170M = 1
    SMPTE240M = 2
    REC709 = 3
    BT878 = 4
    _470_SYSTEM_M = 5
    _470_SYSTEM_BG = 6
    JPEG = 7
    SRGB = 8
    OPRGB = 9
    BT2020 = 10
    RAW = 11
    DCI_P3 = 12


class XferFunc(IntEnum):
    """enum v4l2_xfer_func."""

    DEFAULT = 0
    _709 = 1
    SRGB = 2
    OPRGB = 3
    SMPTE240M = 4
    NONE = 5
    DCI_P3 = 6
    SMPTE2084 = 7


class YcbcrEncoding(IntEnum):
    """enum v4l2_ycbcr_encoding."""

    DEFAULT = 0
    _601 = 1
    _709 = 2
    XV601 = 3
    XV709 = 4
    SYCC = 5
    BT2020 = 6
    BT2020_CONST_LUM = 7
    SMPTE240M = 8


class HsvEncoding(IntEnum):
    """enum v4l2_hsv_encoding, which shares its field with YcbcrEncoding."""

    _180 = 0x80
    _256 = 0x81


class Quantization(IntEnum):
    """enum v4l2_quantization."""

    DEFAULT = 0
    FULL_RANGE = 1
    LIM_RANGE = 2


class FrmSizeType(IntEnum):
    """enum v4l2_frmsizetypes."""

    DISCRETE = 1
    CONTINUOUS = 2
    STEPWISE = 3


class FrmIvalType(IntEnum):
    """enum v4l2_frmivaltypes."""

    DISCRETE = 1
    CONTINUOUS = 2
    STEPWISE = 3


class StreamParmCap(IntFlag):
    """``capability`` of v4l2_captureparm and v4l2_outputparm."""

    TIMEPERFRAME = 0x1000


class StreamParmMode(IntFlag):
    """``capturemode`` and ``outputmode``."""

    HIGHQUALITY = 1


class InputType(IntEnum):
    """v4l2_input.type."""

    TUNER = 1
    CAMERA = 2
    TOUCH = 3


class InputStatus(IntFlag):
    """v4l2_input.status."""

    NO_POWER = 1
    NO_SIGNAL = 2
    NO_COLOR = 4
    HFLIP = 0x10
    VFLIP = 0x20
    NO_H_LOCK = 0x100
    COLOR_KILL = 0x200
    NO_V_LOCK = 0x400
    NO_STD_LOCK = 0x800
    NO_SYNC = 0x10000
    NO_EQU = 0x20000
    NO_CARRIER = 0x40000
    MACROVISION = 0x1000000
    NO_ACCESS = 0x2000000
    VTR = 0x4000000


class InputCap(IntFlag):
    """v4l2_input.capabilities."""

    DV_TIMINGS = 2
    STD = 4
    NATIVE_SIZE = 8


class OutputType(IntEnum):
    """v4l2_output.type."""

    MODULATOR = 1
    ANALOG = 2
    ANALOGVGAOVERLAY = 3


class OutputCap(IntFlag):
    """v4l2_output.capabilities."""

    DV_TIMINGS = 2
    STD = 4
    NATIVE_SIZE = 8


class SelTarget(IntEnum):
    """v4l2_selection.target."""

    CROP = 0
    CROP_DEFAULT = 1
    CROP_BOUNDS = 2
    NATIVE_SIZE = 3
    COMPOSE = 0x100
    COMPOSE_DEFAULT = 0x101
    COMPOSE_BOUNDS = 0x102
    COMPOSE_PADDED = 0x103


class SelFlag(IntFlag):
    """v4l2_selection.flags."""

    GE = 1
    LE = 2
    KEEP_CONFIG = 4


class EncCmd(IntEnum):
    """v4l2_encoder_cmd.cmd."""

    START = 0
    STOP = 1
    PAUSE = 2
    RESUME = 3


class EncCmdFlag(IntFlag):
    """v4l2_encoder_cmd.flags."""

    STOP_AT_GOP_END = 1


class DecCmd(IntEnum):
    """v4l2_decoder_cmd.cmd."""

    START = 0
    STOP = 1
    PAUSE = 2
    RESUME = 3
    FLUSH = 4


class DecCmdStartFlag(IntFlag):
    """v4l2_decoder_cmd.flags of START."""

    START_MUTE_AUDIO = 1


class DecCmdStopFlag(IntFlag):
    """v4l2_decoder_cmd.flags of STOP."""

    STOP_TO_BLACK = 1
    STOP_IMMEDIATELY = 2


class DecCmdPauseFlag(IntFlag):
    """v4l2_decoder_cmd.flags of PAUSE."""

    PAUSE_TO_BLACK = 1


class DecStartFormat(IntEnum):
    """v4l2_decoder_cmd.start.format."""

    NONE = 0
    GOP = 1


_MULTIPLANAR = frozenset((9, 10))
_OUTPUT = frozenset((2, 3, 5, 7, 8, 10, 12, 14))
_CAPTURE = frozenset((1, 4, 6, 9, 11, 13))


def is_multiplanar(buf_type: int) -> bool:
    """Whether buffers of this type carry a planes array (V4L2_TYPE_IS_MULTIPLANAR)."""
    return buf_type in _MULTIPLANAR


def is_output(buf_type: int) -> bool:
    """Whether the driver fills buffers of this type (V4L2_TYPE_IS_OUTPUT, overlays included)."""
    return buf_type in _OUTPUT


def is_capture(buf_type: int) -> bool:
    """Whether the device fills buffers of this type; False for a type that does not exist."""
    return buf_type in _CAPTURE


def fourcc(code: str) -> int:
    """
    Return the four-character code as v4l2_fourcc does; ``-BE`` behind it sets the top bit.

    Shorter codes are padded with spaces. Raises ValueError when ``code`` is empty, longer than
    four characters or not ASCII.
    """
    big_endian = len(code) > 4 and code.endswith("-BE")
    text = code[:-3] if big_endian else code
    if not 1 <= len(text) <= 4 or not text.isascii():
        raise ValueError(f"not a four-character code: {code!r}")
    value = int.from_bytes(text.ljust(4).encode("ascii"), "little")
    return value | _FOURCC_BIG_ENDIAN if big_endian else value


def fourcc_name(value: int) -> str:
    """
    Return the code as text, ``-BE`` behind one with the top bit set, hex when not printable.

    Inverse of :func:`fourcc` for every code made of printable ASCII.
    """
    raw = (value & 0xFFFFFFFF & ~_FOURCC_BIG_ENDIAN).to_bytes(4, "little")
    if not all(0x20 <= byte < 0x7F for byte in raw):
        return f"0x{value & 0xFFFFFFFF:08x}"
    return raw.decode("ascii") + ("-BE" if value & _FOURCC_BIG_ENDIAN else "")
