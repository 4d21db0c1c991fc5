"""
Layouts of virtio-media: configuration space, commands, responses, events.

Source: virtio specification, "Media Device"; the names are the specification's.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import construct

from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS
from vmedia_bench.wire.layouts.fields import (
    Con,
    array,
    bit_set,
    flags,
    named,
    pointer,
    reserved,
    status,
    struct,
    text,
    u32,
    u64,
)
from vmedia_bench.wire.layouts.v4l2_control import EVENT as V4L2_EVENT
from vmedia_bench.wire.layouts.v4l2_stream import BUFFER, PLANE
from vmedia_bench.wire.v4l2 import Cap

_SESSION = "session_id" / u32
_RESERVED = "__reserved" / reserved(4)

CONFIG = struct(
    "virtio_media_config",
    "device_caps" / flags(Cap),
    "device_type" / u32,
    "card" / text(32),
)

CMD_HEADER = struct(
    "virtio_media_cmd_header", "cmd" / named(media.COMMAND_NAMES, u32, "command"), _RESERVED
)
RESP_HEADER = struct("virtio_media_resp_header", "status" / status, _RESERVED)

_CMD = "hdr" / CMD_HEADER
_RESP = "hdr" / RESP_HEADER

CMD_OPEN = struct("virtio_media_cmd_open", _CMD)
RESP_OPEN = struct("virtio_media_resp_open", _RESP, _SESSION, _RESERVED)
CMD_CLOSE = struct("virtio_media_cmd_close", _CMD, _SESSION, _RESERVED)
CMD_IOCTL = struct(
    "virtio_media_cmd_ioctl",
    _CMD,
    _SESSION,
    "code" / named({row.number: row.short_name for row in IOCTLS.values()}, u32, "ioctl"),
)
RESP_IOCTL = struct("virtio_media_resp_ioctl", _RESP)
CMD_MMAP = struct(
    "virtio_media_cmd_mmap",
    _CMD,
    _SESSION,
    "flags" / bit_set([(media.MMAP_FLAG_RW, "RW")], u32, "VIRTIO_MEDIA_MMAP_FLAG"),
    "offset" / u32,
)
RESP_MMAP = struct("virtio_media_resp_mmap", _RESP, "driver_addr" / u64, "len" / u64)
CMD_MUNMAP = struct("virtio_media_cmd_munmap", _CMD, "driver_addr" / u64)
RESP_MUNMAP = struct("virtio_media_resp_munmap", _RESP)

SG_ENTRY = struct("virtio_media_sg_entry", "start" / pointer, "len" / u32, _RESERVED)

EVENT_HEADER = struct(
    "virtio_media_event_header", "event" / named(media.EVENT_NAMES, u32, "event"), _SESSION
)
_EVENT = "hdr" / EVENT_HEADER
EVENT_ERROR = struct("virtio_media_event_error", _EVENT, "errno" / status, _RESERVED)
EVENT_DQBUF = struct(
    "virtio_media_event_dqbuf",
    _EVENT,
    "buffer" / BUFFER,
    "planes" / array(media.MAX_PLANES, PLANE),
)
EVENT_EVENT = struct("virtio_media_event_event", _EVENT, "event" / V4L2_EVENT)

LAYOUTS: Final[Mapping[str, Con]] = MappingProxyType(
    {
        con.c_type: con
        for con in list(vars().values())
        if isinstance(con, construct.Struct) and con.c_type.startswith("virtio_media")
    }
)
"""Every structure of the specification by its name."""
