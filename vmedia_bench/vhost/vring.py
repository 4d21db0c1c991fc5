"""One ring as the front-end's messages describe it, whether it runs or not."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from vmedia_bench.vhost.errors import (
    GuestAddressError,
    RequestRefusedError,
    RingCorruptError,
)
from vmedia_bench.vhost.layout import (
    AVAIL_ALIGN,
    DESC_ALIGN,
    USED_ALIGN,
    avail_bytes,
    desc_bytes,
    used_bytes,
)
from vmedia_bench.vhost.memory import GuestMemory
from vmedia_bench.vhost.ring import DeviceRing

_EVENTFD = "anon_inode:[eventfd]"


class RingStatus(NamedTuple):
    """
    A ring, for onlookers; the indices are the free-running 16-bit ones.

    ``in_flight`` chains are with the device, ``offered`` ones wait to be popped; ``held`` is the
    operator's will. The last two say what was negotiated for it.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index
    size: int
    started: bool
    enabled: bool
    held: bool
    last_avail: int
    used_idx: int
    in_flight: int
    offered: int
    error: str
    event_idx: bool
    indirect: bool


class Vring:
    """
    A ring's configuration and, once it is started, the ring itself.

    ``kick``, ``call`` and ``err`` are eventfds that belong to it, -1 where there is none.
    """

    def __init__(self, index: int, *, enabled: bool = False) -> None:
        self.index = index
        self.size = 0
        self.enabled = enabled
        self.started = False
        self.base = 0
        self.stopped_at: int | None = None
        self.error = ""
        self.ring: DeviceRing | None = None
        self.kick = self.call = self.err = -1
        self._user_addresses: tuple[int, int, int] | None = None

    @property
    def live(self) -> bool:
        """Started, enabled, inside of guest memory and not corrupt."""
        return self.ring is not None and self.enabled and not self.error

    def set_size(self, size: int, limit: int) -> None:
        """SET_VRING_NUM; raises RequestRefusedError."""
        if self.started:
            raise RequestRefusedError(f"ring {self.index} runs: its size cannot change")
        if not 0 < size <= limit or size & (size - 1):
            raise RequestRefusedError(
                f"ring {self.index}: size {size} is not a power of two up to {limit}"
            )
        self.size = size

    def set_addresses(self, desc: int, avail: int, used: int) -> None:
        """SET_VRING_ADDR, in front-end addresses; raises RequestRefusedError if misaligned."""
        for part, address, align in (
            ("descriptor table", desc, DESC_ALIGN),
            ("avail ring", avail, AVAIL_ALIGN),
            ("used ring", used, USED_ALIGN),
        ):
            if address % align:
                raise RequestRefusedError(
                    f"ring {self.index}: the {part} at {address:#x} is not aligned to {align} bytes"
                )
        self._user_addresses = (desc, avail, used)

    def set_base(self, base: int) -> None:
        """SET_VRING_BASE; raises RequestRefusedError."""
        if self.started:
            raise RequestRefusedError(f"ring {self.index} runs: its base cannot change")
        if base > 0xFFFF:
            raise RequestRefusedError(f"ring {self.index}: base {base} is no 16-bit index")
        self.base = base

    def start(self, memory: GuestMemory, *, event_idx: bool, indirect: bool) -> bool:
        """Find the ring in guest memory; True when it runs. ``error`` says why it does not."""
        if self.ring is not None or not self.started:
            return self.ring is not None
        try:
            self.ring = DeviceRing(
                memory,
                self.size,
                self._translate(memory),
                base=self.base,
                event_idx=event_idx,
                indirect=indirect,
            )
        except (GuestAddressError, RingCorruptError) as problem:
            self.error = f"not started: {problem}"
            return False
        self.error = ""
        return True

    def bind(self, memory: GuestMemory) -> None:
        """Find a running ring again in new memory; where it is not inside, it is no ring more."""
        if self.ring is None or self.error:
            return
        try:
            self.ring.bind(self._translate(memory))
        except GuestAddressError:
            self.forget_ring()

    def corrupt(self, reason: str) -> None:
        """The ring makes no sense: it stands still until ``restart``, and ``err`` says so."""
        self.error = reason
        if self.ring is not None:
            self.ring.unbind()
        self.signal_error()

    def restart(self) -> None:
        """SET_VRING_KICK: started, and an error is forgotten with the ring that had it."""
        if self.error:
            self.forget_ring()
        self.error = ""
        self.started = True

    def forget_ring(self) -> None:
        """Drop the ring and its views of memory, keeping where it stood."""
        if self.ring is not None:
            self.base = self.ring.last_avail
            self.ring.unbind()
            self.ring = None

    def stop(self) -> int:
        """GET_VRING_BASE: the avail index at which it stopped."""
        self.forget_ring()
        self.started = False
        self.error = ""
        self.stopped_at = self.base
        self.set_fd("kick", None)
        return self.base

    def set_fd(self, name: str, fd: int | None) -> None:
        """
        Take an eventfd in place of ``kick``, ``call`` or ``err``; None for none.

        Raises RequestRefusedError for anything but an eventfd; the fd stays the caller's then.
        """
        if fd is not None:
            # A pipe, a file or a socket could block the loop or refuse to be watched.
            if str(Path(f"/proc/self/fd/{fd}").readlink()) != _EVENTFD:
                raise RequestRefusedError(f"the {name} fd of ring {self.index} is no eventfd")
            os.set_blocking(fd, False)
        old = getattr(self, name)
        setattr(self, name, -1 if fd is None else fd)
        if old >= 0:
            os.close(old)

    def signal_error(self) -> None:
        """Tell the front-end that the ring is corrupt."""
        if self.err >= 0:
            with suppress(BlockingIOError):
                os.eventfd_write(self.err, 1)

    def close(self) -> None:
        """Drop the ring and every eventfd."""
        self.forget_ring()
        self.started = False
        for name in ("kick", "call", "err"):
            self.set_fd(name, None)

    def status(self, *, held: bool = False, in_flight: int = 0) -> RingStatus:
        """How it stands now; what only the pump knows is given."""
        ring = self.ring
        return RingStatus(
            self.index,
            self.size,
            self.started,
            self.enabled,
            held,
            self.base if ring is None else ring.last_avail,
            0 if ring is None else ring.used_idx,
            in_flight,
            self._offered(),
            self.error,
            ring is not None and ring.event_idx,
            ring is not None and ring.indirect,
        )

    def _offered(self) -> int:
        if self.ring is None or self.error:
            return 0
        try:
            return (self.ring.avail_idx - self.ring.last_avail) & 0xFFFF
        except RingCorruptError:
            # Its memory is gone: whoever uses the ring next says so.
            return 0

    def _translate(self, memory: GuestMemory) -> tuple[int, int, int]:
        if not self.size:
            raise GuestAddressError("it has no size, SET_VRING_NUM is missing")
        if self._user_addresses is None:
            raise GuestAddressError("it has no addresses, SET_VRING_ADDR is missing")
        desc, avail, used = self._user_addresses
        return (
            memory.to_guest(desc, desc_bytes(self.size)),
            memory.to_guest(avail, avail_bytes(self.size)),
            memory.to_guest(used, used_bytes(self.size)),
        )
