"""
The split virtqueue in memory: codecs, flags and where its three parts lie.

Source: virtio 1.3, section 2.7 "Split Virtqueues". Little-endian.
"""

from dataclasses import dataclass
from struct import Struct

DESC = Struct("<QIHH")
"""address, length, flags, next."""
DESC_SIZE = 16
U16 = Struct("<H")
USED_ELEMENT = Struct("<II")
"""head of the chain, bytes written."""
USED_ELEMENT_SIZE = 8
RING_OFFSET = 4
"""Where the entries begin in the avail and in the used ring."""
IDX_OFFSET = 2

DESC_F_NEXT = 1
DESC_F_WRITE = 2
DESC_F_INDIRECT = 4
AVAIL_F_NO_INTERRUPT = 1
USED_F_NO_NOTIFY = 1

MAX_QUEUE_SIZE = 32768
DESC_ALIGN = 16
AVAIL_ALIGN = 2
USED_ALIGN = 4


def desc_bytes(size: int) -> int:
    """Bytes of a descriptor table of ``size`` entries."""
    return DESC_SIZE * size


def avail_bytes(size: int) -> int:
    """Bytes of an avail ring, used_event included."""
    return RING_OFFSET + 2 * size + 2


def used_bytes(size: int) -> int:
    """Bytes of a used ring, avail_event included."""
    return RING_OFFSET + USED_ELEMENT_SIZE * size + 2


@dataclass(frozen=True, slots=True)
class RingLayout:
    """Addresses of one ring's parts; ``end`` is the first byte behind them."""

    size: int
    desc: int
    avail: int
    used: int
    end: int

    @classmethod
    def at(cls, address: int, size: int) -> "RingLayout":
        """Lay a ring of ``size`` entries out from ``address`` (a multiple of 16) on."""
        avail = address + desc_bytes(size)
        used = -(-(avail + avail_bytes(size)) // USED_ALIGN) * USED_ALIGN
        return cls(size, address, avail, used, used + used_bytes(size))


def needs_event(event: int, new: int, old: int) -> bool:
    """Whether the move of a 16-bit index from ``old`` to ``new`` passes ``event`` (2.7.10)."""
    return (new - event - 1) & 0xFFFF < (new - old) & 0xFFFF
