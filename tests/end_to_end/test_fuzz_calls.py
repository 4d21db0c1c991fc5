"""Random sequences of rings, ioctls and life cycle over one bench: all of it is answered."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    CAPTURE,
    CAPTURE_MPLANE,
    gets_frames,
    serves_a_fresh_guest,
    vmm_of,
)
from tests.end_to_end.raw import WRITE, write_chain
from vmedia_bench.guest.buffers import Buffer, Plane
from vmedia_bench.guest.chains import Request, sg_list
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError
from vmedia_bench.guest.events import BadEvent
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.ioctls import IOCTLS

Step = tuple[Any, ...]
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
BRIGHTNESS = 0x980900
HEADER = media.RESP_HEADER.size
ROOM = 4096

words = st.one_of(st.integers(0, 8), st.sampled_from([0x8000_0000, 0xFFFF_FFFF, BRIGHTNESS, 4096]))
wide = st.one_of(st.integers(0, 1 << 16), st.integers(0, (1 << 64) - 1))
types = st.sampled_from([CAPTURE, CAPTURE, CAPTURE_MPLANE, 0, 2, 99])
memories = st.sampled_from([1, 1, 2, 3, 4, 0])
planes = st.lists(st.builds(Plane, words, words, wide, words), max_size=3).map(tuple)
buffers = st.builds(
    lambda index, kind, memory, used, flags, m, length, parts: Buffer(
        index, kind, memory, used, flags, m=m, length=length, planes=parts
    ).pack(),
    *(
        words,
        types,
        memories,
        words,
        words,
        wide,
        st.sampled_from([0, 1, 2, 38400, 1 << 30]),
        planes,
    ),
)
controls = st.builds(
    lambda which, count, rows: (
        structs.EXT_CONTROLS.pack(which, count, 0, 0, 1)
        + b"".join(structs.EXT_CONTROL.pack(*row) for row in rows)
    ),
    words,
    st.integers(0, 4),
    st.lists(st.tuples(words, st.sampled_from([0, 0, 4, 64]), st.integers(-9, 300)), max_size=4),
)
spans = st.lists(st.tuples(wide, words), max_size=4).map(sg_list)
payloads = st.one_of(
    buffers,
    controls,
    st.builds(lambda head, tail: head + tail, buffers, spans),
    st.builds(structs.REQUESTBUFFERS.pack, words, types, memories, words, st.just(0)),
    st.lists(words, max_size=60).map(lambda row: b"".join(w.to_bytes(4, "little") for w in row)),
    st.binary(max_size=300),
)
numbers = st.one_of(
    st.sampled_from(sorted(IOCTLS)),
    st.sampled_from([8, 9, 15, 15, 18, 19, 72, 71, 90]),
    st.integers(0, 130),
)
descriptors = st.lists(
    st.tuples(
        st.one_of(wide, st.just(4096)),
        st.sampled_from([0, 1, 8, 16, 24, 512, 1 << 20, 0xFFFF_FFFF]),
        st.sampled_from([0, 1, 2, 3, 1, 3, 4, 5, 6, 0x8000]),
        st.integers(0, 8),
    ),
    min_size=1,
    max_size=6,
)
steps = st.one_of(
    st.tuples(st.just("ioctl"), words, numbers, payloads),
    st.tuples(st.just("ioctl"), words, numbers, payloads),
    st.tuples(st.just("stream"), st.sampled_from(["reqbufs", "qbuf", "on", "off"]), words),
    st.tuples(st.just("stream"), st.sampled_from(["reqbufs", "qbuf", "on", "off"]), words),
    st.tuples(st.just("open")),
    st.tuples(st.just("close"), words),
    st.tuples(st.just("mmap"), words, st.integers(0, 40)),
    st.tuples(st.just("munmap"), st.integers(0, 40)),
    st.tuples(st.just("bytes"), st.binary(min_size=1, max_size=80), st.integers(0, 700)),
    st.tuples(st.just("chain"), descriptors),
    st.tuples(st.just("pause")),
    st.tuples(st.just("reset")),
    st.tuples(st.just("reconnect")),
)


class Player:
    """Plays steps on a driver; each command must come back, with a header if there is room."""

    def __init__(self, bench: Bench, driver: Driver) -> None:
        self.bench = bench
        self.driver = driver
        self.page = driver.vmm.ram.allocate_pages(4096)
        self.ids: list[int] = []
        self.open()

    def play(self, step: Step) -> None:
        name, *arguments = step
        method: Callable[..., None] = getattr(self, name)
        method(*arguments)
        self.driver.collect()

    def command(self, command: bytes, room: int = ROOM) -> bytes:
        answer, used = self.driver.submit(Request(command, response=room))
        assert used == len(answer) <= room
        return answer

    def session(self, number: int) -> int:
        """An open session for a small number, else one that is not there."""
        return self.ids[number % len(self.ids)] if self.ids and number < 16 else number

    def open(self) -> None:
        status, session_id = media.RESP_OPEN.unpack(
            self.command(media.CMD_HEADER.pack(media.CMD_OPEN, 0), 16).ljust(16, b"\0")
        )
        if not status:
            assert session_id not in self.ids
            self.ids.append(session_id)

    def close(self, number: int) -> None:
        session_id = self.session(number)
        assert self.command(media.CMD_SESSION.pack(media.CMD_CLOSE, session_id, 0), 0) == b""
        self.ids = [known for known in self.ids if known != session_id]

    def ioctl(self, number: int, code: int, payload: bytes) -> None:
        command = media.CMD_SESSION.pack(media.CMD_IOCTL, self.session(number), code)
        answer = self.command(command + payload)
        assert len(answer) >= HEADER
        row = IOCTLS.get(code)
        if row is None:
            assert media.RESP_HEADER.unpack_from(answer)[0]

    def stream(self, what: str, value: int) -> None:
        kind = structs.U32.pack(CAPTURE)
        number, payload = {
            "reqbufs": (8, structs.REQUESTBUFFERS.pack(value % 33, CAPTURE, 1, 0, 0)),
            "qbuf": (15, Buffer(value, CAPTURE, 1).pack()),
            "on": (ioctls.VIDIOC_STREAMON, kind),
            "off": (ioctls.VIDIOC_STREAMOFF, kind),
        }[what]
        self.ioctl(0, number, payload)

    def mmap(self, number: int, page: int) -> None:
        command = media.MMAP_COMMAND.pack(media.CMD_MMAP, self.session(number), 1, page * 4096)
        answer = self.command(command, media.RESP_MMAP.size)
        assert len(answer) in {HEADER, media.RESP_MMAP.size}

    def munmap(self, page: int) -> None:
        command = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, page * 4096)
        assert len(self.command(command, HEADER)) == HEADER

    def bytes(self, data: bytes, room: int) -> None:
        self.command(data, room)

    def chain(self, table: list[tuple[int, int, int, int]]) -> None:
        """Any descriptors at all: they come back, or the ring is declared corrupt."""
        if self.driver.vmm.settings.order != "qemu":
            # The other two set no err eventfd: nobody would hear of a corrupt ring.
            return
        queue = self.driver.vmm.commandq
        # Where the device may write is kept to a page that nobody uses.
        write_chain(
            queue,
            [
                (self.page, min(length, 512), flags, following)
                if flags & WRITE
                else (address, length, flags, following)
                for address, length, flags, following in table
            ],
        )
        why = ""
        try:
            queue.transact(0)
        except BackendError as error:
            why = str(error)
        if why:
            assert "error of ring 0" in why
            self.reset()

    def pause(self) -> None:
        self.driver.vmm.pause()
        self.driver.vmm.resume()

    def reset(self) -> None:
        self.driver.vmm.reset()
        self.ids.clear()

    def reconnect(self) -> None:
        self.driver.vmm.reconnect()
        self.bench.departed()
        self.ids.clear()


@FUZZ
@given(
    played=st.lists(steps, min_size=5, max_size=60),
    order=st.sampled_from(["qemu", "crosvm", "libkrun"]),
    seal=st.booleans(),
    multi=st.booleans(),
)
def test_whatever_a_guest_does_it_is_answered(
    camera: Bench, mplane_camera: Bench, played: list[Step], order: str, seal: bool, multi: bool
) -> None:
    bench = mplane_camera if multi else camera
    with vmm_of(bench, order=order, seal=seal) as vmm:
        driver = Driver(vmm)
        player = Player(bench, driver)
        for step in played:
            player.play(step)
        assert not [event for event in driver.strays if isinstance(event, BadEvent)]
        vmm.reset()
        driver.strays.clear()
        gets_frames(driver)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left(camera: Bench, mplane_camera: Bench) -> Iterator[None]:
    """Before and after all examples the benches hold the same."""
    benches = (camera, mplane_camera)
    for bench in benches:
        serves_a_fresh_guest(bench)
    before = [bench.footprint() for bench in benches]
    yield
    for bench in benches:
        serves_a_fresh_guest(bench)
    assert [bench.footprint() for bench in benches] == before
