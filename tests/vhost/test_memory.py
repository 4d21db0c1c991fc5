"""Guest memory: mapped where its file cannot shrink, read and written where it could."""

import os
from pathlib import Path

import pytest

from tests.vhost.rig import USER_BASE, MakeRam, Ram, open_fds
from vmedia_bench.vhost.errors import GuestAddressError, GuestMemoryLostError, MemoryTableError
from vmedia_bench.vhost.memory import GuestMemory, RegionSpec

PAGE = 4096


def test_bytes_are_read_and_written_at_their_guest_address(ram: Ram) -> None:
    memory = ram.memory()
    memory.write(0x1234, b"hello")
    assert bytes(ram.view[0x1234:0x1239]) == b"hello"
    assert memory.read(0x1234, 5) == b"hello"
    assert memory.read(ram.size - 1, 1) == b"\0"


def test_only_a_sealed_file_is_mapped(make_ram: MakeRam) -> None:
    """A mapping of a file that shrinks kills the process: no handler can save it."""
    sealed, loose = make_ram(seal=True).memory(), make_ram(seal=False).memory()
    assert sealed.regions[0].mapped
    assert not loose.regions[0].mapped
    assert loose.views(0, 8) is None
    view = sealed.views(8, 4)
    assert view is not None
    view[:] = b"view"
    assert sealed.read(8, 4) == b"view"


@pytest.mark.parametrize(
    ("gpa", "length"), [(-1, 1), (1 << 20, 1), ((1 << 20) - 1, 2), ((1 << 64) - 1, 2), (0, -1)]
)
def test_an_address_outside_is_refused(ram: Ram, gpa: int, length: int) -> None:
    memory = ram.memory()
    with pytest.raises(GuestAddressError):
        memory.read(gpa, length)
    with pytest.raises(GuestAddressError):
        memory.views(gpa, length)
    if length > 0:
        with pytest.raises(GuestAddressError):
            memory.write(gpa, bytes(length))


def test_a_range_over_two_regions_is_refused_though_they_touch(ram: Ram) -> None:
    memory = GuestMemory()
    memory.replace([ram.spec(0, 2 * PAGE), ram.spec(2 * PAGE)], [ram.fd, ram.fd])
    memory.write(2 * PAGE - 1, b"x")
    memory.write(2 * PAGE, b"x")
    with pytest.raises(GuestAddressError):
        memory.write(2 * PAGE - 1, b"xy")


def test_a_region_may_begin_anywhere_in_its_file(ram: Ram) -> None:
    memory = GuestMemory()
    memory.replace([RegionSpec(0x1_0000_0000, 1000, USER_BASE, 4321)], [ram.fd])
    memory.write(0x1_0000_0000 + 999, b"z")
    assert ram.view[4321 + 999] == ord("z")
    with pytest.raises(GuestAddressError):
        memory.write(0x1_0000_0000 + 1000, b"z")


GOOD = RegionSpec(0, PAGE, USER_BASE, 0)
BAD = {
    "size 0": RegionSpec(PAGE, 0, USER_BASE, 0),
    "guest address wraps": RegionSpec((1 << 64) - PAGE, 2 * PAGE, USER_BASE, 0),
    "front-end address wraps": RegionSpec(PAGE, PAGE, (1 << 64) - 1, 0),
    "offset wraps": RegionSpec(PAGE, PAGE, USER_BASE, (1 << 64) - 1),
    "overlaps": RegionSpec(PAGE - 1, PAGE, USER_BASE, 0),
    "the same again": GOOD,
    "beyond the file": RegionSpec(PAGE, PAGE, USER_BASE, (1 << 20) - PAGE + 1),
    "larger than any file": RegionSpec(PAGE, 1 << 62, USER_BASE, 0),
}


@pytest.mark.parametrize("spec", BAD.values(), ids=BAD.keys())
def test_a_bad_region_is_refused_and_the_table_stays(ram: Ram, spec: RegionSpec) -> None:
    memory = GuestMemory()
    memory.replace([GOOD], [ram.fd])
    count = open_fds()
    with pytest.raises(MemoryTableError):
        memory.add(spec, ram.fd)
    with pytest.raises(MemoryTableError):
        memory.replace([GOOD, spec], [ram.fd, ram.fd])
    assert memory.read(0, 1) == b"\0"
    assert open_fds() == count


def test_what_is_no_file_or_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ram"
    path.write_bytes(bytes(PAGE))
    reader, writer = os.pipe()
    readable = os.open(path, os.O_RDONLY)
    for fd in (reader, writer, readable):
        with pytest.raises(MemoryTableError):
            GuestMemory().add(GOOD, fd)
        os.close(fd)


def test_regions_come_and_go(ram: Ram) -> None:
    memory = GuestMemory()
    memory.add(GOOD, ram.fd)
    memory.add(ram.spec(PAGE), ram.fd)
    memory.remove(GOOD)
    with pytest.raises(GuestAddressError):
        memory.read(0, 1)
    assert memory.read(PAGE, 1) == b"\0"
    with pytest.raises(MemoryTableError):
        memory.remove(GOOD)


def test_front_end_addresses_are_translated(ram: Ram) -> None:
    memory = GuestMemory()
    memory.add(RegionSpec(0x4000_0000, PAGE, USER_BASE, 0), ram.fd)
    assert memory.to_guest(USER_BASE + 16, PAGE - 16) == 0x4000_0010
    for address, length in ((USER_BASE - 1, 1), (USER_BASE + 16, PAGE), (0, 1)):
        with pytest.raises(GuestAddressError):
            memory.to_guest(address, length)


def test_a_truncated_file_fails_the_access_and_is_not_made_longer_again() -> None:
    ram = Ram(seal=False)
    memory = ram.memory()
    os.ftruncate(ram.fd, PAGE)
    with pytest.raises(GuestMemoryLostError):
        memory.read(PAGE - 2, 4)
    with pytest.raises(GuestMemoryLostError):
        memory.write(PAGE, b"x")
    assert memory.lost
    assert os.fstat(ram.fd).st_size == PAGE
    os.close(ram.fd)


def test_nothing_stays_open_after_close(ram: Ram) -> None:
    count = open_fds()
    memory = ram.memory()
    memory.replace([ram.spec()], [ram.fd])
    view = memory.views(0, 8)
    memory.close()
    del view
    assert open_fds() == count
    with pytest.raises(GuestAddressError):
        memory.read(0, 1)
