"""
The driver's half of the two rings, made for one command in flight and for prepared batches.

Descriptors are written ahead of time into slots of the table; offering a command is then three
16-bit stores (virtio 1.3, section 2.7). Views are cast to native integers, so the machine must be
little-endian, as every machine with KVM and a virtio-media guest is.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from time import monotonic, perf_counter

from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestError
from vmedia_bench.guest.ram import FreeList, GuestRam
from vmedia_bench.vhost.layout import (
    DESC_SIZE,
    USED_F_NO_NOTIFY,
    RingLayout,
    avail_bytes,
    desc_bytes,
    used_bytes,
)

FIRST_SHARE = 4
"""The device calls when this part of a batch is used: waking up takes about as long as it needs
for the rest."""
LOOK_S = 50e-6
"""How long to look for the next answer of a batch before sleeping once more, seconds."""

_ONE = b"\1\0\0\0\0\0\0\0"
_fence = Lock()
_write = os.write
_read = os.read

# Wakes up once the back-end did anything at all; False when the seconds passed first.
Wait = Callable[[float], bool]


class DriverQueue:
    """
    One ring in guest memory: its views, where it stands, and whom to kick.

    `kick` is the eventfd of the ring.
    """

    def __init__(self, ram: GuestRam, size: int, kick: int, *, event_idx: bool) -> None:
        if size <= 0 or size & (size - 1) or size > 32768:
            raise GuestError(f"a ring has 1 to 32768 entries, a power of two; not {size}")
        self.address = ram.allocate(RingLayout.at(0, size).end, 4096)
        self.layout = RingLayout.at(self.address, size)
        self.size = size
        self.kick_fd = kick
        self.event_idx = event_idx
        self.desc = ram.at(self.layout.desc, desc_bytes(size))
        self._avail = ram.at(self.layout.avail, avail_bytes(size)).cast("H")
        used = ram.at(self.layout.used, used_bytes(size))
        self._used = used.cast("H")
        self._elements = used[: 4 + 8 * size].cast("I")
        self._mask = size - 1
        self._used_event = 2 + size
        self._avail_event = 2 + 4 * size
        self.restart()

    def restart(self) -> None:
        """An empty ring whose indexes are 0, as after a device reset."""
        self._avail[:] = memoryview(bytes(len(self._avail) * 2)).cast("H")
        self._used[:] = memoryview(bytes(len(self._used) * 2)).cast("H")
        self.next = 0
        self.seen = 0

    @property
    def news(self) -> bool:
        """Whether the device gave something back that was not taken yet."""
        return self._used[1] != self.seen

    def write_descriptors(self, first: int, descriptors: bytes) -> None:
        """Put descriptors into the table from slot `first` on."""
        at = DESC_SIZE * first
        self.desc[at : at + len(descriptors)] = descriptors

    def offer(self, heads: Sequence[int], *, interrupt_after: int = 1) -> None:
        """
        Make chains available and kick if the device asked for it.

        The device is asked to call when `interrupt_after` more chains are used.
        """
        avail, mask = self._avail, self._mask
        old = new = self.next
        for head in heads:
            avail[2 + (new & mask)] = head
            new = (new + 1) & 0xFFFF
        avail[self._used_event] = (self.seen + interrupt_after - 1) & 0xFFFF
        _fence.acquire()
        avail[1] = self.next = new
        _fence.release()
        if self.event_idx:
            event = self._used[self._avail_event]
            if (new - event - 1) & 0xFFFF < (new - old) & 0xFFFF:
                _write(self.kick_fd, _ONE)
        elif not self._used[0] & USED_F_NO_NOTIFY:
            _write(self.kick_fd, _ONE)

    def kick(self) -> None:
        """Kick, whether the device wants it or not."""
        _write(self.kick_fd, _ONE)

    def take(self) -> tuple[int, int] | None:
        """
        Head and used length of the next chain given back, or None.

        Raises BackendError when the device gave back more than it was offered.
        """
        seen = self.seen
        if self._used[1] == seen:
            return None
        waiting, offered = (self._used[1] - seen) & 0xFFFF, (self.next - seen) & 0xFFFF
        if waiting > offered:
            raise BackendError(f"back-end gave back {waiting} chains of {offered} it was offered")
        at = 2 * (seen & self._mask)
        self.seen = (seen + 1) & 0xFFFF
        return self._elements[1 + at], self._elements[2 + at]

    def ask_for_call(self, count: int = 1) -> bool:
        """Ask to be called once `count` more chains are used; True when they are already."""
        seen = self.seen
        self._avail[self._used_event] = (seen + count - 1) & 0xFFFF
        with _fence:
            return (self._used[1] - seen) & 0xFFFF >= count


class CommandQueue(DriverQueue):
    """
    The commandq, used as Linux does: offer, kick, wait.

    `timeout` is in seconds. `spin` is how many seconds to look at the used ring before sleeping.
    With `blocking` the call eventfd is read without a timeout and nothing else is served
    meanwhile: for measurements only. The first `shared_slots` descriptors belong to whatever runs
    alone, the others are handed out to those who run in batches.
    """

    def __init__(
        self,
        ram: GuestRam,
        size: int,
        kick: int,
        call: int,
        wait: Wait,
        *,
        event_idx: bool,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(ram, size, kick, event_idx=event_idx)
        self.shared_slots = size if size <= 16 else min(size // 2, 32)
        rest = size - self.shared_slots
        self._slots = FreeList([(self.shared_slots, rest)] if rest else [])
        self.call_fd = call
        self.timeout = timeout
        self.spin = 0.0
        self.blocking = False
        self._wait = wait
        self.stuck = ""

    def restart(self) -> None:
        """As DriverQueue.restart; commands that were never answered are forgotten."""
        super().restart()
        self.stuck = ""

    def take_slots(self, count: int) -> int:
        """First of `count` descriptors in a row. Raises GuestError when none are left."""
        try:
            return self._slots.take(count, 1)
        except GuestError:
            left = self._slots.free_bytes
            raise GuestError(
                f"a ring of {self.size} has {left} descriptors left, {count} are needed"
            ) from None

    def give_slots(self, first: int, count: int) -> None:
        """Take descriptors back."""
        self._slots.give(first, count)

    def transact(self, head: int) -> int:
        """
        Offer one chain, wait for it and return its used length.

        Raises BackendTimeoutError after `timeout`, and BackendError when something else came
        back or an earlier command is still unanswered.
        """
        self._check_not_stuck()
        avail, used, at = self._avail, self._used, self.next
        avail[2 + (at & self._mask)] = head
        avail[self._used_event] = at
        new = (at + 1) & 0xFFFF
        _fence.acquire()
        avail[1] = self.next = new
        _fence.release()
        if (used[self._avail_event] == at) if self.event_idx else not used[0] & USED_F_NO_NOTIFY:
            _write(self.kick_fd, _ONE)
        if used[1] != new:
            self._sleep_until(new)
            if used[1] != new:
                back = (used[1] - self.seen) & 0xFFFF
                raise BackendError(f"back-end gave back {back} chains of 1 it was offered")
        self.seen = new
        at = 2 * (at & self._mask)
        if self._elements[1 + at] != head:
            raise BackendError(f"back-end gave back chain {self._elements[1 + at]}, not {head}")
        return self._elements[2 + at]

    def transact_many(self, heads: Sequence[int]) -> Iterator[tuple[int, int]]:
        """
        Offer several chains; gives (head, used length) of each as it comes back.

        Raises as `transact` does. The device is asked for a call when the first ones are used,
        and the others are looked for.
        """
        self._check_not_stuck()
        at, count = self.next, len(heads)
        first = count if self.spin else count // FIRST_SHARE or count
        self.offer(heads, interrupt_after=first)
        used, elements, mask, end = self._used, self._elements, self._mask, self.next
        self._sleep_until((at + first) & 0xFFFF)
        while at != end:
            if used[1] == at and not self._look((at + 1) & 0xFFFF, LOOK_S):
                self.ask_for_call((end - self.seen) & 0xFFFF)
                self._sleep_until(end)
            there = used[1]
            if (there - at) & 0xFFFF > (end - at) & 0xFFFF:
                raise BackendError(f"back-end gave back more than a batch of {count} chains")
            while at != there:
                place = 2 * (at & mask)
                yield elements[1 + place], elements[2 + place]
                at = (at + 1) & 0xFFFF
            self.seen = at

    def _check_not_stuck(self) -> None:
        if self.stuck:
            raise BackendError(f"commandq is stuck: {self.stuck}; reset the device")

    def _missing(self, new: int) -> int:
        """How far used.idx is from `new`; 0 once it has come there or beyond."""
        left = (new - self._used[1]) & 0xFFFF
        return left if left <= self.size else 0

    def _sleep_until(self, new: int) -> None:
        """Wait until used.idx has come to `new`, where the device was asked to call."""
        if self.spin and self._look(new, self.spin):
            return
        if self.blocking and self._block_until(new):
            return
        left = self.timeout
        end = 0.0
        while self._missing(new):
            if left > 0 and self._wait(left):
                if not self._missing(new):
                    return
                # The clock is only asked once something else than the answer came.
                end = end or monotonic() + self.timeout
                left = end - monotonic()
                continue
            missing = self._missing(self.next)
            if not self._missing(new):
                return
            self.stuck = f"{missing} unanswered command{'s' if missing > 1 else ''}"
            raise BackendTimeoutError(
                f"back-end did not answer within {self.timeout:g} s: {self.stuck}"
            )

    def _look(self, new: int, seconds: float) -> bool:
        """Look at used.idx for so long, without sleeping; whether it has come to `new`."""
        end = perf_counter() + seconds
        while self._missing(new):
            if perf_counter() > end:
                return False
            # The device may need this very processor.
            os.sched_yield()
        return True

    def _block_until(self, new: int) -> bool:
        """Read the call eventfd until used.idx is at `new`; False where it cannot be waited for."""
        try:
            while self._missing(new):
                _read(self.call_fd, 8)
        except BlockingIOError:
            # The back-end made the shared description non-blocking.
            return False
        return True
