"""
The table of V4L2 ioctls as they travel in virtio-media's IOCTL command.

``number`` is the second argument of the ``_IO*`` macro; the payload's size is that of its 64-bit
structure. Sources: ``linux/videodev2.h``; virtio specification, "Media Device", "V4L2 ioctls"
and "Unsupported ioctls"; what the Linux guest driver sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final

from vmedia_bench.wire.structs import CODECS


class Direction(IntEnum):
    """
    Who writes the payload, on the virtio-media wire: W the driver, R the device.

    A W payload follows the command, an R payload follows the response, a WR payload both. The
    values are the kernel's _IOC_NONE, _IOC_WRITE and _IOC_READ.
    """

    NONE = 0
    W = 1
    R = 2
    WR = 3


class Shape(Enum):
    """What follows the fixed structure in a command."""

    PLAIN = "plain"
    """Nothing."""
    BUFFER = "buffer"
    """The planes of a multi-planar v4l2_buffer, then an SG list for each USERPTR plane."""
    EXT_CONTROLS = "ext_controls"
    """``count`` v4l2_ext_control, then an SG list for each control with a payload."""


class Sent(Enum):
    """Whether a device ever meets the ioctl."""

    FORWARDED = "forwarded"
    """The Linux driver forwards it."""
    NOT_BY_LINUX = "not by Linux"
    """The specification allows it, the Linux driver does not send it."""
    REPLACED = "replaced"
    """virtio-media has another mechanism; the device answers ENOTTY."""


@dataclass(frozen=True, slots=True)
class Ioctl:
    """
    One ioctl: ``payload`` is its C structure, ``size`` that structure's bytes.

    ``note`` says in a few words why it is not forwarded, or what is odd about it; mostly empty.
    """

    number: int
    name: str
    direction: Direction
    payload: str
    size: int
    shape: Shape
    sent: Sent
    note: str

    @property
    def short_name(self) -> str:
        """The name without ``VIDIOC_``."""
        return self.name.removeprefix("VIDIOC_")


def _row(
    number: int,
    name: str,
    direction: Direction,
    payload: str,
    *,
    shape: Shape = Shape.PLAIN,
    replaced: str = "",
    unsent: str = "",
    note: str = "",
) -> Ioctl:
    sent = Sent.REPLACED if replaced else Sent.NOT_BY_LINUX if unsent else Sent.FORWARDED
    size = CODECS[payload].size if payload else 0
    why = replaced or unsent or note
    return Ioctl(number, f"VIDIOC_{name}", direction, payload, size, shape, sent, why)


VIDIOC_QUERYCAP: Final = 0
VIDIOC_ENUM_FMT: Final = 2
VIDIOC_G_FMT: Final = 4
VIDIOC_S_FMT: Final = 5
VIDIOC_REQBUFS: Final = 8
VIDIOC_QUERYBUF: Final = 9
VIDIOC_G_FBUF: Final = 10
VIDIOC_S_FBUF: Final = 11
VIDIOC_OVERLAY: Final = 14
VIDIOC_QBUF: Final = 15
VIDIOC_EXPBUF: Final = 16
VIDIOC_DQBUF: Final = 17
VIDIOC_STREAMON: Final = 18
VIDIOC_STREAMOFF: Final = 19
VIDIOC_G_PARM: Final = 21
VIDIOC_S_PARM: Final = 22
VIDIOC_G_STD: Final = 23
VIDIOC_S_STD: Final = 24
VIDIOC_ENUMSTD: Final = 25
VIDIOC_ENUMINPUT: Final = 26
VIDIOC_G_CTRL: Final = 27
VIDIOC_S_CTRL: Final = 28
VIDIOC_G_TUNER: Final = 29
VIDIOC_S_TUNER: Final = 30
VIDIOC_G_AUDIO: Final = 33
VIDIOC_S_AUDIO: Final = 34
VIDIOC_QUERYCTRL: Final = 36
VIDIOC_QUERYMENU: Final = 37
VIDIOC_G_INPUT: Final = 38
VIDIOC_S_INPUT: Final = 39
VIDIOC_G_EDID: Final = 40
VIDIOC_S_EDID: Final = 41
VIDIOC_G_OUTPUT: Final = 46
VIDIOC_S_OUTPUT: Final = 47
VIDIOC_ENUMOUTPUT: Final = 48
VIDIOC_G_AUDOUT: Final = 49
VIDIOC_S_AUDOUT: Final = 50
VIDIOC_G_MODULATOR: Final = 54
VIDIOC_S_MODULATOR: Final = 55
VIDIOC_G_FREQUENCY: Final = 56
VIDIOC_S_FREQUENCY: Final = 57
VIDIOC_CROPCAP: Final = 58
VIDIOC_G_CROP: Final = 59
VIDIOC_S_CROP: Final = 60
VIDIOC_G_JPEGCOMP: Final = 61
VIDIOC_S_JPEGCOMP: Final = 62
VIDIOC_QUERYSTD: Final = 63
VIDIOC_TRY_FMT: Final = 64
VIDIOC_ENUMAUDIO: Final = 65
VIDIOC_ENUMAUDOUT: Final = 66
VIDIOC_G_PRIORITY: Final = 67
VIDIOC_S_PRIORITY: Final = 68
VIDIOC_G_SLICED_VBI_CAP: Final = 69
VIDIOC_LOG_STATUS: Final = 70
VIDIOC_G_EXT_CTRLS: Final = 71
VIDIOC_S_EXT_CTRLS: Final = 72
VIDIOC_TRY_EXT_CTRLS: Final = 73
VIDIOC_ENUM_FRAMESIZES: Final = 74
VIDIOC_ENUM_FRAMEINTERVALS: Final = 75
VIDIOC_G_ENC_INDEX: Final = 76
VIDIOC_ENCODER_CMD: Final = 77
VIDIOC_TRY_ENCODER_CMD: Final = 78
VIDIOC_DBG_S_REGISTER: Final = 79
VIDIOC_DBG_G_REGISTER: Final = 80
VIDIOC_S_HW_FREQ_SEEK: Final = 82
VIDIOC_S_DV_TIMINGS: Final = 87
VIDIOC_G_DV_TIMINGS: Final = 88
VIDIOC_DQEVENT: Final = 89
VIDIOC_SUBSCRIBE_EVENT: Final = 90
VIDIOC_UNSUBSCRIBE_EVENT: Final = 91
VIDIOC_CREATE_BUFS: Final = 92
VIDIOC_PREPARE_BUF: Final = 93
VIDIOC_G_SELECTION: Final = 94
VIDIOC_S_SELECTION: Final = 95
VIDIOC_DECODER_CMD: Final = 96
VIDIOC_TRY_DECODER_CMD: Final = 97
VIDIOC_ENUM_DV_TIMINGS: Final = 98
VIDIOC_QUERY_DV_TIMINGS: Final = 99
VIDIOC_DV_TIMINGS_CAP: Final = 100
VIDIOC_ENUM_FREQ_BANDS: Final = 101
VIDIOC_DBG_G_CHIP_INFO: Final = 102
VIDIOC_QUERY_EXT_CTRL: Final = 103
VIDIOC_REMOVE_BUFS: Final = 104


_NONE, _W, _R, _WR = Direction
_BUFFER, _CONTROLS = Shape.BUFFER, Shape.EXT_CONTROLS

_TABLE: Final = (
    _row(
        VIDIOC_QUERYCAP,
        "QUERYCAP",
        _R,
        "v4l2_capability",
        replaced="the configuration space says it",
    ),
    _row(VIDIOC_ENUM_FMT, "ENUM_FMT", _WR, "v4l2_fmtdesc"),
    _row(VIDIOC_G_FMT, "G_FMT", _WR, "v4l2_format"),
    _row(VIDIOC_S_FMT, "S_FMT", _WR, "v4l2_format"),
    _row(VIDIOC_REQBUFS, "REQBUFS", _WR, "v4l2_requestbuffers"),
    _row(VIDIOC_QUERYBUF, "QUERYBUF", _WR, "v4l2_buffer", shape=_BUFFER),
    _row(
        VIDIOC_G_FBUF,
        "G_FBUF",
        _R,
        "v4l2_framebuffer",
        unsent="the driver has no overlay interface",
    ),
    _row(
        VIDIOC_S_FBUF,
        "S_FBUF",
        _W,
        "v4l2_framebuffer",
        unsent="the driver has no overlay interface",
    ),
    _row(VIDIOC_OVERLAY, "OVERLAY", _W, "int", unsent="the driver has no overlay interface"),
    _row(VIDIOC_QBUF, "QBUF", _WR, "v4l2_buffer", shape=_BUFFER),
    _row(
        VIDIOC_EXPBUF,
        "EXPBUF",
        _WR,
        "v4l2_exportbuffer",
        unsent="the driver knows no VIRTIO_OBJECT memory",
    ),
    _row(
        VIDIOC_DQBUF,
        "DQBUF",
        _WR,
        "v4l2_buffer",
        shape=_BUFFER,
        replaced="an EVT_DQBUF event says it",
    ),
    _row(VIDIOC_STREAMON, "STREAMON", _W, "int"),
    _row(VIDIOC_STREAMOFF, "STREAMOFF", _W, "int"),
    _row(VIDIOC_G_PARM, "G_PARM", _WR, "v4l2_streamparm"),
    _row(VIDIOC_S_PARM, "S_PARM", _WR, "v4l2_streamparm"),
    _row(VIDIOC_G_STD, "G_STD", _R, "v4l2_std_id"),
    _row(VIDIOC_S_STD, "S_STD", _W, "v4l2_std_id"),
    _row(VIDIOC_ENUMSTD, "ENUMSTD", _WR, "v4l2_standard"),
    _row(VIDIOC_ENUMINPUT, "ENUMINPUT", _WR, "v4l2_input"),
    _row(
        VIDIOC_G_CTRL, "G_CTRL", _WR, "v4l2_control", note="kernels from 6.15 on send G_EXT_CTRLS"
    ),
    _row(
        VIDIOC_S_CTRL, "S_CTRL", _WR, "v4l2_control", note="kernels from 6.15 on send S_EXT_CTRLS"
    ),
    _row(VIDIOC_G_TUNER, "G_TUNER", _WR, "v4l2_tuner"),
    _row(VIDIOC_S_TUNER, "S_TUNER", _W, "v4l2_tuner"),
    _row(VIDIOC_G_AUDIO, "G_AUDIO", _R, "v4l2_audio"),
    _row(VIDIOC_S_AUDIO, "S_AUDIO", _W, "v4l2_audio"),
    _row(
        VIDIOC_QUERYCTRL,
        "QUERYCTRL",
        _WR,
        "v4l2_queryctrl",
        note="kernels from 6.15 on send QUERY_EXT_CTRL",
    ),
    _row(VIDIOC_QUERYMENU, "QUERYMENU", _WR, "v4l2_querymenu"),
    _row(VIDIOC_G_INPUT, "G_INPUT", _WR, "int", note="sent as WR, though _IOR"),
    _row(VIDIOC_S_INPUT, "S_INPUT", _WR, "int"),
    _row(VIDIOC_G_EDID, "G_EDID", _WR, "v4l2_edid", unsent="the driver has no EDID handlers"),
    _row(VIDIOC_S_EDID, "S_EDID", _WR, "v4l2_edid", unsent="the driver has no EDID handlers"),
    _row(VIDIOC_G_OUTPUT, "G_OUTPUT", _WR, "int", note="sent as WR, though _IOR"),
    _row(VIDIOC_S_OUTPUT, "S_OUTPUT", _WR, "int"),
    _row(VIDIOC_ENUMOUTPUT, "ENUMOUTPUT", _WR, "v4l2_output"),
    _row(VIDIOC_G_AUDOUT, "G_AUDOUT", _R, "v4l2_audioout"),
    _row(VIDIOC_S_AUDOUT, "S_AUDOUT", _W, "v4l2_audioout"),
    _row(VIDIOC_G_MODULATOR, "G_MODULATOR", _WR, "v4l2_modulator"),
    _row(VIDIOC_S_MODULATOR, "S_MODULATOR", _W, "v4l2_modulator"),
    _row(VIDIOC_G_FREQUENCY, "G_FREQUENCY", _WR, "v4l2_frequency"),
    _row(VIDIOC_S_FREQUENCY, "S_FREQUENCY", _W, "v4l2_frequency"),
    _row(
        VIDIOC_CROPCAP,
        "CROPCAP",
        _WR,
        "v4l2_cropcap",
        unsent="the guest's V4L2 core asks G_SELECTION",
    ),
    _row(
        VIDIOC_G_CROP, "G_CROP", _WR, "v4l2_crop", unsent="the guest's V4L2 core asks G_SELECTION"
    ),
    _row(VIDIOC_S_CROP, "S_CROP", _W, "v4l2_crop", unsent="the guest's V4L2 core asks S_SELECTION"),
    _row(
        VIDIOC_G_JPEGCOMP,
        "G_JPEGCOMP",
        _R,
        "v4l2_jpegcompression",
        replaced="replaced by the controls of the JPEG class",
    ),
    _row(
        VIDIOC_S_JPEGCOMP,
        "S_JPEGCOMP",
        _W,
        "v4l2_jpegcompression",
        replaced="replaced by the controls of the JPEG class",
    ),
    _row(VIDIOC_QUERYSTD, "QUERYSTD", _R, "v4l2_std_id"),
    _row(VIDIOC_TRY_FMT, "TRY_FMT", _WR, "v4l2_format"),
    _row(VIDIOC_ENUMAUDIO, "ENUMAUDIO", _WR, "v4l2_audio"),
    _row(VIDIOC_ENUMAUDOUT, "ENUMAUDOUT", _WR, "v4l2_audioout"),
    _row(VIDIOC_G_PRIORITY, "G_PRIORITY", _R, "__u32", unsent="the guest's V4L2 core answers it"),
    _row(VIDIOC_S_PRIORITY, "S_PRIORITY", _W, "__u32", unsent="the guest's V4L2 core answers it"),
    _row(VIDIOC_G_SLICED_VBI_CAP, "G_SLICED_VBI_CAP", _WR, "v4l2_sliced_vbi_cap"),
    _row(VIDIOC_LOG_STATUS, "LOG_STATUS", _NONE, "", replaced="the guest's own business"),
    _row(VIDIOC_G_EXT_CTRLS, "G_EXT_CTRLS", _WR, "v4l2_ext_controls", shape=_CONTROLS),
    _row(VIDIOC_S_EXT_CTRLS, "S_EXT_CTRLS", _WR, "v4l2_ext_controls", shape=_CONTROLS),
    _row(VIDIOC_TRY_EXT_CTRLS, "TRY_EXT_CTRLS", _WR, "v4l2_ext_controls", shape=_CONTROLS),
    _row(VIDIOC_ENUM_FRAMESIZES, "ENUM_FRAMESIZES", _WR, "v4l2_frmsizeenum"),
    _row(VIDIOC_ENUM_FRAMEINTERVALS, "ENUM_FRAMEINTERVALS", _WR, "v4l2_frmivalenum"),
    _row(VIDIOC_G_ENC_INDEX, "G_ENC_INDEX", _R, "v4l2_enc_idx"),
    _row(VIDIOC_ENCODER_CMD, "ENCODER_CMD", _WR, "v4l2_encoder_cmd"),
    _row(VIDIOC_TRY_ENCODER_CMD, "TRY_ENCODER_CMD", _WR, "v4l2_encoder_cmd"),
    _row(
        VIDIOC_DBG_S_REGISTER,
        "DBG_S_REGISTER",
        _W,
        "v4l2_dbg_register",
        unsent="debugging of hardware the guest does not have",
    ),
    _row(
        VIDIOC_DBG_G_REGISTER,
        "DBG_G_REGISTER",
        _WR,
        "v4l2_dbg_register",
        unsent="debugging of hardware the guest does not have",
    ),
    _row(VIDIOC_S_HW_FREQ_SEEK, "S_HW_FREQ_SEEK", _W, "v4l2_hw_freq_seek"),
    _row(VIDIOC_S_DV_TIMINGS, "S_DV_TIMINGS", _WR, "v4l2_dv_timings"),
    _row(VIDIOC_G_DV_TIMINGS, "G_DV_TIMINGS", _WR, "v4l2_dv_timings"),
    _row(VIDIOC_DQEVENT, "DQEVENT", _R, "v4l2_event", replaced="an EVT_EVENT event says it"),
    _row(VIDIOC_SUBSCRIBE_EVENT, "SUBSCRIBE_EVENT", _W, "v4l2_event_subscription"),
    _row(VIDIOC_UNSUBSCRIBE_EVENT, "UNSUBSCRIBE_EVENT", _W, "v4l2_event_subscription"),
    _row(VIDIOC_CREATE_BUFS, "CREATE_BUFS", _WR, "v4l2_create_buffers"),
    _row(VIDIOC_PREPARE_BUF, "PREPARE_BUF", _WR, "v4l2_buffer", shape=_BUFFER),
    _row(VIDIOC_G_SELECTION, "G_SELECTION", _WR, "v4l2_selection"),
    _row(VIDIOC_S_SELECTION, "S_SELECTION", _WR, "v4l2_selection"),
    _row(VIDIOC_DECODER_CMD, "DECODER_CMD", _WR, "v4l2_decoder_cmd"),
    _row(VIDIOC_TRY_DECODER_CMD, "TRY_DECODER_CMD", _WR, "v4l2_decoder_cmd"),
    _row(VIDIOC_ENUM_DV_TIMINGS, "ENUM_DV_TIMINGS", _WR, "v4l2_enum_dv_timings"),
    _row(VIDIOC_QUERY_DV_TIMINGS, "QUERY_DV_TIMINGS", _R, "v4l2_dv_timings"),
    _row(VIDIOC_DV_TIMINGS_CAP, "DV_TIMINGS_CAP", _WR, "v4l2_dv_timings_cap"),
    _row(VIDIOC_ENUM_FREQ_BANDS, "ENUM_FREQ_BANDS", _WR, "v4l2_frequency_band"),
    _row(
        VIDIOC_DBG_G_CHIP_INFO,
        "DBG_G_CHIP_INFO",
        _WR,
        "v4l2_dbg_chip_info",
        unsent="debugging of hardware the guest does not have",
    ),
    _row(VIDIOC_QUERY_EXT_CTRL, "QUERY_EXT_CTRL", _WR, "v4l2_query_ext_ctrl"),
    _row(
        VIDIOC_REMOVE_BUFS,
        "REMOVE_BUFS",
        _WR,
        "v4l2_remove_buffers",
        unsent="the driver has no handler for it",
    ),
)

IOCTLS: Final[Mapping[int, Ioctl]] = MappingProxyType({row.number: row for row in _TABLE})
"""Every ioctl of ``linux/videodev2.h`` by number."""

BY_NAME: Final[Mapping[str, Ioctl]] = MappingProxyType(
    {row.short_name: row for row in _TABLE} | {row.name: row for row in _TABLE}
)
"""Every ioctl by name, with and without ``VIDIOC_``."""


def ioctl_name(number: int) -> str:
    """Return the name without ``VIDIOC_``, or ``ioctl 200`` for a number V4L2 does not know."""
    row = IOCTLS.get(number)
    return row.short_name if row else f"ioctl {number}"


def ioctl_named(text: str) -> Ioctl:
    """
    Return the ioctl of that name (any case, with or without ``VIDIOC_``).

    Raises ValueError, with near names in its message, when there is none.
    """
    wanted = text.strip().upper()
    row = BY_NAME.get(wanted)
    if row is not None:
        return row
    short_names = [row.short_name for row in _TABLE]
    near = ", ".join(get_close_matches(wanted.removeprefix("VIDIOC_"), short_names))
    raise ValueError(f"{text!r} is no V4L2 ioctl" + (f"; did you mean {near}?" if near else ""))
