"""What a VMM accepts as a mapping into a shared-memory region."""

import os
from collections.abc import Iterator

import pytest

from vmedia_bench.guest.errors import BackendError, ShmemRefusalError
from vmedia_bench.guest.shmem import PAGE, ShmemRegion


@pytest.fixture
def fd() -> Iterator[int]:
    memory = os.memfd_create("shmem")
    os.ftruncate(memory, 4 * PAGE)
    yield memory
    os.close(memory)


def test_a_mapping_shows_the_file(fd: int) -> None:
    region = ShmemRegion(0, 8 * PAGE)
    os.pwrite(fd, b"picture", PAGE)
    region.map(fd, PAGE, 2 * PAGE, PAGE, writable=True)
    assert bytes(region.view(2 * PAGE, 7)) == b"picture"
    region.view(2 * PAGE, 7)[:3] = b"PIC"
    assert os.pread(fd, 7, PAGE) == b"PICture"


def test_a_read_only_mapping_is_read_only(fd: int) -> None:
    region = ShmemRegion(0, 8 * PAGE)
    region.map(fd, 0, 0, PAGE, writable=False)
    assert region.view(0, PAGE).readonly


@pytest.mark.parametrize(
    ("fd_offset", "offset", "length", "why"),
    [
        (0, 0, 0, "length is 0"),
        (1, 0, PAGE, "not page-aligned"),
        (0, 512, PAGE, "not page-aligned"),
        (0, 8 * PAGE, PAGE, "beyond region"),
        (0, 7 * PAGE, 2 * PAGE, "beyond region"),
        (PAGE, 4 * PAGE, 4 * PAGE, "the file has"),
        (3 * PAGE, 4 * PAGE, PAGE + 1, "the file has"),
        (0, PAGE, 2 * PAGE, "overlaps"),
    ],
)
def test_refused(fd: int, fd_offset: int, offset: int, length: int, why: str) -> None:
    region = ShmemRegion(0, 8 * PAGE)
    region.map(fd, 0, 2 * PAGE, PAGE, writable=True)
    with pytest.raises(ShmemRefusalError, match=why):
        region.map(fd, fd_offset, offset, length, writable=True)


def test_only_an_exact_unmapping_is_one(fd: int) -> None:
    region = ShmemRegion(0, 8 * PAGE)
    region.map(fd, 0, 0, 2 * PAGE, writable=True)
    for offset, length in ((0, PAGE), (PAGE, PAGE), (4 * PAGE, PAGE)):
        with pytest.raises(ShmemRefusalError, match="exactly"):
            region.unmap(offset, length)
    held = region.view(0, 4)
    region.unmap(0, 2 * PAGE)
    assert region.mappings == ()
    assert bytes(held) == bytes(4)
    region.map(fd, 0, 0, PAGE, writable=True)


def test_an_answer_without_a_mapping_is_the_back_ends_fault(fd: int) -> None:
    region = ShmemRegion(0, 8 * PAGE)
    region.map(fd, 0, 0, PAGE, writable=True)
    with pytest.raises(BackendError, match="mapped nothing there"):
        region.view(0, PAGE + 1)
