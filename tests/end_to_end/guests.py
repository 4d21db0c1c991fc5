"""Well-behaved guests. Each leaves only when the bench has noticed, so that tests do not mix."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.end_to_end.bench import Bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.probe import buffer_types
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import BufType, Memory

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)
MMAP = int(Memory.MMAP)
USERPTR = int(Memory.USERPTR)
FRAMES = 10
GUEST_MEMORY = 12 << 20


@contextmanager
def vmm_of(bench: Bench, **settings: Any) -> Iterator[Vmm]:
    """A connected VMM; what the bench did that kills VMMs fails the test."""
    bench.mark()
    settings.setdefault("memory_size", GUEST_MEMORY)
    with Vmm.connect(bench.socket, **settings) as vmm:
        yield vmm
        assert vmm.violations == []
    bench.departed()


@contextmanager
def driver_of(bench: Bench, **settings: Any) -> Iterator[Driver]:
    """A driver with a VMM of its own."""
    with vmm_of(bench, **settings) as vmm:
        yield Driver(vmm)


@contextmanager
def session_of(bench: Bench, **settings: Any) -> Iterator[Session]:
    """A session of a driver of its own."""
    with driver_of(bench, **settings) as driver, driver.open() as session:
        yield session


def queue_type(vmm: Vmm) -> int:
    """The type of the capture queue, as the configuration space has it."""
    return int(buffer_types(media.CONFIG.unpack(vmm.config)[0])[0])


@contextmanager
def streaming(session: Session, **options: Any) -> Iterator[Stream]:
    """A stream that runs; what its checks found fails the test."""
    with Stream(session, queue_type(session.driver.vmm), **options) as stream:
        stream.queue_all()
        stream.stream_on()
        yield stream
        assert stream.violations == [], stream.violations


def take_frames(stream: Stream, count: int = FRAMES) -> list[tuple[bytes, ...]]:
    """The planes of so many frames, copied."""
    return [stream.copy(frame) for frame in stream.frames(count)]


def gets_frames(driver: Driver) -> None:
    """Ten good frames by a session of its own, and no stray events."""
    with driver.open() as session, streaming(session) as stream:
        assert len(take_frames(stream)) == FRAMES
    assert driver.strays == []


def serves_a_fresh_guest(bench: Bench, **settings: Any) -> None:
    """The proof that a bench is well: a new guest connects and gets ten good frames."""
    assert bench.alive, bench.lines[-20:]
    with driver_of(bench, **settings) as driver:
        gets_frames(driver)
