"""Cutting a byte stream into vhost-user messages, and what a well-formed one is."""

import os

import pytest

from vmedia_bench.vhost.errors import ProtocolViolationError, RequestRefusedError
from vmedia_bench.vhost.messages import RULES, Message, MessageReader, check_message
from vmedia_bench.wire.vhost_user import HEADER, MEM_REGION, MEM_TABLE, U64, Request

FEATURES = HEADER.pack(Request.SET_FEATURES, 1, 8) + U64.pack(1 << 32)
OWNER = HEADER.pack(Request.SET_OWNER, 9, 0)
STREAM = FEATURES + OWNER + FEATURES


def parsed(messages: list[Message]) -> list[tuple[int, int, bytes]]:
    return [(message.request, message.flags, message.payload) for message in messages]


EXPECTED = [(2, 1, U64.pack(1 << 32)), (3, 9, b""), (2, 1, U64.pack(1 << 32))]


def test_a_stream_fed_whole() -> None:
    assert parsed(MessageReader().feed(STREAM)) == EXPECTED


def test_a_stream_fed_byte_by_byte() -> None:
    reader = MessageReader()
    messages = [message for byte in STREAM for message in reader.feed(bytes([byte]))]
    assert parsed(messages) == EXPECTED
    assert reader.idle


@pytest.mark.parametrize("cut", range(1, len(OWNER + FEATURES)))
def test_a_stream_with_a_tail(cut: int) -> None:
    reader = MessageReader()
    first = reader.feed(FEATURES + (OWNER + FEATURES)[:cut])
    assert parsed(first + reader.feed((OWNER + FEATURES)[cut:])) == EXPECTED


def test_it_wants_the_header_and_then_exactly_the_payload() -> None:
    reader = MessageReader()
    assert reader.wanted == 12
    reader.feed(FEATURES[:5])
    assert reader.wanted == 7
    reader.feed(FEATURES[5:12])
    assert reader.wanted == 8
    reader.feed(FEATURES[12:])
    assert (reader.wanted, reader.idle) == (12, True)


def test_fds_belong_to_the_message_with_which_they_came() -> None:
    reader = MessageReader()
    assert reader.feed(FEATURES[:3], [100]) == []
    (first,) = reader.feed(FEATURES[3:])
    (second,) = reader.feed(OWNER)
    assert (first.fds, second.fds) == ([100], [])


def test_the_fds_of_half_a_message_are_closed_with_the_reader() -> None:
    reader = MessageReader()
    fd = os.eventfd(0)
    reader.feed(FEATURES[:13], [fd])
    reader.close()
    with pytest.raises(OSError):
        os.fstat(fd)


@pytest.mark.parametrize(
    ("flags", "size"),
    [(0, 8), (2, 8), (3, 8), (1 | 4, 8), (1 | 16, 8), (1 | 1 << 31, 8), (1, 4097), (1, 2**32 - 1)],
    ids=["version 0", "version 2", "version 3", "reply", "bit 4", "bit 31", "4097", "4 GiB"],
)
def test_a_header_that_cannot_be(flags: int, size: int) -> None:
    with pytest.raises(ProtocolViolationError):
        MessageReader().feed(HEADER.pack(Request.SET_FEATURES, flags, size))


def test_the_largest_payload_is_read() -> None:
    reader = MessageReader()
    (message,) = reader.feed(HEADER.pack(99, 1, 4096) + bytes(4096))
    assert (message.request, len(message.payload)) == (99, 4096)


@pytest.mark.parametrize("request_", RULES)
def test_every_request_has_a_size(request_: int) -> None:
    rule = RULES[request_]
    fds = [0] * rule.fds[0]
    for size in {rule.low - 1, rule.high + 1} - {-1}:
        with pytest.raises(RequestRefusedError):
            check_message(Message(request_, 1, bytes(size), list(fds)), rule)


@pytest.mark.parametrize("request_", RULES)
def test_every_request_has_its_number_of_fds(request_: int) -> None:
    rule = RULES[request_]
    for count in {rule.fds[0] - 1, rule.fds[1] + 1} - {-1}:
        with pytest.raises(ProtocolViolationError):
            check_message(Message(request_, 1, bytes(rule.low), [0] * count), rule)


@pytest.mark.parametrize(("regions", "fds"), [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_a_memory_table_has_one_fd_for_each_region(regions: int, fds: int) -> None:
    payload = MEM_TABLE.pack(regions, 0) + bytes(MEM_REGION.size * regions)
    with pytest.raises(ProtocolViolationError):
        check_message(
            Message(Request.SET_MEM_TABLE, 1, payload, [0] * fds), RULES[Request.SET_MEM_TABLE]
        )


@pytest.mark.parametrize("regions", [0, 2, 9, 2**32 - 1])
def test_a_memory_table_is_as_long_as_it_says(regions: int) -> None:
    payload = MEM_TABLE.pack(regions, 0) + bytes(MEM_REGION.size)
    with pytest.raises(RequestRefusedError):
        check_message(Message(Request.SET_MEM_TABLE, 1, payload, [0]), RULES[Request.SET_MEM_TABLE])


@pytest.mark.parametrize(("value", "fds"), [(0, 0), (0x100, 1)])
def test_an_eventfd_comes_unless_its_absence_is_announced(value: int, fds: int) -> None:
    with pytest.raises(ProtocolViolationError):
        check_message(
            Message(Request.SET_VRING_KICK, 1, U64.pack(value), [0] * fds),
            RULES[Request.SET_VRING_KICK],
        )


def test_reserved_bits_beside_a_ring_index_are_refused() -> None:
    with pytest.raises(RequestRefusedError):
        check_message(
            Message(Request.SET_VRING_CALL, 1, U64.pack(0x200), [0]),
            RULES[Request.SET_VRING_CALL],
        )
