"""The controls of codecs: profiles and levels, buffers needed, and how to encode."""

from __future__ import annotations

from typing import Final

from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag

MIN_BUFFERS: Final = 2
"""What MIN_BUFFERS_FOR_CAPTURE and _OUTPUT say; reference frames are kept in the process."""

BITRATE: Final = int(Cid.MPEG_VIDEO_BITRATE)
BITRATE_MODE: Final = int(Cid.MPEG_VIDEO_BITRATE_MODE)
GOP_SIZE: Final = int(Cid.MPEG_VIDEO_GOP_SIZE)
B_FRAMES: Final = int(Cid.MPEG_VIDEO_B_FRAMES)
FORCE_KEY_FRAME: Final = int(Cid.MPEG_VIDEO_FORCE_KEY_FRAME)
H264_PROFILE: Final = int(Cid.MPEG_VIDEO_H264_PROFILE)
H264_LEVEL: Final = int(Cid.MPEG_VIDEO_H264_LEVEL)
HEVC_PROFILE: Final = int(Cid.MPEG_VIDEO_HEVC_PROFILE)
HEVC_LEVEL: Final = int(Cid.MPEG_VIDEO_HEVC_LEVEL)

# Menus as the kernel words them (v4l2_ctrl_get_menu); None: not decoded, or not encoded.
H264_PROFILES: Final = ("Baseline", "Constrained Baseline", "Main", "Extended", "High")
H264_PROFILES_DECODED: Final = ("Baseline", "Constrained Baseline", "Main", None, "High")
H264_LEVELS: Final = (
    *("1", "1b", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "3", "3.1", "3.2"),
    *("4", "4.1", "4.2", "5", "5.1", "5.2"),
)
HEVC_PROFILES: Final = ("Main", "Main Still Picture", "Main 10")
HEVC_LEVELS: Final = (
    *("1", "2", "2.1", "3", "3.1", "4", "4.1", "5", "5.1", "5.2", "6", "6.1", "6.2"),
)
_VPX_PROFILES: Final = ("0", "1", "2", "3")
_MPEG2_PROFILES: Final = ("Simple", "Main")
_MPEG2_LEVELS: Final = ("Low", "Main", "High 1440", "High")
_AV1_PROFILES: Final = ("Main", "High", "Professional")
_AV1_LEVELS: Final = (
    *("2.0", "2.1", "2.2", "2.3", "3.0", "3.1", "3.2", "3.3", "4.0", "4.1", "4.2", "4.3"),
    *("5.0", "5.1", "5.2", "5.3"),
)
_BITRATE_MODES: Final = ("Variable Bitrate", "Constant Bitrate")


def decoder_controls() -> tuple[ControlSpec, ...]:
    """Declare what a decoder needs, and which profiles and levels it decodes."""
    cid = Cid
    return (
        _least(cid.MIN_BUFFERS_FOR_CAPTURE),
        ControlSpec.menu(cid.MPEG_VIDEO_MPEG2_LEVEL, _MPEG2_LEVELS, 3),
        ControlSpec.menu(cid.MPEG_VIDEO_MPEG2_PROFILE, _MPEG2_PROFILES, 1),
        ControlSpec.menu(H264_LEVEL, H264_LEVELS, len(H264_LEVELS) - 1),
        ControlSpec.menu(H264_PROFILE, H264_PROFILES_DECODED, 4),
        ControlSpec.menu(cid.MPEG_VIDEO_VP8_PROFILE, _VPX_PROFILES, 0),
        ControlSpec.menu(cid.MPEG_VIDEO_VP9_PROFILE, _VPX_PROFILES[:1], 0),
        ControlSpec.menu(HEVC_PROFILE, HEVC_PROFILES, 0),
        ControlSpec.menu(HEVC_LEVEL, HEVC_LEVELS, len(HEVC_LEVELS) - 1),
        ControlSpec.menu(cid.MPEG_VIDEO_AV1_PROFILE, _AV1_PROFILES[:1], 0),
        ControlSpec.menu(cid.MPEG_VIDEO_AV1_LEVEL, _AV1_LEVELS, len(_AV1_LEVELS) - 1),
    )


def encoder_controls() -> tuple[ControlSpec, ...]:
    """Declare how an encoder can be set; what is set counts from the next STREAMON."""
    return (
        _least(Cid.MIN_BUFFERS_FOR_OUTPUT),
        ControlSpec.integer(B_FRAMES, 0, 4, 1, 0),
        ControlSpec.integer(GOP_SIZE, 1, 600, 1, 30),
        ControlSpec.menu(BITRATE_MODE, _BITRATE_MODES, 0),
        ControlSpec.integer(BITRATE, 32_000, 200_000_000, 1, 4_000_000),
        ControlSpec.button(FORCE_KEY_FRAME),
        ControlSpec.menu(H264_LEVEL, H264_LEVELS, H264_LEVELS.index("4")),
        ControlSpec.menu(
            H264_PROFILE, ("Baseline", "Constrained Baseline", "Main", None, "High"), 4
        ),
        ControlSpec.menu(HEVC_PROFILE, HEVC_PROFILES[:1], 0),
        ControlSpec.menu(HEVC_LEVEL, HEVC_LEVELS, HEVC_LEVELS.index("4")),
    )


def _least(cid: int) -> ControlSpec:
    return ControlSpec.integer(
        cid, MIN_BUFFERS, 32, 1, MIN_BUFFERS, flags=int(CtrlFlag.READ_ONLY | CtrlFlag.VOLATILE)
    )
