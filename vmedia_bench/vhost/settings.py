"""What an operator can set of the transport."""

from dataclasses import dataclass
from pathlib import Path

from vmedia_bench.vhost.layout import MAX_QUEUE_SIZE
from vmedia_bench.wire.vhost_user import (
    DEFAULT_SHMEM_BIT,
    F_EVENT_IDX,
    F_INDIRECT_DESC,
    F_PROTOCOL_FEATURES,
    F_VERSION_1,
    P_BACKEND_REQ,
    P_BACKEND_SEND_FD,
    P_CONFIG,
    P_CONFIGURE_MEM_SLOTS,
    P_MQ,
    P_REPLY_ACK,
    P_RESET_DEVICE,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Settings of one server; exactly one of ``path`` and ``fd`` says where it is reached.

    ``shmem_bit`` is SHMEM's bit number, which has moved (20, 21, 22). ``poll_us`` is how long to
    look for more work before sleeping, in microseconds. ``memory_slots`` above 0 offers
    CONFIGURE_MEM_SLOTS, which QEMU 11.1 does not survive once a mapping is live at a reset.
    ``reply_timeout`` is in seconds, below the 5 that a guest's driver waits.
    """

    path: Path | None = None
    fd: int | None = None
    shmem_bit: int = DEFAULT_SHMEM_BIT
    max_queue_size: int = MAX_QUEUE_SIZE
    poll_us: int = 100
    reset_device: bool = False
    memory_slots: int = 0
    reply_timeout: float = 4.0

    @property
    def features(self) -> int:
        """The virtio features that are offered."""
        return F_VERSION_1 | F_INDIRECT_DESC | F_EVENT_IDX | F_PROTOCOL_FEATURES

    @property
    def protocol_features(self) -> int:
        """The vhost-user protocol features that are offered: what is implemented and no more."""
        bits = P_MQ | P_REPLY_ACK | P_BACKEND_REQ | P_CONFIG | P_BACKEND_SEND_FD
        bits |= 1 << self.shmem_bit
        if self.reset_device:
            bits |= P_RESET_DEVICE
        if self.memory_slots:
            bits |= P_CONFIGURE_MEM_SLOTS
        return bits
