"""What a ring must survive: one test a row. Either the ring is corrupt, or one chain is refused."""

import os
from collections.abc import Callable

import pytest

from tests.vhost.rig import BUFFERS, MakeRam, Ram, RawRing
from vmedia_bench.vhost.errors import ChainRefusedError, GuestAddressError, RingCorruptError
from vmedia_bench.vhost.layout import DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, RingLayout
from vmedia_bench.vhost.ring import MAX_REQUEST, DeviceRing

OUT, IN, TABLE = BUFFERS, BUFFERS + 0x1000, 0x8000
SIZE = 16


def ahead(raw: RawRing) -> None:
    raw.set_avail_idx(SIZE + 1)


def backwards(raw: RawRing) -> None:
    raw.set_avail_idx(-1)


def head_outside(raw: RawRing) -> None:
    raw.offer(SIZE)


def next_outside(raw: RawRing) -> None:
    raw.desc(0, OUT, 4, DESC_F_NEXT, SIZE)
    raw.offer(0)


def loop_of_two(raw: RawRing) -> None:
    raw.desc(0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(1, OUT, 4, DESC_F_NEXT, 0)
    raw.offer(0)


def loop_onto_itself(raw: RawRing) -> None:
    raw.desc(3, IN, 4, DESC_F_NEXT | DESC_F_WRITE, 3)
    raw.offer(3)


@pytest.mark.parametrize(
    "spoil", [ahead, backwards, head_outside, next_outside, loop_of_two, loop_onto_itself]
)
def test_corrupt(ram: Ram, spoil: Callable[[RawRing], None]) -> None:
    raw = RawRing(ram, SIZE)
    spoil(raw)
    with pytest.raises(RingCorruptError):
        raw.ring.pop()
    assert raw.used() == []


def test_a_chain_as_long_as_the_queue_is_no_loop(ram: Ram) -> None:
    raw = RawRing(ram, SIZE)
    for place in range(SIZE - 1):
        raw.desc(place, OUT, 1, DESC_F_NEXT, place + 1)
    raw.desc(SIZE - 1, OUT, 1)
    raw.offer(0)
    chain = raw.ring.pop()
    assert chain is not None
    assert len(chain[1]) == SIZE


def unknown_flags(raw: RawRing) -> None:
    raw.desc(0, OUT, 4, 8)


def more_unknown_flags(raw: RawRing) -> None:
    raw.desc(0, OUT, 4, 0x8000 | DESC_F_WRITE)


def indirect_with_next(raw: RawRing) -> None:
    raw.table(TABLE, 0, OUT, 4)
    raw.desc(0, TABLE, 16, DESC_F_INDIRECT | DESC_F_NEXT, 1)
    raw.desc(1, IN, 4, DESC_F_WRITE)


def indirect_in_indirect(raw: RawRing) -> None:
    raw.table(TABLE, 0, TABLE, 16, DESC_F_INDIRECT)
    raw.desc(0, TABLE, 16, DESC_F_INDIRECT)


def empty_table(raw: RawRing) -> None:
    raw.desc(0, TABLE, 0, DESC_F_INDIRECT)


def crooked_table(raw: RawRing) -> None:
    raw.desc(0, TABLE, 24, DESC_F_INDIRECT)


def long_table(raw: RawRing) -> None:
    raw.table(TABLE, 0, OUT, 4)
    raw.desc(0, TABLE, 16 * (SIZE + 1), DESC_F_INDIRECT)


def long_table_behind_descriptors(raw: RawRing) -> None:
    raw.table(TABLE, 0, OUT, 4)
    raw.desc(0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(1, TABLE, 16 * SIZE, DESC_F_INDIRECT)


def table_outside_memory(raw: RawRing) -> None:
    raw.desc(0, raw.ram.size - 16, 32, DESC_F_INDIRECT)


def next_outside_the_table(raw: RawRing) -> None:
    raw.table(TABLE, 0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(0, TABLE, 16, DESC_F_INDIRECT)


def loop_in_the_table(raw: RawRing) -> None:
    raw.table(TABLE, 0, OUT, 4, DESC_F_NEXT, 1)
    raw.table(TABLE, 1, OUT, 4, DESC_F_NEXT, 0)
    raw.desc(0, TABLE, 32, DESC_F_INDIRECT)


def readable_after_writable(raw: RawRing) -> None:
    raw.desc(0, IN, 4, DESC_F_NEXT | DESC_F_WRITE, 1)
    raw.desc(1, OUT, 4)


def readable_after_an_empty_writable(raw: RawRing) -> None:
    raw.desc(0, IN, 0, DESC_F_NEXT | DESC_F_WRITE, 1)
    raw.desc(1, OUT, 4)


def total_of_zero(raw: RawRing) -> None:
    raw.desc(0, OUT, 0, DESC_F_NEXT, 1)
    raw.desc(1, IN, 0, DESC_F_WRITE)


def outside(raw: RawRing) -> None:
    raw.desc(0, raw.ram.size, 1)


def outside_writable(raw: RawRing) -> None:
    raw.desc(0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(1, raw.ram.size, 1, DESC_F_WRITE)


def over_the_end(raw: RawRing) -> None:
    raw.desc(0, raw.ram.size - 4, 5)


def wrapping(raw: RawRing) -> None:
    raw.desc(0, (1 << 64) - 4, 8, DESC_F_WRITE)


REFUSED = [
    unknown_flags,
    more_unknown_flags,
    indirect_with_next,
    indirect_in_indirect,
    empty_table,
    crooked_table,
    long_table,
    long_table_behind_descriptors,
    table_outside_memory,
    next_outside_the_table,
    loop_in_the_table,
    readable_after_writable,
    readable_after_an_empty_writable,
    total_of_zero,
    outside,
    outside_writable,
    over_the_end,
    wrapping,
]


@pytest.mark.parametrize("spoil", REFUSED)
def test_refused(ram: Ram, spoil: Callable[[RawRing], None]) -> None:
    """The chain goes back with used length 0, no byte is touched, and the next one is served."""
    raw = RawRing(ram, SIZE)
    spoil(raw)
    raw.desc(9, OUT, 4)
    before = bytes(ram.view[BUFFERS:])
    raw.offer(0, 9)
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()
    chain = raw.ring.pop()
    assert chain is not None
    assert chain[0] == 9
    assert raw.used() == [(0, 0)]
    assert bytes(ram.view[BUFFERS:]) == before


def test_indirect_that_was_not_negotiated_is_refused(ram: Ram) -> None:
    raw = RawRing(ram, SIZE, indirect=False)
    raw.table(TABLE, 0, OUT, 4)
    raw.desc(0, TABLE, 16, DESC_F_INDIRECT)
    raw.offer(0)
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()


def test_a_sum_of_lengths_over_4_gib_is_refused(make_ram: MakeRam) -> None:
    ram = make_ram(32 << 20)
    raw = RawRing(ram, 256)
    for place in range(130):
        raw.desc(place, 0, 32 << 20, DESC_F_NEXT | DESC_F_WRITE, place + 1)
    raw.desc(130, 0, 1, DESC_F_WRITE)
    raw.offer(0)
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()


def test_more_readable_bytes_than_any_command_has_are_refused(make_ram: MakeRam) -> None:
    ram = make_ram(8 << 20)
    raw = RawRing(ram)
    raw.desc(0, 0, MAX_REQUEST, DESC_F_NEXT, 1)
    raw.desc(1, 0, 1)
    raw.offer(0)
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()


def test_a_range_that_crosses_two_regions_is_refused(ram: Ram) -> None:
    raw = RawRing(ram)
    half = ram.size // 2
    raw.memory.replace([ram.spec(0, half), ram.spec(half)], [ram.fd, ram.fd])
    raw.desc(0, half - 4, 8)
    raw.offer(0)
    raw.ring.bind((raw.layout.desc, raw.layout.avail, raw.layout.used))
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()


def test_what_changes_after_it_was_read_cannot_matter(ram: Ram) -> None:
    raw = RawRing(ram)
    ram.view[OUT : OUT + 4] = b"good"
    raw.desc(0, OUT, 4, DESC_F_NEXT, 1)
    raw.desc(1, IN, 4, DESC_F_WRITE)
    raw.offer(0)
    chain = raw.ring.pop()
    assert chain is not None
    ram.view[OUT : OUT + 4] = b"evil"
    raw.desc(1, 0x100, 4096, DESC_F_WRITE)
    assert chain[1] == b"good"
    assert raw.ring.push(chain, b"answer") == 4
    assert bytes(ram.view[IN : IN + 6]) == b"answ\0\0"
    assert bytes(ram.view[0x100:0x104]) == bytes(4)


def test_memory_replaced_under_a_chain_at_work(ram: Ram) -> None:
    """What was writable is not there any more: it goes back with length 0, nothing is touched."""
    raw = RawRing(ram)
    raw.desc(0, IN, 4, DESC_F_WRITE)
    raw.offer(0)
    chain = raw.ring.pop()
    assert chain is not None
    raw.memory.replace([ram.spec(0, 0x10000)], [ram.fd])
    raw.ring.bind((raw.layout.desc, raw.layout.avail, raw.layout.used))
    with pytest.raises(ChainRefusedError):
        raw.ring.push(chain, b"late")
    assert raw.used() == [(0, 0)]
    assert bytes(ram.view[IN : IN + 4]) == bytes(4)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_ring_outside_of_memory_cannot_be_had(ram: Ram, part: int) -> None:
    layout = RingLayout.at(0x1000, SIZE)
    addresses = [layout.desc, layout.avail, layout.used]
    addresses[part] = ram.size - 16
    with pytest.raises(GuestAddressError):
        DeviceRing(ram.memory(), SIZE, (addresses[0], addresses[1], addresses[2]))


def test_a_truncated_file_makes_the_ring_corrupt_and_no_signal(make_ram: MakeRam) -> None:
    ram = make_ram(seal=False)
    raw = RawRing(ram)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    os.ftruncate(ram.fd, 0)
    with pytest.raises(RingCorruptError):
        raw.ring.pop()
    assert raw.memory.lost


def test_a_file_truncated_under_a_payload_refuses_the_chain(make_ram: MakeRam) -> None:
    ram = make_ram(seal=False)
    raw = RawRing(ram)
    raw.desc(0, OUT, 4)
    raw.offer(0)
    os.ftruncate(ram.fd, BUFFERS)
    with pytest.raises(ChainRefusedError):
        raw.ring.pop()
    assert raw.memory.lost
