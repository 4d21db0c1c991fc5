"""Guest memory: regions as a memory table describes them, and the allocator."""

import fcntl
from itertools import pairwise

import pytest

from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.ram import PAGE, USER_BASE, FreeList, GuestRam


def test_memory_is_sealed_against_shrinking_unless_asked_otherwise() -> None:
    for seal in (True, False):
        ram = GuestRam(1 << 20, seal=seal)
        seals = fcntl.fcntl(ram.fd, fcntl.F_GET_SEALS)
        assert bool(seals & fcntl.F_SEAL_SHRINK) is seal
        ram.close()


def test_regions_lie_apart_and_begin_elsewhere_in_one_file() -> None:
    ram = GuestRam(3 << 20, regions=3)
    assert [r.guest_address for r in ram.regions] == [0, 2 << 20, 4 << 20]
    assert [r.mmap_offset for r in ram.regions] == [0, 1 << 20, 2 << 20]
    assert ram.user_address(0x1000) == USER_BASE + 0x1000
    with pytest.raises(GuestError, match="no guest memory"):
        ram.at(1 << 20, 1)
    with pytest.raises(GuestError, match="no guest memory"):
        ram.at((1 << 20) - 1, 2)
    with pytest.raises(GuestError, match="no guest memory"):
        ram.at(ram.hole, 1)


def test_a_view_shows_the_place_in_the_file() -> None:
    ram = GuestRam(2 << 20, regions=2)
    ram.at(2 << 20, 4)[:] = b"here"
    assert bytes(ram.view[1 << 20 : (1 << 20) + 4]) == b"here"


def test_allocations_are_aligned_zeroed_and_never_at_address_zero() -> None:
    ram = GuestRam(1 << 20)
    first = ram.allocate(10)
    assert first >= PAGE
    ram.at(first, 10)[:] = b"x" * 10
    ram.free(first)
    again = ram.allocate_pages(10)
    assert again % PAGE == 0
    assert bytes(ram.at(first, 10)) == bytes(10)


def test_freed_neighbours_grow_together() -> None:
    free = FreeList([(0, 100)])
    a, b, c = (free.take(n, 1) for n in (40, 20, 40))
    free.give(a, 40)
    free.give(c, 40)
    with pytest.raises(GuestError, match="full"):
        free.take(50, 1)
    free.give(b, 20)
    assert free.take(100, 1) == 0


def test_freeing_twice_is_an_error() -> None:
    free = FreeList([(0, 100)])
    at = free.take(10, 1)
    free.give(at, 10)
    with pytest.raises(ValueError, match="freed twice"):
        free.give(at, 10)
    with pytest.raises(ValueError, match="not allocated"):
        GuestRam(1 << 20).free(0x2000)


def test_scattered_memory_does_not_touch() -> None:
    ram = GuestRam(1 << 20)
    spans = ram.allocate_scattered(3 * PAGE + 10, 4)
    assert [length for _, length in spans] == [PAGE, PAGE, PAGE, 10]
    for (start, length), (following, _) in pairwise(spans):
        assert following > start + length
    left = ram.free_bytes
    for start, _ in spans:
        ram.free(start)
    assert ram.free_bytes == left + 4 * PAGE


def test_sizes_that_do_not_cut_into_regions_are_refused() -> None:
    with pytest.raises(GuestError, match="does not cut"):
        GuestRam(PAGE * 3, regions=2)
