"""
Constants of V4L2's rarer corners: tuners, audio, analogue standards, DV timings, VBI, overlay.

Named as in ``linux/videodev2.h`` minus the prefix, an underscore before a leading digit. No
backend of this bench uses them; they are here so that traffic about them can be read.
Source: the V4L2 UAPI documentation (``userspace-api/media/v4l``).
"""

from enum import IntEnum, IntFlag


class TimecodeType(IntEnum):
    """v4l2_timecode.type; 0 when the buffer has no time code."""

    _24FPS = 1
    _25FPS = 2
    _30FPS = 3
    _50FPS = 4
    _60FPS = 5


class TimecodeFlag(IntFlag):
    """v4l2_timecode.flags."""

    DROPFRAME = 1
    COLORFRAME = 2
    USERBITS_FIELD = 0xC
    USERBITS_USERDEFINED = 0
    USERBITS_8BITCHARS = 8


class Priority(IntEnum):
    """enum v4l2_priority."""

    UNSET = 0
    BACKGROUND = 1
    INTERACTIVE = 2
    RECORD = 3


class TunerType(IntEnum):
    """enum v4l2_tuner_type."""

    RADIO = 1
    ANALOG_TV = 2
    DIGITAL_TV = 3
    SDR = 4
    RF = 5


class TunerCap(IntFlag):
    """``capability`` of v4l2_tuner, v4l2_modulator and v4l2_frequency_band."""

    LOW = 1
    NORM = 2
    HWSEEK_BOUNDED = 4
    HWSEEK_WRAP = 8
    STEREO = 0x10
    LANG2 = 0x20
    SAP = 0x20
    LANG1 = 0x40
    RDS = 0x80
    RDS_BLOCK_IO = 0x100
    RDS_CONTROLS = 0x200
    FREQ_BANDS = 0x400
    HWSEEK_PROG_LIM = 0x800
    _1HZ = 0x1000


class TunerSub(IntFlag):
    """``rxsubchans`` and ``txsubchans``."""

    MONO = 1
    STEREO = 2
    LANG2 = 4
    SAP = 4
    LANG1 = 8
    RDS = 0x10


class TunerMode(IntEnum):
    """v4l2_tuner.audmode."""

    MONO = 0
    STEREO = 1
    LANG2 = 2
    SAP = 2
    LANG1 = 3
    LANG1_LANG2 = 4


class BandModulation(IntFlag):
    """v4l2_frequency_band.modulation."""

    VSB = 2
    FM = 4
    AM = 8


class AudioCap(IntFlag):
    """v4l2_audio.capability."""

    STEREO = 1
    AVL = 2


class AudioMode(IntFlag):
    """v4l2_audio.mode."""

    AVL = 1


class Std(IntFlag):
    """v4l2_std_id, 64 bits: analogue video standards."""

    PAL_B = 1
    PAL_B1 = 2
    PAL_G = 4
    PAL_H = 8
    PAL_I = 0x10
    PAL_D = 0x20
    PAL_D1 = 0x40
    PAL_K = 0x80
    PAL_M = 0x100
    PAL_N = 0x200
    PAL_NC = 0x400
    PAL_60 = 0x800
    NTSC_M = 0x1000
    NTSC_M_JP = 0x2000
    NTSC_443 = 0x4000
    NTSC_M_KR = 0x8000
    SECAM_B = 0x10000
    SECAM_D = 0x20000
    SECAM_G = 0x40000
    SECAM_H = 0x80000
    SECAM_K = 0x100000
    SECAM_K1 = 0x200000
    SECAM_L = 0x400000
    SECAM_LC = 0x800000
    ATSC_8_VSB = 0x1000000
    ATSC_16_VSB = 0x2000000
    NTSC = 0xB000
    SECAM_DK = 0x320000
    SECAM = 0xFF0000
    PAL_BG = 7
    PAL_DK = 0xE0
    PAL = 0xFF
    B = 0x10003
    G = 0x40004
    H = 0x80008
    L = 0xC00000
    GH = 0xC000C
    DK = 0x3200E0
    BG = 0x50007
    MN = 0xB700
    MTS = 0x1700
    _525_60 = 0xF900
    _625_50 = 0xFF06FF
    ATSC = 0x3000000
    ALL = 0xFFFFFF


class DvTimingsType(IntEnum):
    """v4l2_dv_timings.type."""

    BT_656_1120 = 0


class DvScan(IntEnum):
    """v4l2_bt_timings.interlaced."""

    PROGRESSIVE = 0
    INTERLACED = 1


class DvPolarity(IntFlag):
    """v4l2_bt_timings.polarities; a bit not set is a negative one."""

    VSYNC_POS_POL = 1
    HSYNC_POS_POL = 2


class DvStandard(IntFlag):
    """v4l2_bt_timings.standards."""

    CEA861 = 1
    DMT = 2
    CVT = 4
    GTF = 8
    SDI = 0x10


class DvFlag(IntFlag):
    """v4l2_bt_timings.flags."""

    REDUCED_BLANKING = 1
    CAN_REDUCE_FPS = 2
    REDUCED_FPS = 4
    HALF_LINE = 8
    IS_CE_VIDEO = 0x10
    FIRST_FIELD_EXTRA_LINE = 0x20
    HAS_PICTURE_ASPECT = 0x40
    HAS_CEA861_VIC = 0x80
    HAS_HDMI_VIC = 0x100
    CAN_DETECT_REDUCED_FPS = 0x200


class DvCap(IntFlag):
    """v4l2_bt_timings_cap.capabilities."""

    INTERLACED = 1
    PROGRESSIVE = 2
    REDUCED_BLANKING = 4
    CUSTOM = 8


class FbufCap(IntFlag):
    """v4l2_framebuffer.capability."""

    EXTERNOVERLAY = 1
    CHROMAKEY = 2
    LIST_CLIPPING = 4
    BITMAP_CLIPPING = 8
    LOCAL_ALPHA = 0x10
    GLOBAL_ALPHA = 0x20
    LOCAL_INV_ALPHA = 0x40
    SRC_CHROMAKEY = 0x80


class FbufFlag(IntFlag):
    """v4l2_framebuffer.flags."""

    PRIMARY = 1
    OVERLAY = 2
    CHROMAKEY = 4
    LOCAL_ALPHA = 8
    GLOBAL_ALPHA = 0x10
    LOCAL_INV_ALPHA = 0x20
    SRC_CHROMAKEY = 0x40


class VbiFlag(IntFlag):
    """v4l2_vbi_format.flags."""

    UNSYNC = 1
    INTERLACED = 2


class SlicedService(IntFlag):
    """``service_set`` and ``service_lines`` of sliced VBI."""

    TELETEXT_B = 1
    VPS = 0x400
    CAPTION_525 = 0x1000
    WSS_625 = 0x4000


class EncIdxFrame(IntEnum):
    """v4l2_enc_idx_entry.flags, its low four bits."""

    I = 0  # noqa: E741 -- the header's own name
    P = 1
    B = 2


class JpegMarker(IntFlag):
    """v4l2_jpegcompression.jpeg_markers."""

    DHT = 8
    DQT = 0x10
    DRI = 0x20
    COM = 0x40
    APP = 0x80


class ChipMatch(IntEnum):
    """v4l2_dbg_match.type."""

    BRIDGE = 0
    SUBDEV = 4
    I2C_DRIVER = 1
    I2C_ADDR = 2
    AC97 = 3


class ChipFlag(IntFlag):
    """v4l2_dbg_chip_info.flags."""

    READABLE = 1
    WRITABLE = 2
