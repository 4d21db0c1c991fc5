"""The device's side of a split virtqueue with a driver that behaves (virtio 1.3, section 2.7)."""

import pytest

from tests.vhost.driver_ring import DriverRing
from tests.vhost.rig import BUFFERS, MakeRam, Ram, RawRing
from vmedia_bench.vhost.errors import ChainRefusedError, FrontendError
from vmedia_bench.vhost.layout import DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, RingLayout
from vmedia_bench.vhost.ring import Chain, DeviceRing

OUT, IN = BUFFERS, BUFFERS + 0x1000


def popped(ring: DeviceRing) -> Chain:
    chain = ring.pop()
    assert chain is not None
    return chain


def test_readable_bytes_are_one_stream_and_room_is_the_sum(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT : OUT + 6] = b"abcdef"
    raw.desc(0, OUT, 2, DESC_F_NEXT, 1)
    raw.desc(1, OUT + 2, 4, DESC_F_NEXT, 2)
    raw.desc(2, IN, 10, DESC_F_NEXT | DESC_F_WRITE, 3)
    raw.desc(3, IN + 0x100, 20, DESC_F_WRITE)
    raw.offer(0)
    assert popped(raw.ring) == (0, b"abcdef", 30, ((IN, 10), (IN + 0x100, 20)), (2, 4))
    assert raw.ring.pop() is None


def four(raw: RawRing, table: int, place: int = 0, length: int = 2, links: int = 0) -> None:
    """A command as most are: two parts to read, two to write; `links` from where they count."""
    readable, writable = DESC_F_NEXT, DESC_F_NEXT | DESC_F_WRITE
    raw.table(table, place, OUT, length, readable, links + 1)
    raw.table(table, place + 1, OUT + 2, 4, readable, links + 2)
    raw.table(table, place + 2, IN, 10, writable, links + 3)
    raw.table(table, place + 3, IN + 0x100, 20, DESC_F_WRITE)


def test_the_same_descriptors_bring_what_is_in_memory_now(ram: Ram) -> None:
    raw = RawRing(ram)
    four(raw, raw.layout.desc)
    for data in (b"abcdef", b"ghijkl"):
        ram.view[OUT : OUT + 6] = data
        raw.offer(0)
        assert popped(raw.ring)[1] == data


def test_descriptors_that_were_changed_are_another_chain(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT : OUT + 6] = b"abcdef"
    for length, request in ((2, b"abcdef"), (1, b"acdef")):
        four(raw, raw.layout.desc, length=length)
        raw.offer(0)
        assert popped(raw.ring)[1] == request


def test_the_same_descriptors_in_another_place_are_another_chain(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT : OUT + 6] = b"abcdef"
    four(raw, raw.layout.desc)
    raw.offer(0)
    popped(raw.ring)
    four(raw, raw.layout.desc, 5)
    raw.desc(1, OUT + 5, 1, DESC_F_NEXT, 2)
    raw.offer(5)
    assert popped(raw.ring)[:2] == (5, b"abf")


def test_the_same_descriptors_in_a_table_and_in_the_ring_are_the_same_chain(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT : OUT + 6] = b"abcdef"
    four(raw, raw.layout.desc)
    four(raw, 0x8000)
    raw.desc(7, 0x8000, 64, DESC_F_INDIRECT)
    raw.offer(0, 7)
    assert popped(raw.ring)[1:] == popped(raw.ring)[1:]


def test_the_same_descriptors_after_the_memory_has_changed(ram: Ram) -> None:
    raw = RawRing(ram)
    addresses = (raw.layout.desc, raw.layout.avail, raw.layout.used)
    four(raw, raw.layout.desc)
    raw.offer(0)
    popped(raw.ring)
    below, above = ram.spec(size=IN), ram.spec(gpa=IN)
    raw.memory.replace([below, above], [ram.fd, ram.fd])
    raw.ring.bind(addresses)
    raw.offer(0)
    chain = popped(raw.ring)
    assert raw.ring.push(chain, bytes(range(30))) == 30
    assert bytes(ram.view[IN : IN + 10]) == bytes(range(10))
    raw.memory.replace([below], [ram.fd])
    raw.ring.bind(addresses)
    raw.offer(0)
    with pytest.raises(ChainRefusedError):
        popped(raw.ring)


def test_more_chains_than_are_remembered(ram: Ram) -> None:
    raw = RawRing(ram)
    for length in range(1, 1100):
        four(raw, raw.layout.desc, length=length)
        raw.offer(0)
        assert popped(raw.ring)[4] == (length, 4)


def test_a_response_is_scattered_and_cut_at_the_room(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.desc(0, IN, 3, DESC_F_NEXT | DESC_F_WRITE, 1)
    raw.desc(1, IN + 0x100, 4, DESC_F_WRITE)
    raw.offer(0)
    assert raw.ring.push(popped(raw.ring), b"0123456789") == 7
    assert raw.used() == [(0, 7)]
    assert bytes(ram.view[IN : IN + 4]) == b"012\0"
    assert bytes(ram.view[IN + 0x100 : IN + 0x105]) == b"3456\0"


@pytest.mark.parametrize("response", [b"", b"ab", b"abc", b"abcd"])
def test_used_length_is_what_was_written(ram: Ram, response: bytes) -> None:
    raw = RawRing(ram)
    raw.desc(0, IN, 3, DESC_F_NEXT | DESC_F_WRITE, 1)
    raw.desc(1, IN + 0x100, 4, DESC_F_WRITE)
    raw.offer(0)
    assert raw.ring.push(popped(raw.ring), response) == len(response)
    assert raw.used() == [(0, len(response))]


def test_a_chain_without_a_writable_part_has_used_length_zero(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.desc(0, OUT, 16)
    raw.offer(0)
    assert raw.ring.push(popped(raw.ring), b"nowhere to go") == 0
    assert raw.used() == [(0, 0)]


def test_zero_length_descriptors_are_skipped_wherever_they_point(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT] = 7
    raw.desc(0, 1 << 60, 0, DESC_F_NEXT, 1)
    raw.desc(1, OUT, 1, DESC_F_NEXT, 2)
    raw.desc(2, 1 << 60, 0, DESC_F_NEXT | DESC_F_WRITE, 3)
    raw.desc(3, IN, 2, DESC_F_WRITE)
    raw.offer(0)
    chain = popped(raw.ring)
    assert chain[1:3] == (b"\7", 2)
    assert raw.ring.push(chain, b"xy") == 2
    assert bytes(ram.view[IN : IN + 2]) == b"xy"


def test_an_indirect_table_stands_for_its_descriptors(ram: Ram) -> None:
    raw = RawRing(ram)
    table = 0x8000
    raw.table(table, 0, OUT, 4, DESC_F_NEXT, 1)
    raw.table(table, 1, IN, 8, DESC_F_WRITE)
    raw.desc(5, table, 32, DESC_F_INDIRECT)
    raw.offer(5)
    assert popped(raw.ring)[0] == 5


def test_plain_descriptors_may_come_before_an_indirect_table(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.table(0x8000, 0, IN, 8, DESC_F_WRITE)
    raw.desc(0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(1, 0x8000, 16, DESC_F_INDIRECT)
    raw.offer(0)
    chain = popped(raw.ring)
    assert (len(chain[1]), chain[2]) == (4, 8)


def test_the_write_flag_of_a_tables_own_descriptor_is_ignored(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.table(0x8000, 0, OUT, 4)
    raw.desc(0, 0x8000, 16, DESC_F_INDIRECT | DESC_F_WRITE)
    raw.offer(0)
    assert popped(raw.ring)[1:3] == (bytes(4), 0)


def test_unpop_leaves_the_chain_for_later(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    popped(raw.ring)
    raw.ring.unpop()
    assert raw.ring.last_avail == 0
    assert popped(raw.ring)[0] == 0


def test_nothing_is_shown_before_flush(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    raw.ring.push(popped(raw.ring), b"")
    assert ram.view[raw.layout.used + 2] == 0
    raw.ring.flush()
    assert ram.view[raw.layout.used + 2] == 1


def test_the_first_chain_back_is_always_announced(ram: Ram) -> None:
    """Nobody knows what the driver was told before the ring was handed over."""
    raw = RawRing(ram, event_idx=True)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    assert not raw.ring.flush()
    raw.ring.push(popped(raw.ring), b"")
    assert raw.ring.flush()
    assert not raw.ring.flush()


def test_no_interrupt_flag_is_heeded(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    ram.view[raw.layout.avail] = 1
    raw.ring.push(popped(raw.ring), b"")
    assert not raw.ring.flush()


def test_kicks_are_suppressed_and_enabled_by_flag(ram: Ram) -> None:
    raw = RawRing(ram)
    raw.ring.suppress_kicks()
    assert ram.view[raw.layout.used] == 1
    assert not raw.ring.enable_kicks()
    assert ram.view[raw.layout.used] == 0
    raw.desc(0, OUT, 4)
    raw.offer(0)
    assert raw.ring.enable_kicks()


def test_kicks_are_suppressed_and_enabled_by_avail_event(ram: Ram) -> None:
    raw = RawRing(ram, event_idx=True)
    raw.desc(0, OUT, 4)
    for _ in range(3):
        raw.offer(0)
        popped(raw.ring)
    raw.ring.suppress_kicks()
    assert (raw.avail_event, ram.view[raw.layout.used]) == (0, 0)
    raw.ring.enable_kicks()
    assert raw.avail_event == 3


def test_a_ring_goes_on_from_its_base_and_its_used_index(ram: Ram) -> None:
    layout = RingLayout.at(0x1000, 4)
    ram.view[layout.avail + 2 : layout.avail + 4] = (65535).to_bytes(2, "little")
    ram.view[layout.used + 2 : layout.used + 4] = (65534).to_bytes(2, "little")
    ring = DeviceRing(ram.memory(), 4, (layout.desc, layout.avail, layout.used), base=65534)
    assert (ring.last_avail, ring.used_idx, ring.avail_idx) == (65534, 65534, 65535)
    assert ring.has_work()


@pytest.mark.parametrize("size", [1, 2, 1024, 32768])
def test_every_size_serves_more_chains_than_it_holds(size: int, make_ram: MakeRam) -> None:
    ram = make_ram(2 << 20)
    layout = RingLayout.at(0x1000, size)
    ring = DeviceRing(ram.memory(), size, (layout.desc, layout.avail, layout.used))
    driver = DriverRing(ram.view, layout)
    for _ in range(5):
        head = driver.add([(0x100, 4, True)])
        ring.push(popped(ring), b"abcd")
        ring.flush()
        assert driver.take_used() == (head, 4)


def test_a_ring_of_32768_may_be_full(make_ram: MakeRam) -> None:
    ram = make_ram(2 << 20)
    layout = RingLayout.at(0x1000, 32768)
    ring = DeviceRing(ram.memory(), 32768, (layout.desc, layout.avail, layout.used))
    driver = DriverRing(ram.view, layout)
    for _ in range(32768):
        driver.add([(0x100, 4, False)])
    with pytest.raises(FrontendError):
        driver.add([(0x100, 4, False)])
    for _ in range(32768):
        popped(ring)
    assert ring.pop() is None


def test_the_driver_notices_a_chain_that_it_never_offered(ram: Ram) -> None:
    driver = DriverRing(ram.view, RingLayout.at(0x1000, 4))
    ram.view[driver.layout.used + 2] = 1
    with pytest.raises(FrontendError):
        driver.take_used()
