"""Rings no driver would make: a bad chain goes back empty, a corrupt ring stops and says so."""

import os
import select
from collections.abc import Iterator

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import CAPTURE, driver_of, gets_frames, streaming, vmm_of
from tests.end_to_end.raw import (
    INDIRECT,
    LIMIT_S,
    NEXT,
    WRITE,
    RawDescriptor,
    is_closed,
    offer_head,
    open_command,
    opens,
    ring_error,
    set_avail_idx,
    write_chain,
)
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.vhost.layout import DESC
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import EventSubFlag, EventType
from vmedia_bench.wire.vhost_user import F_INDIRECT_DESC, F_VERSION_1

CTRL = int(EventType.CTRL)
SEND_INITIAL = int(EventSubFlag.SEND_INITIAL)


@pytest.fixture
def driver(survivor: Bench) -> Iterator[Driver]:
    with driver_of(survivor, regions=3) as driver:
        yield driver


def corrupt_avail(vmm: Vmm) -> None:
    queue = vmm.commandq
    set_avail_idx(vmm, queue, queue.next + queue.size + 1)


def avail_backwards(vmm: Vmm) -> None:
    set_avail_idx(vmm, vmm.commandq, vmm.commandq.next - 1)


def head_too_high(vmm: Vmm) -> None:
    offer_head(vmm, vmm.commandq, vmm.commandq.size)


def next_too_high(vmm: Vmm) -> None:
    write_chain(vmm.commandq, [(4096, 8, NEXT, vmm.commandq.size)])
    offer_head(vmm, vmm.commandq, 0)


def loop_of_two(vmm: Vmm) -> None:
    write_chain(vmm.commandq, [(4096, 8, NEXT, 1), (4096, 8, NEXT, 0)])
    offer_head(vmm, vmm.commandq, 0)


def loop_of_one(vmm: Vmm) -> None:
    write_chain(vmm.commandq, [(4096, 8, NEXT, 0)])
    offer_head(vmm, vmm.commandq, 0)


CORRUPTIONS = [
    corrupt_avail,
    avail_backwards,
    head_too_high,
    next_too_high,
    loop_of_two,
    loop_of_one,
]


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
@pytest.mark.parametrize("seal", [True, False])
def test_a_corrupt_command_ring_stops_and_a_reset_mends_it(
    survivor: Bench, corrupt: object, seal: bool
) -> None:
    assert callable(corrupt)
    with vmm_of(survivor, seal=seal) as vmm:
        driver = Driver(vmm)
        opens(driver)
        corrupt(vmm)
        assert "error of ring 0" in ring_error(vmm)
        vmm.reset()
        gets_frames(driver)


def test_the_event_ring_goes_on_while_the_command_ring_is_corrupt(paced_camera: Bench) -> None:
    with driver_of(paced_camera) as driver:
        session = driver.open()
        stream = Stream(session, CAPTURE)
        stream.queue_all()
        stream.stream_on()
        corrupt_avail(driver.vmm)
        assert "error of ring 0" in ring_error(driver.vmm)
        assert sorted(stream.next_frame().index for _ in range(4)) == [0, 1, 2, 3]
        driver.vmm.reset()
        gets_frames(driver)


def test_the_command_ring_goes_on_while_the_event_ring_is_corrupt(driver: Driver) -> None:
    vmm = driver.vmm
    session = driver.open()
    set_avail_idx(vmm, vmm.eventq, vmm.eventq.next + vmm.eventq.size + 1)
    # The device looks into that ring when it has an event.
    try:
        session.subscribe(CTRL, int(Cid.BRIGHTNESS), SEND_INITIAL)
        said = ring_error(vmm)
    except BackendError as error:
        said = str(error)
    assert "error of ring 1" in said
    for _ in range(10):
        assert opens(driver)
    vmm.reset()
    gets_frames(driver)


def test_a_reconnection_mends_a_corrupt_ring_too(survivor: Bench) -> None:
    with driver_of(survivor) as driver:
        corrupt_avail(driver.vmm)
        assert "error of ring 0" in ring_error(driver.vmm)
        driver.vmm.reconnect()
        survivor.departed()
        gets_frames(driver)


def refused(driver: Driver, descriptors: list[RawDescriptor]) -> bool:
    """Whether the chain comes back with used length 0, and the ring carries on."""
    write_chain(driver.vmm.commandq, descriptors)
    used = driver.vmm.commandq.transact(0)
    assert opens(driver)
    return used == 0


def test_unknown_flags(driver: Driver) -> None:
    for flags in (8, 0x10, 0x8000, 0xFFF8):
        assert refused(driver, [(4096, 8, flags, 0)])


def test_indirect_where_it_was_not_negotiated(survivor: Bench) -> None:
    with driver_of(survivor, features=F_VERSION_1) as driver:
        assert not driver.vmm.features & F_INDIRECT_DESC
        assert refused(driver, [(4096, 32, INDIRECT, 0)])
        gets_frames(driver)


@pytest.mark.parametrize("length", [0, 1, 15, 17, 16 * 257, 0xFFFF_FFF0])
def test_an_indirect_table_of_a_wrong_size(driver: Driver, length: int) -> None:
    assert refused(driver, [(4096, length, INDIRECT, 0)])


def indirect(
    driver: Driver, table: list[RawDescriptor], flags: int = INDIRECT
) -> list[RawDescriptor]:
    """A chain of one descriptor that names a table of these."""
    data = b"".join(DESC.pack(*fields) for fields in table)
    at = driver.vmm.ram.allocate(max(len(data), 16), 16)
    driver.vmm.ram.at(at, len(data))[:] = data
    return [(at, len(data), flags, 0)]


def test_bad_indirect_tables(driver: Driver) -> None:
    good: RawDescriptor = (4096, 8, 0, 0)
    for table in (
        [(4096, 16, INDIRECT, 0)],
        [(4096, 8, NEXT, 7), good],
        [(4096, 8, NEXT, 0xFFFF), good],
        [(4096, 8, NEXT, 0), good],
        [(4096, 8, WRITE | NEXT, 1), good],
    ):
        assert refused(driver, indirect(driver, table))
    assert refused(driver, indirect(driver, [good], INDIRECT | NEXT))
    hole = driver.vmm.ram.hole
    assert refused(driver, [(hole, 32, INDIRECT, 0)])


def test_the_write_flag_of_an_indirect_descriptor_means_nothing(driver: Driver) -> None:
    ram = driver.vmm.ram
    at = ram.allocate(64)
    ram.at(at, 8)[:] = open_command()
    chain = indirect(driver, [(at, 8, NEXT, 1), (at + 16, 16, WRITE, 0)], INDIRECT | WRITE)
    write_chain(driver.vmm.commandq, chain)
    assert driver.vmm.commandq.transact(0) == 16
    assert ram.at(at + 16, 4)[0] == 0


def test_readable_after_writable(driver: Driver) -> None:
    assert refused(driver, [(4096, 16, WRITE | NEXT, 1), (4096, 8, 0, 0)])


def test_nothing_at_all(driver: Driver) -> None:
    assert refused(driver, [(4096, 0, 0, 0)])
    assert refused(driver, [(4096, 0, NEXT, 1), (0, 0, WRITE, 0)])


def test_more_than_4_gib_in_all(driver: Driver) -> None:
    size = 3 << 20
    chain = [(4096, size, WRITE | NEXT, n + 1) for n in range(200)]
    # 200 x 3 MiB is allowed, and as much as a ring of 256 can name of this memory.
    assert not refused(
        driver,
        [
            (4096, 8, NEXT, 1),
            *[(a, s, f, n + 1) for a, s, f, n in chain[:-1]],
            (4096, size, WRITE, 0),
        ],
    )
    assert refused(driver, [(4096, 0xFFFF_FFFF, WRITE | NEXT, 1), (4096, 0xFFFF_FFFF, WRITE, 0)])


@pytest.mark.parametrize("writable", [0, WRITE])
def test_addresses_that_are_not_guest_memory(driver: Driver, writable: int) -> None:
    ram = driver.vmm.ram
    first, second = ram.regions[0], ram.regions[1]
    ram.at(second.guest_address, 64)[:] = b"\xa5" * 64
    for address, length in (
        (ram.hole, 16),
        (ram.hole - 8, 16),
        ((1 << 64) - 8, 16),
        ((1 << 64) - 1, 1),
        (first.size - 8, 16),
        (first.size, 16),
        (second.guest_address - 8, 16),
        (0, 0xFFFF_FFFF),
    ):
        chain = [(4096, 8, NEXT, 1), (address, length, writable, 0)]
        assert refused(driver, chain if writable else chain[1:])
    assert bytes(ram.at(second.guest_address, 64)) == b"\xa5" * 64


def test_an_answer_over_the_rings_own_descriptors(driver: Driver) -> None:
    ram, queue = driver.vmm.ram, driver.vmm.commandq
    at = ram.allocate(16)
    ram.at(at, 8)[:] = open_command()
    write_chain(queue, [(at, 8, NEXT, 1), (queue.layout.desc, 16, WRITE, 0)])
    assert queue.transact(0) == 16
    gets_frames(driver)


def test_an_answer_over_the_avail_ring(driver: Driver) -> None:
    ram, queue = driver.vmm.ram, driver.vmm.commandq
    at = ram.allocate(16)
    ram.at(at, 8)[:] = open_command()
    # The status lands on flags and idx, which then has gone backwards.
    write_chain(queue, [(at, 8, NEXT, 1), (queue.layout.avail, 16, WRITE, 0)])
    queue.offer([0])
    assert "error of ring 0" in ring_error(driver.vmm)
    driver.vmm.reset()
    gets_frames(driver)


def test_a_flood_of_kicks_starves_nobody(driver: Driver) -> None:
    vmm = driver.vmm
    with driver.open() as session, streaming(session) as stream:
        for _ in stream.frames(20):
            for _ in range(500):
                vmm.commandq.kick()
                vmm.eventq.kick()
            assert len(vmm.read_config()) == 40


def test_the_kick_counter_full_to_the_brim(driver: Driver) -> None:
    os.eventfd_write(driver.vmm.commandq.kick_fd, (1 << 64) - 2)
    assert select.select([], [driver.vmm.commandq.kick_fd], [], LIMIT_S)[1]
    gets_frames(driver)


def test_guest_memory_whose_file_shrinks(survivor: Bench) -> None:
    for kick_ring in (0, 1):
        with vmm_of(survivor, seal=False) as vmm:
            queue = (vmm.commandq, vmm.eventq)[kick_ring]
            os.ftruncate(vmm.ram.fd, 0)
            # From here on nobody may look into that memory, neither this process.
            queue.kick()
            if kick_ring:
                vmm.commandq.kick()
            assert is_closed(vmm.link)
