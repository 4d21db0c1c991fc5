"""What the tests of this room stand on: guest memory, rings by hand, an echo device, a clock."""

import fcntl
import gc
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vmedia_bench.vhost.device import Done, Pending, Port
from vmedia_bench.vhost.layout import DESC, U16, USED_ELEMENT, RingLayout
from vmedia_bench.vhost.memory import GuestMemory, RegionSpec
from vmedia_bench.vhost.ring import DeviceRing

USER_BASE = 0x7F00_0000_0000
RAM_SIZE = 1 << 20
BUFFERS = 0x80000
"""Where the tests' payloads lie; the rings are below."""


class Ram:
    """Guest memory as a memfd, mapped on the guest's side too; guest addresses begin at 0."""

    def __init__(self, size: int = RAM_SIZE, *, seal: bool = True) -> None:
        self.size = size
        self.fd = os.memfd_create("ram", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size)
        if seal:
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self._map = mmap.mmap(self.fd, size)
        self.view = memoryview(self._map)

    def spec(self, gpa: int = 0, size: int | None = None) -> RegionSpec:
        """The region at ``gpa``, backed by the file from the same offset on."""
        return RegionSpec(gpa, self.size - gpa if size is None else size, USER_BASE + gpa, gpa)

    def memory(self) -> GuestMemory:
        memory = GuestMemory()
        memory.replace([self.spec()], [self.fd])
        return memory

    def close(self) -> None:
        self.view.release()
        self._map.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


MakeRam = Callable[..., Ram]


class RawRing:
    """
    A ring whose every word a test writes by hand, and the device's side of it.

    Descriptor table at 0x1000, avail and used behind it.
    """

    def __init__(
        self, ram: Ram, size: int = 16, *, event_idx: bool = False, indirect: bool = True
    ) -> None:
        self.ram = ram
        self.layout = RingLayout.at(0x1000, size)
        self.memory = ram.memory()
        addresses = (self.layout.desc, self.layout.avail, self.layout.used)
        self.ring = DeviceRing(self.memory, size, addresses, event_idx=event_idx, indirect=indirect)
        self._offered = 0

    def desc(self, place: int, gpa: int, length: int, flags: int = 0, following: int = 0) -> None:
        """Write one descriptor of the ring's own table."""
        self.table(self.layout.desc, place, gpa, length, flags, following)

    def table(
        self, table: int, place: int, gpa: int, length: int, flags: int = 0, following: int = 0
    ) -> None:
        """Write one descriptor of a table at any address."""
        DESC.pack_into(self.ram.view, table + 16 * place, gpa, length, flags, following)

    def offer(self, *heads: int) -> None:
        """Put heads into the avail ring."""
        for head in heads:
            slot = self._offered % self.layout.size
            U16.pack_into(self.ram.view, self.layout.avail + 4 + 2 * slot, head)
            self._offered += 1
        self.set_avail_idx(self._offered)

    def set_avail_idx(self, value: int) -> None:
        U16.pack_into(self.ram.view, self.layout.avail + 2, value & 0xFFFF)

    @property
    def avail_event(self) -> int:
        at = self.layout.used + 4 + 8 * self.layout.size
        value: int = U16.unpack_from(self.ram.view, at)[0]
        return value

    def used(self) -> list[tuple[int, int]]:
        """(head, length) of the chains that the driver has been shown."""
        self.ring.flush()
        count = U16.unpack_from(self.ram.view, self.layout.used + 2)[0]
        at = self.layout.used + 4
        return [
            USED_ELEMENT.unpack_from(self.ram.view, at + 8 * (place % self.layout.size))
            for place in range(count)
        ]


class Later:
    """A Pending that a test settles by hand."""

    def __init__(self) -> None:
        self._done: list[Done] = []
        self.lost = False

    def then(self, done: Done) -> None:
        self._done.append(done)

    def settle(self, answer: bytes, used: int | None = None) -> None:
        for done in self._done:
            done(answer, used)


class EchoDevice:
    """
    Answers a command with its own bytes and writes down what happens to it.

    ``later`` makes it answer with a Later; ``events`` are handed out in order.
    """

    device_id = 48
    queue_count = 2

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.requests: list[bytes] = []
        self.events: list[bytes] = []
        self.later: Later | None = None
        self.raises: Exception | None = None
        self.port: Port | None = None
        self.config = bytes(range(40))
        self.on_execute: Callable[[bytes], None] | None = None
        self.sizes: Sequence[int] = (1 << 20,)
        self.due_ns = 1 << 63

    @property
    def events_waiting(self) -> bool:
        return bool(self.events)

    def config_space(self) -> bytes:
        return self.config

    def write_config(self, offset: int, data: bytes) -> bool:
        self.calls.append(f"config {offset} {data.hex()}")
        return offset == 0

    def shmem_sizes(self) -> Sequence[int]:
        return self.sizes

    def execute(self, request: bytes, room: int) -> bytes | Pending:
        self.requests.append(request)
        if self.raises is not None:
            raise self.raises
        if self.on_execute is not None:
            self.on_execute(request)
        return request if self.later is None else self.later

    def take_event(self, room: int) -> bytes | None:
        if room < 8:
            return b""
        if not self.events or len(self.events[0]) > room:
            return None
        return self.events.pop(0)

    def attach(self, port: Port) -> None:
        self.port = port
        self.calls.append("attach")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def reset(self) -> None:
        self.calls.append("reset")

    def detach(self) -> None:
        self.port = None
        self.calls.append("detach")


class FakeTimer:
    """A call that is due when the test says so."""

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self.seconds = seconds
        self._function = function
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        if not self.cancelled:
            self._function()


class Clock:
    """Stands in for the event loop's ``call_later``."""

    def __init__(self) -> None:
        self.timers: list[FakeTimer] = []

    def call_later(self, seconds: float, function: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(seconds, function))
        return self.timers[-1]

    def expire(self) -> None:
        for timer in list(self.timers):
            timer.fire()


def open_fds() -> int:
    """How many file descriptors this process has open; none of them by what is garbage."""
    gc.collect()
    return _count_fds()


def _count_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def no_fd_left_open() -> Iterator[None]:
    """As many file descriptors are open at the end as at the beginning, whatever garbage holds."""
    gc.disable()
    try:
        count = _count_fds()
        yield
        assert _count_fds() == count
    finally:
        gc.enable()
