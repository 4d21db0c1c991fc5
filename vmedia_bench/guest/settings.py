"""How a guest's VMM behaves."""

from dataclasses import dataclass

from vmedia_bench.guest.channel import ShmemAnswer
from vmedia_bench.wire.vhost_user import F_EVENT_IDX, F_INDIRECT_DESC, F_VERSION_1

DEFAULT_FEATURES = F_VERSION_1 | F_EVENT_IDX | F_INDIRECT_DESC


@dataclass(frozen=True, slots=True)
class VmmSettings:
    """
    Settings of a VMM: sizes in bytes, times in seconds.

    `order` names an entry of `orders.ORDERS`. `queue_size` 0 is the order's own. `features` and
    `protocol` are bit masks of what is taken when offered (`protocol` None: the order's own).
    `shmem_bit` None takes the highest of 22, 21, 20 that is offered; as 21 and 20 may mean
    something else to the back-end, user addresses are then equal to guest addresses, which is
    right either way. `spin` is how long to look at the used ring before sleeping.
    """

    order: str = "qemu"
    memory_size: int = 64 << 20
    regions: int = 1
    seal: bool = True
    queue_size: int = 0
    features: int = DEFAULT_FEATURES
    protocol: int | None = None
    shmem: bool = True
    shmem_bit: int | None = None
    shmem_answer: ShmemAnswer = ShmemAnswer.SERVE
    timeout: float = 5.0
    spin: float = 0.0
