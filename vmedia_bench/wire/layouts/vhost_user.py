"""
Layouts of vhost-user's messages, and which message carries which.

Source: QEMU's docs/interop/vhost-user.rst. Integers are in the host's byte order there; this
project runs on little-endian hosts only, so they are read as little-endian.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import construct

from vmedia_bench.wire import vhost_user as wire
from vmedia_bench.wire.layouts.fields import (
    Con,
    array,
    bit_set,
    enum,
    hole,
    pointer,
    reserved,
    struct,
    u8,
    u16,
    u32,
    u64,
)
from vmedia_bench.wire.layouts.plain import Plain, Reader
from vmedia_bench.wire.vhost_user import BackendRequest, FeatureBit, ProtocolBit, Request

_FEATURES = bit_set([(1 << bit, bit.name) for bit in FeatureBit], u64, "features")
_PROTOCOL = bit_set([(1 << bit, bit.name) for bit in ProtocolBit], u64, "protocol features")
_MESSAGE_FLAGS = bit_set(
    [(wire.VERSION, "VERSION_1"), (wire.FLAG_REPLY, "REPLY"), (wire.FLAG_NEED_REPLY, "NEED_REPLY")],
    u32,
    "flags",
)
_VRING_FD = bit_set([(wire.VRING_NO_FD, "NO_FD")], u64, "ring index and flag")
_WRITABLE = bit_set([(wire.SHMEM_WRITABLE, "RW")], u64, "flags")
_STATUS_BITS = bit_set(
    [
        (1, "ACKNOWLEDGE"),
        (2, "DRIVER"),
        (4, "DRIVER_OK"),
        (8, "FEATURES_OK"),
        (0x40, "NEEDS_RESET"),
        (0x80, "FAILED"),
    ],
    u64,
    "virtio device status",
)

HEADER = struct("header", "request" / enum(Request), "flags" / _MESSAGE_FLAGS, "size" / u32)
BACKEND_HEADER = struct(
    "backend header", "request" / enum(BackendRequest), "flags" / _MESSAGE_FLAGS, "size" / u32
)
U64 = struct("u64", "value" / u64)
ACK = struct("u64 ack", "result" / u64)
FEATURES = struct("u64 features", "features" / _FEATURES)
PROTOCOL_FEATURES = struct("u64 protocol features", "features" / _PROTOCOL)
VRING_FD = struct("u64 ring descriptor", "ring" / _VRING_FD)
STATUS = struct("u64 status", "status" / _STATUS_BITS)
VRING_STATE = struct("vring state", "index" / u32, "num" / u32)
VRING_ADDR = struct(
    "vring address",
    "index" / u32,
    "flags" / u32,
    "descriptor" / pointer,
    "used" / pointer,
    "available" / pointer,
    "log" / pointer,
)
MEM_TABLE = struct("memory table", "nregions" / u32, "padding" / reserved(4))
MEM_REGION = struct(
    "memory region",
    "guest_address" / pointer,
    "size" / u64,
    "user_address" / pointer,
    "mmap_offset" / u64,
)
SINGLE_REGION = struct("single memory region", "padding" / reserved(8), "region" / MEM_REGION)
CONFIG = struct("device configuration", "offset" / u32, "size" / u32, "flags" / u32)
SHMEM_CONFIG = struct(
    "shared memory regions", "nregions" / u32, "padding" / reserved(4), "sizes" / array(256, u64)
)
SHMEM_MMAP = struct(
    "shared memory mapping",
    "shmid" / u8,
    hole(7),
    "fd_offset" / u64,
    "shm_offset" / u64,
    "len" / u64,
    "flags" / _WRITABLE,
)

LOG = struct("log description", "size" / u64, "offset" / u64)
INFLIGHT = struct(
    "inflight description",
    "mmap_size" / u64,
    "mmap_offset" / u64,
    "num_queues" / u16,
    "queue_size" / u16,
)

LAYOUTS: Final[Mapping[str, Con]] = MappingProxyType(
    {
        con.c_type: con
        for name, con in list(vars().items())
        if isinstance(con, construct.Struct) and not name.startswith("_")
    }
)
"""Every layout by the specification's name for it, in words."""

REQUESTS: Final[Mapping[int, Con | None]] = MappingProxyType(
    {
        Request.GET_FEATURES: None,
        Request.SET_FEATURES: FEATURES,
        Request.SET_OWNER: None,
        Request.RESET_OWNER: None,
        Request.SET_MEM_TABLE: MEM_TABLE,
        Request.SET_LOG_BASE: LOG,
        Request.SET_LOG_FD: None,
        Request.SET_VRING_NUM: VRING_STATE,
        Request.SET_VRING_ADDR: VRING_ADDR,
        Request.SET_VRING_BASE: VRING_STATE,
        Request.GET_VRING_BASE: VRING_STATE,
        Request.SET_VRING_KICK: VRING_FD,
        Request.SET_VRING_CALL: VRING_FD,
        Request.SET_VRING_ERR: VRING_FD,
        Request.GET_PROTOCOL_FEATURES: None,
        Request.SET_PROTOCOL_FEATURES: PROTOCOL_FEATURES,
        Request.GET_QUEUE_NUM: None,
        Request.SET_VRING_ENABLE: VRING_STATE,
        Request.SET_BACKEND_REQ_FD: None,
        Request.GET_CONFIG: CONFIG,
        Request.SET_CONFIG: CONFIG,
        Request.GET_INFLIGHT_FD: INFLIGHT,
        Request.SET_INFLIGHT_FD: INFLIGHT,
        Request.RESET_DEVICE: None,
        Request.GET_MAX_MEM_SLOTS: None,
        Request.ADD_MEM_REG: SINGLE_REGION,
        Request.REM_MEM_REG: SINGLE_REGION,
        Request.SET_STATUS: STATUS,
        Request.GET_STATUS: None,
        Request.GET_SHMEM_CONFIG: None,
    }
)
"""What a front-end's request carries; None is nothing."""

REPLIES: Final[Mapping[int, Con]] = MappingProxyType(
    {
        Request.GET_FEATURES: FEATURES,
        Request.GET_PROTOCOL_FEATURES: PROTOCOL_FEATURES,
        Request.GET_QUEUE_NUM: U64,
        Request.GET_MAX_MEM_SLOTS: U64,
        Request.GET_VRING_BASE: VRING_STATE,
        Request.GET_CONFIG: CONFIG,
        Request.GET_INFLIGHT_FD: INFLIGHT,
        Request.GET_STATUS: STATUS,
        Request.GET_SHMEM_CONFIG: SHMEM_CONFIG,
    }
)
"""What the back-end answers; every other request is answered by an ACK, and only if it asks."""

BACKEND_REQUESTS: Final[Mapping[int, Con | None]] = MappingProxyType(
    {
        BackendRequest.CONFIG_CHANGE_MSG: None,
        BackendRequest.SHMEM_MAP: SHMEM_MMAP,
        BackendRequest.SHMEM_UNMAP: SHMEM_MMAP,
    }
)
"""What a back-end's request carries; its answer is an ACK."""


def name_of(request: int, *, backend: bool) -> str:
    """Return the name of a request on the front-end's or the back-end's channel."""
    return wire.backend_request_name(request) if backend else wire.request_name(request)


def take_payload(reader: Reader, shown: Plain, request: int, *, reply: bool, backend: bool) -> None:
    """Read one message's payload into ``shown``; bytes that no layout claims are left over."""
    if reply:
        layout = ACK if backend else REPLIES.get(request, ACK)
    else:
        table = BACKEND_REQUESTS if backend else REQUESTS
        layout = table.get(request)
    if layout is None or (reply and not reader.left):
        return
    shown |= reader.take(layout)
    tail = _TAILS.get(layout.c_type)
    if tail is not None:
        tail(reader, shown)


def _take_regions(reader: Reader, shown: Plain) -> None:
    count = int(shown.get("nregions", 0))
    regions: list[Plain] = []
    shown["regions"] = regions
    while len(regions) < count and reader.left:
        regions.append(reader.take(MEM_REGION))
    if len(regions) < count:
        reader.errors.append(f"{count} regions announced, {len(regions)} are here")


def _take_config_data(reader: Reader, shown: Plain) -> None:
    size = int(shown.get("size", 0))
    data = reader.data[reader.at : reader.at + size]
    reader.at += len(data)
    shown["data"] = data.hex()
    if len(data) < size:
        reader.errors.append(f"{size} bytes announced, {len(data)} are here")


_TAILS: Final[Mapping[str, Callable[[Reader, Plain], None]]] = {
    MEM_TABLE.c_type: _take_regions,
    CONFIG.c_type: _take_config_data,
}
