"""
Commands, responses and events of virtio-media: constants and fast codecs.

Every codec is little-endian with reserved words as pad bytes (written zero, not read). Source:
virtio specification, "Media Device" (``device-types/media/description.tex``).
"""

from struct import Struct
from typing import Final

DEVICE_ID: Final = 48
COMMANDQ: Final = 0
EVENTQ: Final = 1
QUEUE_COUNT: Final = 2
MMAP_SHMID: Final = 0
"""Shared-memory region that MMAP buffers appear in."""

CMD_OPEN: Final = 1
CMD_CLOSE: Final = 2
CMD_IOCTL: Final = 3
CMD_MMAP: Final = 4
CMD_MUNMAP: Final = 5
COMMAND_NAMES: Final = {
    CMD_OPEN: "OPEN",
    CMD_CLOSE: "CLOSE",
    CMD_IOCTL: "IOCTL",
    CMD_MMAP: "MMAP",
    CMD_MUNMAP: "MUNMAP",
}

EVT_ERROR: Final = 0
EVT_DQBUF: Final = 1
EVT_EVENT: Final = 2
EVENT_NAMES: Final = {EVT_ERROR: "ERROR", EVT_DQBUF: "DQBUF", EVT_EVENT: "EVENT"}

MMAP_FLAG_RW: Final = 1
MAX_PLANES: Final = 8

CONFIG: Final = Struct("<II32s")
"""device_caps, device_type, card: the configuration space, 40 bytes."""

CMD_HEADER: Final = Struct("<II")
"""cmd, and the reserved word, which is read so that a driver that sets it can be told."""
CMD_SESSION: Final = Struct("<I4xII")
"""cmd, session_id, code: CLOSE (whose last word is reserved) and IOCTL."""
MMAP_COMMAND: Final = Struct("<I4xIII")
"""cmd, session_id, flags, offset: 20 bytes; the RFC's 24 carry a u64 offset."""
MUNMAP_COMMAND: Final = Struct("<I4xQ")
"""cmd, driver_addr."""

RESP_HEADER: Final = Struct("<I4x")
"""status, a positive errno or 0."""
RESP_OPEN: Final = Struct("<I4xI4x")
"""status, session_id."""
RESP_MMAP: Final = Struct("<I4xQQ")
"""status, driver_addr (offset into region 0), len."""

SG_ENTRY: Final = Struct("<QI4x")
"""start (guest physical address), len."""

EVENT_HEADER: Final = Struct("<II")
"""event, session_id."""
EVENT_ERROR: Final = Struct("<III4x")
"""event, session_id, errno."""
EVENT_ERROR_SIZE: Final = 16
EVENT_DQBUF_SIZE: Final = 608
"""Header, v4l2_buffer and always eight v4l2_plane; the Linux driver drops a shorter one."""
EVENT_EVENT_SIZE: Final = 144
"""Header and v4l2_event."""
EVENT_MAX_SIZE: Final = EVENT_DQBUF_SIZE
