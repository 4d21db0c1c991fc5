"""Messages no VMM would send, over a real socket: refused where a reply was asked, else closed."""

import os
import socket
from collections.abc import Iterator
from errno import ENOMEM
from pathlib import Path

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import MMAP, driver_of, gets_frames, streaming, take_frames, vmm_of
from tests.end_to_end.raw import LIMIT_S, front_end, is_closed, negotiate, opens
from vmedia_bench.guest.chains import Request as Command
from vmedia_bench.guest.channel import ShmemAnswer
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, GuestIoctlError
from vmedia_bench.guest.ram import GuestRam
from vmedia_bench.guest.session import Session
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.vhost.memory import RegionSpec
from vmedia_bench.wire import media
from vmedia_bench.wire.vhost_user import (
    FLAG_NEED_REPLY,
    FLAG_REPLY,
    MEM_REGION,
    MEM_TABLE,
    U64,
    VERSION,
    VRING_ADDR,
    VRING_NO_FD,
    VRING_STATE,
    Request,
)

RAM = 1 << 20


@pytest.fixture
def front(survivor: Bench) -> Iterator[Frontend]:
    with front_end(survivor) as front:
        negotiate(front)
        yield front


@pytest.fixture
def ram() -> Iterator[GuestRam]:
    ram = GuestRam(RAM)
    yield ram
    ram.close()


def is_refused(front: Frontend, request: int, payload: bytes, fds: list[int] | None = None) -> bool:
    """Whether the bench refuses by reply and goes on listening to us."""
    front.send_raw(request, payload, fds or [], flags=VERSION | FLAG_NEED_REPLY)
    reply = front.receive()
    assert reply.request == request
    assert front.get_queue_num() == 2
    return U64.unpack(reply.payload) != (0,)


@pytest.mark.parametrize(
    "flags", [0, 2, 3, VERSION | FLAG_REPLY, VERSION | 16, VERSION | 1 << 31, 0xFFFF_FFFF]
)
def test_wrong_flags_close_the_connection(front: Frontend, flags: int) -> None:
    front.send_raw(Request.GET_FEATURES, flags=flags)
    assert is_closed(front)


@pytest.mark.parametrize("size", [4097, 65536, 1 << 31, 0xFFFF_FFFF])
@pytest.mark.parametrize("request_", [Request.SET_MEM_TABLE, Request.SET_LOG_BASE, 0, 200])
def test_an_oversized_message_closes_before_it_is_read(
    front: Frontend, request_: int, size: int
) -> None:
    front.send_raw(request_, b"", size=size)
    assert is_closed(front)


SIZES = {
    "SET_FEATURES short": (Request.SET_FEATURES, bytes(4)),
    "SET_OWNER long": (Request.SET_OWNER, bytes(4)),
    "SET_VRING_NUM empty": (Request.SET_VRING_NUM, b""),
    "SET_VRING_ADDR short": (Request.SET_VRING_ADDR, bytes(39)),
    "SET_MEM_TABLE without regions it counts": (Request.SET_MEM_TABLE, MEM_TABLE.pack(3, 0)),
    "SET_MEM_TABLE of nine": (Request.SET_MEM_TABLE, MEM_TABLE.pack(9, 0) + bytes(9 * 32)),
    "SET_MEM_TABLE of 2^32 - 1": (Request.SET_MEM_TABLE, MEM_TABLE.pack(0xFFFF_FFFF, 0)),
    "SET_CONFIG short": (Request.SET_CONFIG, bytes(11)),
    "4096 bytes": (Request.SET_OWNER, bytes(4096)),
}


@pytest.mark.parametrize(("request_", "payload"), SIZES.values(), ids=SIZES.keys())
def test_a_payload_of_another_size(front: Frontend, request_: int, payload: bytes) -> None:
    assert is_refused(front, request_, payload)
    front.send_raw(request_, payload)
    assert is_closed(front)


@pytest.mark.parametrize("request_", [0, 6, 7, 22, 23, 26, 31, 40, 200, 1 << 31, 0xFFFF_FFFF])
def test_an_unknown_message_is_refused_or_passed_over(
    front: Frontend, ram: GuestRam, request_: int
) -> None:
    assert is_refused(front, request_, b"whatever")
    assert is_refused(front, request_, b"", [ram.fd] * 8)
    front.send_raw(request_, bytes(100), [ram.fd])
    assert front.get_queue_num() == 2


def test_fds_missing_extra_and_too_many(survivor: Bench, ram: GuestRam) -> None:
    region = MEM_REGION.pack(0, RAM, 1 << 32, 0)
    for request, payload, count in (
        (Request.SET_MEM_TABLE, MEM_TABLE.pack(1, 0) + region, 0),
        (Request.SET_MEM_TABLE, MEM_TABLE.pack(1, 0) + region, 2),
        (Request.SET_VRING_KICK, U64.pack(0), 0),
        (Request.SET_VRING_KICK, U64.pack(0), 2),
        (Request.SET_VRING_CALL, U64.pack(VRING_NO_FD), 1),
        (Request.SET_BACKEND_REQ_FD, b"", 0),
        (Request.SET_BACKEND_REQ_FD, b"", 3),
        (Request.GET_FEATURES, b"", 1),
        (Request.SET_OWNER, b"", 8),
        # More than the bench has room for: the kernel cuts them off.
        (Request.SET_OWNER, b"", 9),
        (Request.SET_MEM_TABLE, MEM_TABLE.pack(1, 0) + region, 253),
    ):
        with front_end(survivor) as front:
            negotiate(front)
            front.send_raw(request, payload, [ram.fd] * count, flags=VERSION | FLAG_NEED_REPLY)
            assert is_closed(front)


def test_fds_on_the_second_part_of_a_message(survivor: Bench, ram: GuestRam) -> None:
    with front_end(survivor) as front:
        negotiate(front)
        front.send_raw(Request.SET_FEATURES, b"", size=8)
        front.send_bytes(bytes(4), [ram.fd] * 3)
        front.send_bytes(bytes(4), [ram.fd] * 3)
        assert is_closed(front)


@pytest.mark.parametrize("name", ["file", "pipe", "socket", "epoll"])
@pytest.mark.parametrize(
    "request_", [Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_VRING_ERR]
)
def test_an_eventfd_that_is_none(front: Frontend, ram: GuestRam, request_: int, name: str) -> None:
    read_end, write_end = os.pipe()
    with socket.socket(socket.AF_UNIX) as sock, Path("/dev/null").open() as null:
        fds = {"file": ram.fd, "pipe": read_end, "socket": sock.fileno(), "epoll": null.fileno()}
        assert is_refused(front, request_, U64.pack(0), [fds[name]])
    os.close(read_end)
    os.close(write_end)


def address(index: int, desc: int, avail: int, used: int) -> bytes:
    return VRING_ADDR.pack(index, 0, desc, used, avail, 0)


RINGS = {
    "index 2": (Request.SET_VRING_NUM, VRING_STATE.pack(2, 16)),
    "index 2^32 - 1": (Request.SET_VRING_BASE, VRING_STATE.pack(0xFFFF_FFFF, 0)),
    "index 2 enabled": (Request.SET_VRING_ENABLE, VRING_STATE.pack(2, 1)),
    "address of index 9": (Request.SET_VRING_ADDR, address(9, 0, 0, 0)),
    "size 0": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 0)),
    "size 3": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 3)),
    "size 65536": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 65536)),
    "size 2^31": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 1 << 31)),
    "base of 17 bits": (Request.SET_VRING_BASE, VRING_STATE.pack(0, 1 << 16)),
    "misaligned descriptors": (Request.SET_VRING_ADDR, address(0, 8, 0, 0)),
    "misaligned avail": (Request.SET_VRING_ADDR, address(0, 0, 1, 0)),
    "misaligned used": (Request.SET_VRING_ADDR, address(0, 0, 0, 2)),
    "features not offered": (Request.SET_FEATURES, U64.pack((1 << 64) - 1)),
    "protocol not offered": (Request.SET_PROTOCOL_FEATURES, U64.pack(1 << 63)),
    "enable 7": (Request.SET_VRING_ENABLE, VRING_STATE.pack(0, 7)),
}


@pytest.mark.parametrize(("request_", "payload"), RINGS.values(), ids=RINGS.keys())
def test_a_ring_that_cannot_be(front: Frontend, request_: int, payload: bytes) -> None:
    assert is_refused(front, request_, payload)
    front.send_raw(request_, payload)
    assert is_closed(front)


def test_get_vring_base_of_no_ring_closes(front: Frontend) -> None:
    front.send_raw(Request.GET_VRING_BASE, VRING_STATE.pack(2, 0))
    assert is_closed(front)


TOP = 1 << 64
TABLES = {
    "size 0": [(0, 0, 0, 0)],
    "wrapping": [(TOP - 4096, 8192, 0, 0)],
    "wrapping user address": [(0, 8192, TOP - 4096, 0)],
    "wrapping offset": [(0, 8192, 0, TOP - 4096)],
    "beyond its file": [(0, RAM, 0, 4096)],
    "larger than any file": [(0, TOP - 1, 0, 0)],
    "overlapping": [(0, 8192, 0, 0), (4096, 8192, 1 << 20, 0)],
    "one within the other": [(0, RAM, 0, 0), (4096, 4096, 1 << 32, 0)],
}


@pytest.mark.parametrize("regions", TABLES.values(), ids=TABLES.keys())
def test_a_memory_table_that_cannot_be(
    front: Frontend, ram: GuestRam, regions: list[tuple[int, int, int, int]]
) -> None:
    payload = MEM_TABLE.pack(len(regions), 0) + b"".join(MEM_REGION.pack(*r) for r in regions)
    assert is_refused(front, Request.SET_MEM_TABLE, payload, [ram.fd] * len(regions))


def test_a_bad_table_leaves_the_guest_its_memory(survivor: Bench) -> None:
    with driver_of(survivor) as driver:
        payload = MEM_TABLE.pack(1, 0) + MEM_REGION.pack(0, 0, 0, 0)
        driver.vmm.link.send_raw(
            Request.SET_MEM_TABLE,
            payload,
            [driver.vmm.ram.fd],
            flags=VERSION | FLAG_NEED_REPLY,
        )
        assert U64.unpack(driver.vmm.link.receive().payload) == (1,)
        gets_frames(driver)


def test_memory_that_is_no_memory(front: Frontend) -> None:
    payload = MEM_TABLE.pack(1, 0) + MEM_REGION.pack(0, 4096, 0, 0)
    read_only = os.open("/proc/self/exe", os.O_RDONLY)
    eventfd = os.eventfd(0)
    with socket.socket(socket.AF_UNIX) as sock:
        for fd in (read_only, eventfd, sock.fileno()):
            assert is_refused(front, Request.SET_MEM_TABLE, payload, [fd])
    os.close(read_only)
    os.close(eventfd)


def test_a_ring_outside_of_memory_does_not_start(front: Frontend, ram: GuestRam) -> None:
    front.set_mem_table([(RegionSpec(0, RAM, 1 << 32, 0), ram.fd)])
    outside = (1 << 32) + RAM - 16
    kick, call, err = front.start_ring(0, 256, (outside, outside, outside))
    assert os.eventfd_read(err) == 1
    os.eventfd_write(kick, 1)
    assert front.get_queue_num() == 2
    for fd in (kick, call, err):
        os.close(fd)


def test_a_ring_started_before_it_has_anything(front: Frontend) -> None:
    kick = os.eventfd(0)
    front.set_vring_enable(0)
    front.set_vring_kick(0, kick)
    front.set_vring_enable(1)
    front.set_vring_kick(1, None)
    os.eventfd_write(kick, 1)
    assert front.get_vring_base(0) == 0
    os.close(kick)


def test_a_memory_table_replaced_while_the_rings_run(survivor: Bench) -> None:
    with driver_of(survivor, regions=3) as driver, driver.open() as session:
        ram, link = driver.vmm.ram, driver.vmm.link
        known = [
            (RegionSpec(r.guest_address, r.size, r.user_address, r.mmap_offset), r.fd)
            for r in ram.regions
        ]
        plugged = (RegionSpec(ram.hole, RAM, 1 << 50, 0), ram.fd)
        with streaming(session) as stream:
            for table in (known[::-1], [plugged, *known], known[1:] + known[:1]) * 3:
                link.set_mem_table(table)
                take_frames(stream, 3)
                assert opens(driver)


def test_memory_taken_away_under_a_running_stream(survivor: Bench) -> None:
    with driver_of(survivor) as driver, GuestRamElsewhere() as other:
        session = driver.open()
        session.request_buffers(4, 1, MMAP)
        session.stream_on(1)
        driver.vmm.link.set_mem_table([(RegionSpec(1 << 40, RAM, 1 << 50, 0), other.fd)])
        driver.vmm.commandq.kick()
        driver.vmm.eventq.kick()
        assert len(driver.vmm.read_config()) == 40
        driver.sessions.clear()


class GuestRamElsewhere:
    """Memory of another address, closed at the end."""

    def __enter__(self) -> GuestRam:
        self._ram = GuestRam(RAM)
        return self._ram

    def __exit__(self, *_problem: object) -> None:
        self._ram.close()


def test_a_message_in_pieces_of_one_byte(front: Frontend) -> None:
    for byte in Request.GET_QUEUE_NUM.to_bytes(4, "little") + VERSION.to_bytes(8, "little"):
        front.send_bytes(bytes([byte]))
    assert U64.unpack(front.receive().payload) == (2,)


def test_replies_that_nobody_reads(survivor: Bench) -> None:
    with front_end(survivor) as front:
        negotiate(front)
        with pytest.raises(FrontendError):
            ask_for_ever(front)


def ask_for_ever(front: Frontend) -> None:
    for _ in range(10_000):
        front.send_raw(Request.GET_SHMEM_CONFIG)


def test_nonsense_on_the_back_end_channel_closes_the_connection(survivor: Bench) -> None:
    for data in (b"\xff" * 12, b"\0" * 64, bytes(5) + b"\xff" * 4096):
        with vmm_of(survivor) as vmm:
            assert vmm.channel is not None
            vmm.channel._end.send_bytes(data)
            assert is_closed(vmm.link)


def test_a_lost_channel_is_enomem_and_no_more(survivor: Bench) -> None:
    with driver_of(survivor) as driver:
        assert driver.vmm.channel is not None
        driver.vmm.channel.close()
        driver.vmm.link.channel = -1
        with driver.open() as session:
            assert mmap_error(session) == "ENOMEM"
            assert opens(driver)


def mmap_error(session: Session) -> str:
    """The errno that MMAP of a good buffer is answered with."""
    session.request_buffers(1, 1, MMAP)
    offset = session.query_buffer(0, 1, MMAP).mem_offset
    with pytest.raises(GuestIoctlError) as refusal:
        session.mmap(offset)
    session.request_buffers(0, 1, MMAP)
    return refusal.value.errno_name


def test_a_refused_mapping_is_enomem_and_asked_for_once(survivor: Bench) -> None:
    with driver_of(survivor, shmem_answer=ShmemAnswer.REFUSE) as driver, driver.open() as session:
        channel = driver.vmm.channel
        assert channel is not None
        assert mmap_error(session) == "ENOMEM"
        assert len(channel.requests) == 1
        channel.answer = ShmemAnswer.SERVE
        gets_frames(driver)


def test_no_mapping_without_the_feature(survivor: Bench) -> None:
    with driver_of(survivor, shmem=False) as driver, driver.open() as session:
        assert mmap_error(session) == "ENOMEM"


def test_a_mapping_never_answered_is_enomem(survivor: Bench) -> None:
    """Slow: takes the 4 s that the device waits for the front-end."""
    with vmm_of(survivor, shmem_answer=ShmemAnswer.STALL, timeout=20) as vmm:
        driver = Driver(vmm)
        with driver.open() as session:
            session.request_buffers(1, 1, MMAP)
            offset = session.query_buffer(0, 1, MMAP).mem_offset
            mmap = driver.prepare(
                Command(media.MMAP_COMMAND.pack(media.CMD_MMAP, session.id, 1, offset), response=24)
            )
            vmm.commandq.offer([mmap.head])
            # Everybody else is served meanwhile.
            assert vmm.wait_for(lambda: vmm.channel is not None and bool(vmm.channel.requests), 5)
            assert len(vmm.read_config()) == 40
            assert vmm.wait_for(lambda: vmm.commandq.news, 4 * LIMIT_S)
            assert vmm.commandq.take() == (mmap.head, 8)
            status = media.RESP_HEADER.unpack(vmm.ram.at(mmap.chain.writable[0][0], 8))
            assert status == (ENOMEM,)
            session.request_buffers(0, 1, MMAP)
            assert opens(driver)


def test_connections_that_come_and_go_while_one_is_served(survivor: Bench) -> None:
    with driver_of(survivor) as driver, driver.open() as session, streaming(session) as stream:
        for _ in stream.frames(100):
            with socket.socket(socket.AF_UNIX) as visitor:
                visitor.connect(str(survivor.socket))
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(survivor.socket))
            # It is turned away after all the others, of which none is left at the door then.
            assert last.recv(1) == b""
        with pytest.raises(BackendError):
            survivor_is_taken(survivor)


def survivor_is_taken(bench: Bench) -> None:
    with vmm_of(bench):
        pass
