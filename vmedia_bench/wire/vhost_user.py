"""
vhost-user on the wire: requests, feature bits and fast codecs.

Source: QEMU's docs/interop/vhost-user.rst. Every integer is in the host's byte order, as both ends
run on one machine. Sizes are bytes.
"""

from enum import IntEnum
from functools import lru_cache
from struct import Struct

VERSION = 1
FLAG_VERSION_MASK = 3
FLAG_REPLY = 4
FLAG_NEED_REPLY = 8
FLAGS_KNOWN = FLAG_VERSION_MASK | FLAG_REPLY | FLAG_NEED_REPLY

HEADER = Struct("=III")
"""request, flags, size of the payload that follows."""
U64 = Struct("=Q")
VRING_STATE = Struct("=II")
"""ring index, number (size, base or 0/1)."""
VRING_ADDR = Struct("=IIQQQQ")
"""ring index, flags, descriptor table, used ring, avail ring, log: front-end addresses."""
MEM_TABLE = Struct("=II")
"""number of regions, padding; that many MEM_REGION follow."""
MEM_REGION = Struct("=QQQQ")
"""guest physical address, size, front-end address, offset in the file."""
SINGLE_REGION = Struct("=QQQQQ")
"""padding, then the fields of MEM_REGION."""
CONFIG = Struct("=III")
"""offset, size, flags; the data follows."""
SHMEM_CONFIG = Struct("=II256Q")
"""number of regions, padding, the size of each possible region: always all 2056 bytes."""
SHMEM_MMAP = Struct("=B7xQQQQ")
"""shmid, offset in the file, offset in the region, length, flags."""

MAX_PAYLOAD = 4096
"""No message of the protocol needs more; a larger size is refused before it is read."""
MAX_FDS = 8
"""Most file descriptors that ride on one message: one for each region of a memory table."""
MAX_REGIONS = 8
"""Most regions of SET_MEM_TABLE (VHOST_MEMORY_BASELINE_NREGIONS)."""
MAX_CONFIG = 256
"""Most bytes of the configuration space that GET_CONFIG and SET_CONFIG can carry."""
MAX_SHMEM_REGIONS = 256

VRING_INDEX_MASK = 0xFF
VRING_NO_FD = 0x100
"""In the payload of SET_VRING_KICK, CALL and ERR: no file descriptor comes along."""
CONFIG_WRITABLE = 0
CONFIG_MIGRATION = 1
SHMEM_WRITABLE = 1
"""SHMEM_MMAP.flags: the guest may write. QEMU maps writable whether it is set or not."""


class Request(IntEnum):
    """Requests of the front-end that this project knows."""

    GET_FEATURES = 1
    SET_FEATURES = 2
    SET_OWNER = 3
    RESET_OWNER = 4
    SET_MEM_TABLE = 5
    SET_LOG_BASE = 6
    SET_LOG_FD = 7
    SET_VRING_NUM = 8
    SET_VRING_ADDR = 9
    SET_VRING_BASE = 10
    GET_VRING_BASE = 11
    SET_VRING_KICK = 12
    SET_VRING_CALL = 13
    SET_VRING_ERR = 14
    GET_PROTOCOL_FEATURES = 15
    SET_PROTOCOL_FEATURES = 16
    GET_QUEUE_NUM = 17
    SET_VRING_ENABLE = 18
    SET_BACKEND_REQ_FD = 21
    GET_CONFIG = 24
    SET_CONFIG = 25
    GET_INFLIGHT_FD = 31
    SET_INFLIGHT_FD = 32
    RESET_DEVICE = 34
    GET_MAX_MEM_SLOTS = 36
    ADD_MEM_REG = 37
    REM_MEM_REG = 38
    SET_STATUS = 39
    GET_STATUS = 40
    GET_SHMEM_CONFIG = 44


class BackendRequest(IntEnum):
    """Requests of the back-end, sent over the channel that SET_BACKEND_REQ_FD hands over."""

    CONFIG_CHANGE_MSG = 2
    SHMEM_MAP = 9
    SHMEM_UNMAP = 10


class ProtocolBit(IntEnum):
    """Bit numbers of the vhost-user protocol features; SHMEM's has moved between releases."""

    MQ = 0
    REPLY_ACK = 3
    BACKEND_REQ = 5
    CONFIG = 9
    BACKEND_SEND_FD = 10
    INFLIGHT_SHMFD = 12
    RESET_DEVICE = 13
    CONFIGURE_MEM_SLOTS = 15
    STATUS = 16
    XEN_MMAP = 17
    SHARED_OBJECT = 18
    DEVICE_STATE = 19
    GET_VRING_BASE_INFLIGHT = 20
    GPA_ADDRESSES = 21
    SHMEM = 22


class FeatureBit(IntEnum):
    """Bit numbers of SET_FEATURES that are not the device's own."""

    NOTIFY_ON_EMPTY = 24
    LOG_ALL = 26
    ANY_LAYOUT = 27
    INDIRECT_DESC = 28
    EVENT_IDX = 29
    PROTOCOL_FEATURES = 30
    VERSION_1 = 32
    ACCESS_PLATFORM = 33
    RING_PACKED = 34
    IN_ORDER = 35
    ORDER_PLATFORM = 36
    SR_IOV = 37
    NOTIFICATION_DATA = 38
    RING_RESET = 40


F_INDIRECT_DESC = 1 << 28
F_EVENT_IDX = 1 << 29
F_PROTOCOL_FEATURES = 1 << 30
F_VERSION_1 = 1 << 32

P_MQ = 1 << 0
P_REPLY_ACK = 1 << 3
P_BACKEND_REQ = 1 << 5
P_CONFIG = 1 << 9
P_BACKEND_SEND_FD = 1 << 10
P_RESET_DEVICE = 1 << 13
P_CONFIGURE_MEM_SLOTS = 1 << 15

DEFAULT_SHMEM_BIT = 22


def request_name(number: int) -> str:
    """Name of a front-end request, or ``request N`` when it has none here."""
    return _name(Request, number, "request")


def backend_request_name(number: int) -> str:
    """Name of a back-end request, or ``request N`` when it has none here."""
    return _name(BackendRequest, number, "request")


@lru_cache(maxsize=8)
def feature_names(bits: int) -> tuple[str, ...]:
    """Names of the virtio features in ``bits``, lowest first; a nameless one is ``bit N``."""
    return tuple(_name(FeatureBit, bit, "bit") for bit in _bits(bits))


@lru_cache(maxsize=8)
def protocol_feature_names(bits: int, shmem_bit: int = DEFAULT_SHMEM_BIT) -> tuple[str, ...]:
    """Names of the protocol features in ``bits``, lowest first; ``shmem_bit`` is called SHMEM."""
    return tuple(
        "SHMEM" if bit == shmem_bit else _name(ProtocolBit, bit, "bit") for bit in _bits(bits)
    )


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _name(kind: type[IntEnum], number: int, otherwise: str) -> str:
    try:
        return kind(number).name
    except ValueError:
        return f"{otherwise} {number}"
