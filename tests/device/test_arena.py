"""The arena: blocks are page-aligned, disjoint, zeroed when reused, and held while mapped."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.device.arena import PAGE, Arena, Block, page_rounded


class Pages:
    """Records which pages are given back and touched; zeroes like the memfd does."""

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size)
        self.discarded: list[tuple[int, int]] = []
        self.arena = Arena(memoryview(self.bytes), discard=self.discard, populate=lambda *_: None)

    def discard(self, offset: int, length: int) -> None:
        self.bytes[offset : offset + length] = bytes(length)
        self.discarded.append((offset, length))


def test_blocks_are_page_aligned_and_as_long_as_asked() -> None:
    arena = Pages(8 * PAGE).arena
    first = arena.allocate(100)
    second = arena.allocate(PAGE + 1)
    assert (first.offset, first.length, len(first.view)) == (0, 100, 100)
    assert (second.offset, second.length) == (PAGE, PAGE + 1)
    assert arena.free_bytes() == 5 * PAGE


def test_a_full_arena_is_a_memory_error_and_changes_nothing() -> None:
    arena = Pages(2 * PAGE).arena
    arena.allocate(PAGE)
    with pytest.raises(MemoryError):
        arena.allocate(PAGE + 1)
    assert arena.free_bytes() == PAGE


def test_a_freed_block_reads_as_zero_when_it_is_used_again() -> None:
    pages = Pages(2 * PAGE)
    block = pages.arena.allocate(PAGE)
    block.view[:4] = b"left"
    pages.arena.release(block)
    assert bytes(pages.arena.allocate(PAGE).view[:4]) == bytes(4)


def test_a_mapping_keeps_a_block_that_its_queue_released() -> None:
    pages = Pages(2 * PAGE)
    block = pages.arena.allocate(PAGE)
    pages.arena.map(block)
    pages.arena.release(block)
    assert pages.discarded == []
    assert pages.arena.block_at(block.offset) is block
    pages.arena.unmap(block)
    assert pages.discarded == [(0, PAGE)]
    assert pages.arena.block_at(0) is None


def test_gaps_join_so_that_a_large_buffer_fits_again() -> None:
    arena = Pages(4 * PAGE).arena
    blocks = [arena.allocate(PAGE) for _ in range(4)]
    for block in (blocks[1], blocks[3], blocks[2], blocks[0]):
        arena.release(block)
    assert arena.allocate(4 * PAGE).offset == 0


def test_the_size_must_be_whole_pages() -> None:
    with pytest.raises(ValueError, match="multiple of 4096"):
        Pages(PAGE + 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5 * PAGE)), max_size=60))
def test_blocks_never_overlap_and_nothing_leaks(steps: list[tuple[bool, int]]) -> None:
    arena = Pages(16 * PAGE).arena
    live: list[Block] = []
    for take, length in steps:
        if take or not live:
            try:
                live.append(arena.allocate(length))
            except MemoryError:
                assert arena.free_bytes() < 16 * PAGE
        else:
            arena.release(live.pop(length % len(live)))
        spans = sorted((block.offset, block.offset + page_rounded(block.length)) for block in live)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        assert arena.free_bytes() == 16 * PAGE - sum(end - start for start, end in spans)
