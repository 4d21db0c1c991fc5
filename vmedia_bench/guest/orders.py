"""
In which order VMMs say things: their handshakes as data.

QEMU asks for features before it owns the device, crosvm owns it first and asks for no
acknowledgement, libkrun sends its memory before the features. Read in the sources of the three.
"""

from dataclasses import dataclass

from vmedia_bench.wire.vhost_user import P_BACKEND_REQ, P_CONFIG, P_MQ, P_REPLY_ACK, P_RESET_DEVICE


@dataclass(frozen=True, slots=True)
class Order:
    """
    One VMM's habits.

    `connect` and `start` list messages by name; `ring` those sent for each ring. `protocol` are
    the protocol features it takes when offered (SHMEM comes on top). `acknowledged`: whether it
    asks for replies to its SET messages.
    """

    name: str
    connect: tuple[str, ...]
    start: tuple[str, ...]
    ring: tuple[str, ...]
    after_rings: tuple[str, ...]
    protocol: int
    acknowledged: bool
    queue_size: int
    single_region: bool = False


QEMU = Order(
    "qemu",
    connect=(
        "GET_FEATURES",
        "GET_PROTOCOL_FEATURES",
        "SET_PROTOCOL_FEATURES",
        "GET_QUEUE_NUM",
        "SET_BACKEND_REQ_FD",
        "SET_OWNER",
        "GET_FEATURES",
        "SET_VRING_CALL",
        "SET_VRING_ERR",
        "GET_SHMEM_CONFIG",
        "GET_CONFIG",
    ),
    start=("SET_FEATURES", "SET_MEM_TABLE"),
    ring=("SET_VRING_NUM", "SET_VRING_BASE", "SET_VRING_ADDR", "SET_VRING_KICK", "SET_VRING_CALL"),
    after_rings=("SET_VRING_ENABLE",),
    protocol=P_MQ | P_REPLY_ACK | P_BACKEND_REQ | P_CONFIG | P_RESET_DEVICE,
    acknowledged=True,
    queue_size=256,
)

CROSVM = Order(
    "crosvm",
    connect=(
        "SET_OWNER",
        "GET_FEATURES",
        "GET_PROTOCOL_FEATURES",
        "SET_PROTOCOL_FEATURES",
        "SET_BACKEND_REQ_FD",
        "GET_QUEUE_NUM",
        "GET_SHMEM_CONFIG",
        "GET_CONFIG",
    ),
    start=("SET_FEATURES", "SET_MEM_TABLE"),
    ring=(
        "SET_VRING_NUM",
        "SET_VRING_ADDR",
        "SET_VRING_BASE",
        "SET_VRING_CALL",
        "SET_VRING_KICK",
        "SET_VRING_ENABLE",
    ),
    after_rings=(),
    protocol=P_MQ | P_REPLY_ACK | P_BACKEND_REQ | P_CONFIG,
    acknowledged=False,
    queue_size=32768,
    single_region=True,
)

LIBKRUN = Order(
    "libkrun",
    connect=(
        "GET_FEATURES",
        "GET_PROTOCOL_FEATURES",
        "SET_PROTOCOL_FEATURES",
        "GET_QUEUE_NUM",
        "GET_CONFIG",
        "SET_OWNER",
        # The real one has no channel for the back-end; without it there would be no MMAP to test.
        "SET_BACKEND_REQ_FD",
        "GET_SHMEM_CONFIG",
    ),
    start=("SET_MEM_TABLE", "SET_FEATURES"),
    ring=(
        "SET_VRING_NUM",
        "SET_VRING_BASE",
        "SET_VRING_ADDR",
        "SET_VRING_KICK",
        "SET_VRING_CALL",
        "SET_VRING_ENABLE",
    ),
    after_rings=(),
    protocol=P_MQ | P_BACKEND_REQ | P_CONFIG,
    acknowledged=False,
    queue_size=256,
)

ORDERS = {order.name: order for order in (QEMU, CROSVM, LIBKRUN)}
