"""A virtio 1 driver over qtest: capabilities, features, two split rings, shared memory."""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.qemu.qtest import Qtest, QtestError

SLOT = 4
BARS_AT = 0x8_0000_0000
BAR_SPACING = 0x1_0000_0000
WAIT_LIMIT_S = 20.0

COMMON, NOTIFY, ISR, DEVICE, SHARED_MEMORY = 1, 2, 3, 4, 8
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
VERSION_1 = 1 << 32

NEXT, WRITE = 1, 2
RINGS_AT = 0x20_0000
BUFFERS_AT = 0x30_0000


@dataclass(frozen=True, slots=True)
class Region:
    """Where a vendor capability points to, as a physical address."""

    address: int
    size: int


@dataclass(slots=True)
class Ring:
    """One split ring in guest memory; addresses are guest-physical."""

    size: int
    desc: int
    avail: int
    used: int
    notify: int
    added: int = 0
    taken: int = 0
    buffers: dict[int, int] = field(default_factory=dict)


class VirtioPci:
    """The driver's view of the generic vhost-user device."""

    def __init__(self, qtest: Qtest) -> None:
        self.qtest = qtest
        self._program_bars()
        self.regions: dict[int, Region] = {}
        self._notify_multiplier = 0
        self._find_capabilities()
        self.rings: list[Ring] = []

    # Set-up

    def _program_bars(self) -> None:
        address = BARS_AT
        register = 0x10
        while register < 0x28:
            self.qtest.pci_store(SLOT, register, 0xFFFF_FFFF)
            mask = self.qtest.pci_load(SLOT, register)
            if not mask:
                register += 4
                continue
            if mask & 0x6 == 0x4:
                self.qtest.pci_store(SLOT, register, address & 0xFFFF_FFFF)
                self.qtest.pci_store(SLOT, register + 4, address >> 32)
                address += BAR_SPACING
                register += 8
            else:
                # 32-bit BARs (MSI-X) go where a PC has its device memory.
                self.qtest.pci_store(SLOT, register, 0xC000_0000 + register * 0x1_0000)
                register += 4
        self.qtest.pci_store(SLOT, 0x04, self.qtest.pci_load(SLOT, 0x04) | 7)

    def _bar(self, number: int) -> int:
        low = self.qtest.pci_load(SLOT, 0x10 + 4 * number)
        high = self.qtest.pci_load(SLOT, 0x14 + 4 * number) if low & 0x6 == 0x4 else 0
        return high << 32 | low & ~0xF

    def _find_capabilities(self) -> None:
        at = self.qtest.pci_load(SLOT, 0x34) & 0xFC
        while at:
            words = [self.qtest.pci_load(SLOT, at + 4 * n) for n in range(6)]
            if words[0] & 0xFF == 0x09:
                kind = words[0] >> 24
                bar = words[1] & 0xFF
                offset, size = words[2], words[3]
                if kind == SHARED_MEMORY:
                    offset |= words[4] << 32
                    size |= words[5] << 32
                if kind == NOTIFY:
                    self._notify_multiplier = words[4]
                if kind <= DEVICE or kind == SHARED_MEMORY:
                    self.regions.setdefault(kind, Region(self._bar(bar) + offset, size))
            at = words[0] >> 8 & 0xFC

    def _common(self, offset: int, width: int) -> int:
        return self.qtest.load(self.regions[COMMON].address + offset, width)

    def _set_common(self, offset: int, width: int, value: int) -> None:
        self.qtest.store(self.regions[COMMON].address + offset, width, value)

    # The driver's life

    @property
    def status(self) -> int:
        """device_status."""
        return self._common(20, 1)

    def reset(self) -> None:
        """Write 0 to device_status and wait until it reads as 0."""
        self._set_common(20, 1, 0)
        self._wait_until(lambda: not self.status, "the device to reset")
        self.rings = []

    def offered_features(self) -> int:
        """All 64 feature bits that the device offers."""
        bits = 0
        for word in (0, 1):
            self._set_common(0, 4, word)
            bits |= self._common(4, 4) << 32 * word
        return bits

    def start(
        self, features: int = VERSION_1, *, before_ok: Callable[[], None] | None = None
    ) -> None:
        """Negotiate `features`, set up both rings, run `before_ok`, say DRIVER_OK."""
        self.reset()
        self._set_common(20, 1, ACKNOWLEDGE | DRIVER)
        for word in (0, 1):
            self._set_common(8, 4, word)
            self._set_common(12, 4, features >> 32 * word & 0xFFFF_FFFF)
        self._set_common(20, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        assert self.status & FEATURES_OK
        self.rings = [self._set_up_ring(index) for index in range(self._common(18, 2))]
        if before_ok is not None:
            before_ok()
        self._set_common(20, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    def _set_up_ring(self, index: int) -> Ring:
        self._set_common(22, 2, index)
        size = self._common(24, 2)
        base = RINGS_AT + index * 0x1_0000
        ring = Ring(size, base, base + 0x4000, base + 0x8000, 0)
        self.qtest.command(f"memset {base:#x} 0x10000 0")
        for offset, address in ((32, ring.desc), (40, ring.avail), (48, ring.used)):
            self._set_common(offset, 4, address & 0xFFFF_FFFF)
            self._set_common(offset + 4, 4, address >> 32)
        ring.notify = self.regions[NOTIFY].address + self._common(30, 2) * self._notify_multiplier
        self._set_common(28, 2, 1)
        return ring

    # Traffic

    def config(self, offset: int, size: int) -> bytes:
        """Bytes of the device's configuration space."""
        return self.qtest.read(self.regions[DEVICE].address + offset, size)

    def add(self, queue: int, readable: bytes, room: int, *, slot: int = 0) -> int:
        """Make one chain available and kick: `readable` bytes, then `room` writable ones.

        `slot` picks the buffer; gives the address of the writable part.
        """
        ring = self.rings[queue]
        buffer = BUFFERS_AT + queue * 0x8_0000 + slot * 0x2000
        self.qtest.write(buffer, readable + bytes(room))
        head = 2 * slot
        parts = [(buffer, len(readable), 0), (buffer + len(readable), room, WRITE)]
        parts = [part for part in parts if part[1]]
        table = b"".join(
            struct.pack(
                "<QIHH", address, size, flags | (NEXT if n + 1 < len(parts) else 0), head + n + 1
            )
            for n, (address, size, flags) in enumerate(parts)
        )
        self.qtest.write(ring.desc + 16 * head, table)
        self.qtest.store(ring.avail + 4 + 2 * (ring.added % ring.size), 2, head)
        ring.added += 1
        self.qtest.store(ring.avail + 2, 2, ring.added & 0xFFFF)
        self.qtest.store(ring.notify, 2, queue)
        ring.buffers[head] = buffer + len(readable)
        return buffer + len(readable)

    def take(self, queue: int) -> bytes:
        """Wait for the next used chain; gives what the device wrote."""
        ring = self.rings[queue]
        self._wait_until(
            lambda: self.qtest.load(ring.used + 2, 2) != ring.taken & 0xFFFF,
            f"a used buffer in queue {queue}",
        )
        entry = self.qtest.read(ring.used + 4 + 8 * (ring.taken % ring.size), 8)
        head, written = struct.unpack("<II", entry)
        ring.taken += 1
        return self.qtest.read(ring.buffers[head], written) if written else b""

    def _wait_until(self, holds: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + WAIT_LIMIT_S
        while not holds():
            if time.monotonic() > limit:
                raise QtestError(f"waited {WAIT_LIMIT_S} s for {what}: {self.qtest.output()}")

    def command(self, request: bytes, room: int) -> bytes:
        """One command on queue 0 and its response."""
        self.add(0, request, room)
        return self.take(0)
