"""
The driver's side of a split virtqueue, for a guest that lives in this process.

Source: virtio 1.3, section 2.7. Memory is the guest's own, so nothing here distrusts it but what
the device writes: the used ring.
"""

from collections.abc import Sequence

from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.layout import (
    AVAIL_F_NO_INTERRUPT,
    DESC,
    DESC_F_INDIRECT,
    DESC_F_NEXT,
    DESC_F_WRITE,
    DESC_SIZE,
    IDX_OFFSET,
    RING_OFFSET,
    U16,
    USED_ELEMENT,
    USED_ELEMENT_SIZE,
    USED_F_NO_NOTIFY,
    RingLayout,
    avail_bytes,
    needs_event,
    used_bytes,
)
from vmedia_bench.vhost.ring import fence

Part = tuple[int, int, bool]
"""Guest physical address, length in bytes, whether the device writes it."""


class DriverRing:
    """
    A ring as its driver sees it.

    ``ram`` is guest memory from address ``base`` on. With ``tables`` (an address with room for
    ``size`` tables of ``table_length`` descriptors) each chain is put behind one INDIRECT
    descriptor. Sizes are powers of two.
    """

    def __init__(
        self,
        ram: memoryview,
        layout: RingLayout,
        *,
        base: int = 0,
        event_idx: bool = False,
        tables: int | None = None,
        table_length: int = 16,
    ) -> None:
        self.layout = layout
        self._ram = ram
        self._base = base
        self._size = layout.size
        self._event_idx = event_idx
        self._tables = tables
        self._table_length = table_length
        self._desc = layout.desc - base
        self._avail = layout.avail - base
        self._used = layout.used - base
        self._free = list(range(layout.size - 1, -1, -1))
        self._chains: dict[int, list[int]] = {}
        self._avail_idx: int = self._get(self._avail + IDX_OFFSET)
        self._last_used: int = self._get(self._used + IDX_OFFSET)
        self._kicked = self._avail_idx

    @property
    def free(self) -> int:
        """Descriptors that no chain holds."""
        return len(self._free)

    @property
    def in_flight(self) -> int:
        """Chains that the device has not given back."""
        return len(self._chains)

    def add(self, parts: Sequence[Part]) -> int:
        """Offer a chain; returns its head. Raises FrontendError when there is no room for it."""
        needed = 1 if self._tables is not None else len(parts)
        if needed > len(self._free) or not parts:
            raise FrontendError(f"no room for {len(parts)} descriptors in the ring")
        taken = [self._free.pop() for _ in range(needed)]
        head = taken[0]
        if self._tables is None:
            self._write_chain(self._desc, taken, parts)
        else:
            self._write_indirect(head, parts)
        self._chains[head] = taken
        self._offer(head)
        return head

    def take_used(self) -> tuple[int, int] | None:
        """
        (head, bytes written) of the next chain that came back, or None.

        Raises FrontendError when the device gives back what it does not hold.
        """
        if self._get(self._used + IDX_OFFSET) == self._last_used:
            return None
        slot = self._last_used & (self._size - 1)
        at = self._used + RING_OFFSET + USED_ELEMENT_SIZE * slot
        head, written = USED_ELEMENT.unpack_from(self._ram, at)
        taken = self._chains.pop(head, None)
        if taken is None:
            raise FrontendError(f"the device gave chain {head} back, which it did not hold")
        self._free.extend(reversed(taken))
        self._last_used = (self._last_used + 1) & 0xFFFF
        return head, written

    def needs_kick(self) -> bool:
        """Whether the device wants to hear of the chains added since the last call of this."""
        old, self._kicked = self._kicked, self._avail_idx
        fence()
        if old == self._avail_idx:
            return False
        if self._event_idx:
            event = self._get(self._used + used_bytes(self._size) - 2)
            return needs_event(event, self._avail_idx, old)
        return not self._get(self._used) & USED_F_NO_NOTIFY

    def suppress_calls(self) -> None:
        """Ask the device not to call: with EVENT_IDX by leaving used_event behind."""
        if not self._event_idx:
            self._put(self._avail, AVAIL_F_NO_INTERRUPT)

    def enable_calls(self) -> bool:
        """Ask for a call at the next used chain; True when one came back meanwhile."""
        if self._event_idx:
            self._put(self._avail + avail_bytes(self._size) - 2, self._last_used)
        else:
            self._put(self._avail, 0)
        fence()
        return self._get(self._used + IDX_OFFSET) != self._last_used

    def _offer(self, head: int) -> None:
        slot = self._avail_idx & (self._size - 1)
        self._put(self._avail + RING_OFFSET + 2 * slot, head)
        self._avail_idx = (self._avail_idx + 1) & 0xFFFF
        fence()
        self._put(self._avail + IDX_OFFSET, self._avail_idx)

    def _write_indirect(self, head: int, parts: Sequence[Part]) -> None:
        if len(parts) > self._table_length or self._tables is None:
            raise FrontendError(f"{len(parts)} descriptors in a table of {self._table_length}")
        table = self._tables + head * self._table_length * DESC_SIZE
        self._write_chain(table - self._base, range(len(parts)), parts)
        at = self._desc + DESC_SIZE * head
        DESC.pack_into(self._ram, at, table, len(parts) * DESC_SIZE, DESC_F_INDIRECT, 0)

    def _write_chain(self, table: int, places: Sequence[int], parts: Sequence[Part]) -> None:
        for at, (gpa, length, writable) in enumerate(parts):
            last = at == len(parts) - 1
            flags = (DESC_F_WRITE if writable else 0) | (0 if last else DESC_F_NEXT)
            following = 0 if last else places[at + 1]
            DESC.pack_into(self._ram, table + DESC_SIZE * places[at], gpa, length, flags, following)

    def _get(self, at: int) -> int:
        value: int = U16.unpack_from(self._ram, at)[0]
        return value

    def _put(self, at: int, value: int) -> None:
        U16.pack_into(self._ram, at, value)
