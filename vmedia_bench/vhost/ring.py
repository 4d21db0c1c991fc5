"""
The device's side of a split virtqueue, distrusting every byte of it.

Source: virtio 1.3, section 2.7. Two levels of failure: a corrupt ring (RingCorruptError) stops, a
bad chain (ChainRefusedError) goes back with used length 0. Descriptors are read once and readable
bytes copied once, so what a guest changes afterwards cannot matter.
"""

import platform
from collections.abc import Callable
from struct import Struct
from sys import byteorder
from threading import Lock
from typing import Any, NoReturn, TypeAlias

from vmedia_bench.vhost.errors import ChainRefusedError, GuestAddressError, RingCorruptError
from vmedia_bench.vhost.layout import (
    AVAIL_F_NO_INTERRUPT,
    DESC,
    DESC_F_INDIRECT,
    DESC_F_NEXT,
    DESC_F_WRITE,
    DESC_SIZE,
    USED_F_NO_NOTIFY,
    avail_bytes,
    desc_bytes,
    used_bytes,
)
from vmedia_bench.vhost.memory import GuestMemory

MAX_REQUEST = 4 << 20
"""Most readable bytes of one chain: a page list of several 4K frames, and no memory bomb."""
MAX_TOTAL = 1 << 32

Writable: TypeAlias = tuple[tuple[int, int], ...]
Readable: TypeAlias = tuple[int, ...]
Chain: TypeAlias = tuple[int, bytes, int, Writable, Readable]
"""A popped chain: its head, a copy of all readable bytes, the room (sum of the writable lengths),
the writable parts as (guest physical address, length), and the lengths of the readable ones. An
object would cost 0.2 us more."""

_Command: TypeAlias = tuple[int, memoryview, int, int, int, int, int, Writable, Readable]
"""What four descriptors say: the place of the first, the region and where in it both readable parts
begin and end; room, writable and readable parts as in Chain."""
_MOST_KNOWN = 1024

UnpackFrom: TypeAlias = Callable[[Any, int], tuple[Any, ...]]
Buffer: TypeAlias = bytes | bytearray | memoryview

_LAST_PLAIN_FLAG = DESC_F_NEXT | DESC_F_WRITE
_ONLY_INDIRECT = (DESC_F_INDIRECT, DESC_F_INDIRECT | DESC_F_WRITE)
_FLAGS, _IDX, _RING = 0, 1, 2
"""Places in the avail and used rings, counted in 16-bit words."""
_USED_RING_AT = 4
_STORES_STAY_IN_ORDER = platform.machine() in {"x86_64", "i686", "AMD64"}
_lock = Lock()
_acquire, _release = _lock.acquire, _lock.release


def fence() -> None:
    """A full memory barrier: taking and giving back a lock is the only one Python has."""
    _acquire()
    _release()


class _Area:
    """Part of a ring in memory that cannot be mapped, indexed as a memoryview cast to ``codec``."""

    __slots__ = ("_codec", "_gpa", "_memory")

    def __init__(self, memory: GuestMemory, gpa: int, codec: Struct) -> None:
        self._memory = memory
        self._gpa = gpa
        self._codec = codec

    def __getitem__(self, index: int) -> int:
        value: int = self.unpack(self, index * self._codec.size)[0]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        try:
            self._memory.write(self._gpa + index * self._codec.size, self._codec.pack(value))
        except GuestAddressError as problem:
            raise RingCorruptError(str(problem)) from problem

    @staticmethod
    def unpack(area: "_Area", offset: int) -> tuple[Any, ...]:
        """Stands in for Struct.unpack_from."""
        try:
            data = area._memory.read(area._gpa + offset, area._codec.size)
        except GuestAddressError as problem:
            raise RingCorruptError(str(problem)) from problem
        return area._codec.unpack(data)


_FOUR_DESCRIPTORS = Struct("<" + 4 * "QII")
# Flags and next in one word each, for a chain from descriptor 0 on; one more each further on.
_FIRST_LINK = 1 << 16 | DESC_F_NEXT
_SECOND_LINK = 2 << 16 | DESC_F_NEXT
_THIRD_LINK = 3 << 16 | DESC_F_NEXT | DESC_F_WRITE
_WORD = Struct("<H")
_USED = Struct("<Q")


class DeviceRing:
    """
    A running ring. ``size`` is a power of two up to 32768, addresses are guest physical.

    The constructor and ``bind`` raise GuestAddressError where a part is outside of memory; the
    other methods raise RingCorruptError once the ring makes no sense.
    """

    __slots__ = (
        "_avail",
        "_desc",
        "_desc_at",
        "_event_idx",
        "_fresh",
        "_indirect",
        "_known",
        "_last_avail",
        "_mapped",
        "_mask",
        "_memory",
        "_most_offered",
        "_seen_avail",
        "_shown",
        "_size",
        "_used",
        "_used_idx",
        "_used_ring",
    )

    def __init__(
        self,
        memory: GuestMemory,
        size: int,
        addresses: tuple[int, int, int],
        *,
        base: int = 0,
        event_idx: bool = False,
        indirect: bool = False,
    ) -> None:
        self._memory = memory
        self._size = size
        self._mask = size - 1
        self._event_idx = event_idx
        self._indirect = indirect
        self._last_avail = self._seen_avail = base
        # Nobody knows what the driver was told before: the first chain back is always announced.
        self._fresh = True
        self._most_offered = 0
        self.bind(addresses)
        self._used_idx: int = self._used[_IDX]
        self._shown = self._used_idx

    @property
    def last_avail(self) -> int:
        """The free-running avail index of the next chain: GET_VRING_BASE's answer."""
        return self._last_avail

    @property
    def used_idx(self) -> int:
        """The free-running index of the next used element."""
        return self._used_idx

    @property
    def event_idx(self) -> bool:
        """Whether VIRTIO_RING_F_EVENT_IDX is in use."""
        return self._event_idx

    @property
    def indirect(self) -> bool:
        """Whether VIRTIO_RING_F_INDIRECT_DESC is in use."""
        return self._indirect

    @property
    def avail_idx(self) -> int:
        """The driver's avail index as it stands in memory now."""
        value: int = self._avail[_IDX]
        return value

    def bind(self, addresses: tuple[int, int, int]) -> None:
        """Find descriptor table, avail ring and used ring again: the memory table has changed."""
        memory, size = self._memory, self._size
        self._known: dict[bytes, _Command] = {}
        lengths = (desc_bytes(size), avail_bytes(size), used_bytes(size))
        views = [memory.views(gpa, n) for gpa, n in zip(addresses, lengths, strict=True)]
        desc, avail, used = views
        self._desc: Any
        self._avail: Any
        self._used: Any
        self._used_ring: Any
        self._desc_at: UnpackFrom
        # A word of a cast memoryview is one load or store, in the host's byte order.
        if desc is not None and avail is not None and used is not None and byteorder == "little":
            self._desc_at, self._desc = DESC.unpack_from, desc
            self._avail, self._used = avail.cast("H"), used.cast("H")
            self._used_ring = used[_USED_RING_AT : _USED_RING_AT + 8 * size].cast("Q")
            self._mapped = True
            return
        self._mapped = False
        self._desc_at, self._desc = _Area.unpack, _Area(memory, addresses[0], DESC)
        self._avail = _Area(memory, addresses[1], _WORD)
        self._used = _Area(memory, addresses[2], _WORD)
        self._used_ring = _Area(memory, addresses[2] + _USED_RING_AT, _USED)

    def unbind(self) -> None:
        """Let the views of guest memory go; nothing but ``bind`` may follow."""
        self._desc = self._avail = self._used = self._used_ring = b""
        self._known = {}

    def pop(self) -> Chain | None:
        """
        The next chain, or None when the driver offers no more.

        Raises ChainRefusedError after giving the chain back with used length 0, RingCorruptError
        when the ring must stop. avail.idx is read once for all chains that it announces.
        """
        last = self._last_avail
        if last == self._seen_avail:
            seen = self._avail[_IDX]
            if seen == last:
                return None
            if (seen - last) & 0xFFFF > self._size:
                raise RingCorruptError(f"avail.idx went from {last} to {seen} in {self._size}")
            self._seen_avail = seen
        head: int = self._avail[_RING + (last & self._mask)]
        if head >= self._size:
            raise RingCorruptError(f"head {head} in a ring of {self._size}")
        self._last_avail = (last + 1) & 0xFFFF
        try:
            if self._mapped and head <= self._size - 4:
                at = head << 4
                command = self._command(self._desc[at : at + 64].tobytes(), head, head)
                if command is not None:
                    return command
            return self._walk(head)
        except (ChainRefusedError, GuestAddressError) as problem:
            self._give_back(head, 0)
            raise ChainRefusedError(str(problem)) from problem

    def unpop(self) -> None:
        """Leave the chain popped last in the ring, for the next ``pop`` to see again."""
        self._last_avail = (self._last_avail - 1) & 0xFFFF

    def push(self, chain: Chain, response: Buffer, used: int | None = None) -> int:
        """
        Write a response over the chain's writable parts and give the chain back.

        Returns the used length: what was written (a response longer than the room is cut), or
        `used`, for who wants to tell the driver something else. Raises ChainRefusedError,
        after giving it back with length 0, when the memory under it is gone. The driver sees
        nothing before ``flush``.
        """
        head, _request, _room, writable, _readable = chain
        written = len(response)
        try:
            start, end, view, _region = self._memory.table[0]
            if view is not None and len(writable) == 2 and writable[0][1] < written:
                # A header and a payload, as most answers are.
                (first, size), (second, room) = writable
                rest = written - size
                outside = first < start or first + size > end or second < start
                if outside or second + rest > end or rest > room:
                    written = self._scatter(writable, response)
                else:
                    first -= start
                    second -= start
                    view[first : first + size] = response[:size]
                    view[second : second + rest] = response[size:]
            elif view is None or not writable:
                written = self._scatter(writable, response)
            elif written <= writable[0][1]:
                gpa = writable[0][0]
                if gpa < start or gpa + written > end:
                    self._memory.write(gpa, response)
                else:
                    view[gpa - start : gpa - start + written] = response
            else:
                written = self._scatter_in_view(view, start, end, writable, response)
        except GuestAddressError as problem:
            self._give_back(head, 0)
            raise ChainRefusedError(str(problem)) from problem
        if used is not None:
            written = used
        index = self._used_idx
        self._used_ring[index & self._mask] = written << 32 | head
        self._used_idx = (index + 1) & 0xFFFF
        return written

    def flush(self) -> bool:
        """Show the driver all that was pushed; True when it wants to be called for it."""
        new = self._used_idx
        old = self._shown
        if new == old:
            return False
        if not _STORES_STAY_IN_ORDER:
            fence()
        self._used[_IDX] = new
        _acquire()
        _release()
        self._shown = new
        if self._event_idx:
            if self._fresh:
                self._fresh = False
                return True
            event = self._avail[_RING + self._size]
            called: bool = (new - event - 1) & 0xFFFF < (new - old) & 0xFFFF  # 2.7.10
            return called
        return not self._avail[_FLAGS] & AVAIL_F_NO_INTERRUPT

    def has_work(self) -> bool:
        """Whether a chain waits to be popped."""
        waiting: bool = self._avail[_IDX] != self._last_avail
        return waiting

    def suppress_kicks(self) -> None:
        """Ask the driver not to kick: with EVENT_IDX by leaving avail_event behind."""
        if not self._event_idx:
            self._used[_FLAGS] = USED_F_NO_NOTIFY

    def enable_kicks(self) -> bool:
        """Ask for a kick at the next chain; True when one came meanwhile and no kick will."""
        if self._event_idx:
            self._used[_RING + 4 * self._size] = self._last_avail
        else:
            self._used[_FLAGS] = 0
        fence()
        return self.has_work()

    def all_offered(self) -> bool:
        """Whether the driver offers as many chains as it ever did: none is still at its hands."""
        offered: int = (self._avail[_IDX] - self._last_avail) & 0xFFFF
        if offered < self._most_offered:
            return False
        self._most_offered = offered
        return True

    def ask_for_all(self) -> bool:
        """Ask for a kick once all chains are offered again; True when they are already."""
        if self._event_idx:
            last_one = (self._last_avail + self._most_offered - 1) & 0xFFFF
            self._used[_RING + 4 * self._size] = last_one
        else:
            self._used[_FLAGS] = 0
        fence()
        return self.all_offered()

    def _command(self, descriptors: bytes, first: int, head: int) -> Chain | None:
        """
        A chain of four descriptors in a row, given as their bytes; None for any other chain.

        Most ioctls are that, and drivers use their buffers again and again: what was read in the
        same bytes before is not read once more. That is half the time that any chain takes.
        """
        known = self._known.get(descriptors)
        if known is None or known[0] != first:
            known = self._read_command(descriptors, first)
            if known is None:
                return None
        _, view, a, a_end, b, b_end, room, writable, readable = known
        request = view[a:a_end].tobytes() + view[b:b_end].tobytes()
        return head, request, room, writable, readable

    def _read_command(self, descriptors: bytes, first: int) -> _Command | None:
        """
        Two descriptors to read and two to write, in a row from ``first``, all in one region.

        None for another chain, of which nothing that was read here is used.
        """
        start, end, view, _region = self._memory.table[0]
        if view is None:
            return None
        # fmt: off
        (a, a_size, a_link, b, b_size, b_link,
         c, c_size, c_link, d, d_size, d_link) = _FOUR_DESCRIPTORS.unpack(descriptors)
        # fmt: on
        on = first << 16
        if a_link != on + _FIRST_LINK or b_link != on + _SECOND_LINK or c_link != on + _THIRD_LINK:
            return None
        if d_link & 0xFFFF != DESC_F_WRITE or min(a, b, c, d) < start:
            return None
        if max(a + a_size, b + b_size, c + c_size, d + d_size) > end:
            return None
        readable, room = a_size + b_size, c_size + d_size
        if not 0 < readable <= MAX_REQUEST or readable + room > MAX_TOTAL:
            return None
        a -= start
        b -= start
        writable = ((c, c_size), (d, d_size))
        known = (first, view, a, a + a_size, b, b + b_size, room, writable, (a_size, b_size))
        if len(self._known) == _MOST_KNOWN:
            self._known.clear()
        self._known[descriptors] = known
        return known

    def _walk(self, head: int) -> Chain:
        """Read the chain's descriptors once each and copy what is readable."""
        start, end, view, _region = self._memory.table[0]
        table, desc_at, limit = self._desc, self._desc_at, self._size
        index = head
        links = readable = room = 0
        parts: list[bytes] = []
        lengths: list[int] = []
        writable: list[tuple[int, int]] = []
        while True:
            gpa, length, flags, following = desc_at(table, index << 4)
            if flags > _LAST_PLAIN_FLAG:
                table = self._indirect_table(table, gpa, length, flags, links)
                desc_at, limit, index, links = DESC.unpack_from, length // DESC_SIZE, 0, 0
                alone = limit == 4 and not parts and not writable
                command = self._command(table, 0, head) if alone else None
                if command is not None:
                    return command
                continue
            if length and (gpa < start or gpa + length > end):
                start, end, view, _region = self._memory.find(gpa, length)
            if flags & DESC_F_WRITE:
                writable.append((gpa, length))
                room += length
            else:
                readable += length
                lengths.append(length)
                if writable or readable > MAX_REQUEST:
                    self._refuse_readable(readable)
                if view is not None:
                    parts.append(view[gpa - start : gpa - start + length].tobytes())
                elif length:
                    parts.append(self._memory.read(gpa, length))
            if not flags & DESC_F_NEXT:
                break
            links += 1
            if following >= limit or links >= limit:
                self._refuse_link(table, following, limit)
            index = following
        if not 0 < readable + room <= MAX_TOTAL:
            raise ChainRefusedError(f"{readable + room} bytes in all")
        request = parts[0] if len(parts) == 1 else b"".join(parts)
        return head, request, room, tuple(writable), tuple(lengths)

    def _indirect_table(self, table: Any, gpa: int, length: int, flags: int, links: int) -> bytes:
        """A copy of the table that an INDIRECT descriptor names; raises ChainRefusedError."""
        if flags not in _ONLY_INDIRECT:
            raise ChainRefusedError(f"descriptor flags {flags:#x}")
        if not self._indirect:
            raise ChainRefusedError("INDIRECT was not negotiated")
        if table is not self._desc:
            raise ChainRefusedError("an indirect table inside an indirect table")
        if length == 0 or length % DESC_SIZE or length // DESC_SIZE + links > self._size:
            raise ChainRefusedError(f"an indirect table of {length} bytes")
        return self._memory.read(gpa, length)

    def _scatter_in_view(
        self,
        view: memoryview,
        start: int,
        end: int,
        writable: Writable,
        response: Buffer,
    ) -> int:
        """As _scatter, without looking up each part: nearly always all lie in one region."""
        written, left = 0, len(response)
        for place, (gpa, room) in enumerate(writable):
            length = min(room, left)
            if gpa < start or gpa + length > end:
                return written + self._scatter(writable[place:], response[written:])
            view[gpa - start : gpa - start + length] = response[written : written + length]
            written += length
            left -= length
            if not left:
                break
        return written

    def _scatter(self, writable: Writable, response: Buffer) -> int:
        """Write along the writable parts; returns how much went in, raises GuestAddressError."""
        written = 0
        for gpa, length in writable:
            part = response[written : written + length]
            if part:
                self._memory.write(gpa, part)
                written += len(part)
        return written

    def _refuse_readable(self, readable: int) -> NoReturn:
        if readable > MAX_REQUEST:
            raise ChainRefusedError(f"more than {MAX_REQUEST} readable bytes")
        raise ChainRefusedError("a readable descriptor after a writable one")

    def _refuse_link(self, table: Any, following: int, limit: int) -> NoReturn:
        """Within an indirect table only its own chain is bad, in the ring's own table all is."""
        reason = f"next {following} of {limit}" if following >= limit else "a loop of descriptors"
        if table is self._desc:
            raise RingCorruptError(reason)
        raise ChainRefusedError(f"{reason} in an indirect table")

    def _give_back(self, head: int, written: int) -> None:
        index = self._used_idx
        self._used_ring[index & self._mask] = written << 32 | head
        self._used_idx = (index + 1) & 0xFFFF
