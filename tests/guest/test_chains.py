"""Descriptor chains byte for byte, as the Linux driver lays them out."""

import struct

import pytest

from vmedia_bench.guest.chains import Chain, CommandMemory, Request, sg_list
from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.ram import GuestRam

COMMAND = struct.pack("<IIII", 3, 0, 7, 4)


def memory(*, shared: bool = True) -> CommandMemory:
    return CommandMemory(GuestRam(1 << 20), 4096, shared=shared)


def lengths(chain: Chain) -> tuple[list[int], list[int]]:
    return [n for _, n in chain.readable], [n for _, n in chain.writable]


def test_r_ioctl_is_command_then_response_and_payload() -> None:
    chain = memory().lay_out(Request(COMMAND, (bytes(8),), receives=True))
    assert lengths(chain) == ([16], [8, 8])


def test_w_ioctl_is_command_and_payload_then_response() -> None:
    area = memory()
    chain = area.lay_out(Request(COMMAND, (b"payload!",), sends=True))
    assert lengths(chain) == ([16, 8], [8])
    address, length = chain.readable[1]
    at = address - area.address
    assert bytes(area.view[at : at + length]) == b"payload!"


def test_wr_ioctl_has_one_memory_for_both_payloads() -> None:
    chain = memory().lay_out(Request(COMMAND, (bytes(208),), sends=True, receives=True))
    assert lengths(chain) == ([16, 208], [8, 208])
    assert chain.readable[1] == chain.writable[1]


def test_wr_ioctl_with_separate_memory_shows_what_the_device_left_unwritten() -> None:
    area = memory(shared=False)
    chain = area.lay_out(Request(COMMAND, (bytes(20),), sends=True, receives=True))
    assert chain.readable[1] != chain.writable[1]
    assert area.written(28) == b"\xff" * 28


def test_qbuf_has_sg_lists_in_the_readable_part_only() -> None:
    lists = (sg_list([(0x1000, 4096), (0x5000, 100)]), sg_list([(0x9000, 8)]))
    parts = (bytes(88), bytes(128))
    chain = memory().lay_out(Request(COMMAND, parts, lists, sends=True, receives=True))
    assert lengths(chain) == ([16, 88, 128, 32, 16], [8, 88, 128])
    assert chain.writable[1:] == chain.readable[1:3]


def test_close_has_no_writable_part() -> None:
    chain = memory().lay_out(Request(struct.pack("<IIII", 2, 0, 7, 0), response=0))
    assert lengths(chain) == ([16], [])


def test_sg_entries_are_start_length_and_a_zero_word() -> None:
    assert sg_list([(0x1234, 56)]) == struct.pack("<QII", 0x1234, 56, 0)


def test_descriptors_are_linked_in_a_row() -> None:
    chain = Chain(((0x1000, 16), (0x2000, 88)), ((0x3000, 8),))
    assert chain.descriptors(5) == (
        struct.pack("<QIHH", 0x1000, 16, 1, 6)
        + struct.pack("<QIHH", 0x2000, 88, 1, 7)
        + struct.pack("<QIHH", 0x3000, 8, 2, 0)
    )
    assert chain.room == 8


def test_what_was_written_follows_the_used_length_over_all_parts() -> None:
    area = memory()
    chain = area.lay_out(Request(COMMAND, (b"abcd",), sends=True, receives=True))
    header = chain.writable[0][0] - area.address
    area.view[header : header + 8] = bytes(8)
    assert area.written(0) == b""
    assert area.written(10) == bytes(8) + b"ab"
    assert area.written(12) == bytes(8) + b"abcd"


def test_a_command_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GuestError, match="does not fit"):
        memory().lay_out(Request(COMMAND, (bytes(5000),), sends=True))
