"""Random messages: the back-end refuses or closes, never fails, and keeps no file descriptor."""

import os
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vhost.rig import USER_BASE, Ram, no_fd_left_open
from tests.vhost.talk import Talk
from vmedia_bench.vhost.errors import ProtocolViolationError
from vmedia_bench.vhost.messages import MessageReader
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    MEM_REGION,
    MEM_TABLE,
    SINGLE_REGION,
    U64,
    VRING_ADDR,
    VRING_STATE,
    Request,
)

INDEX = st.sampled_from([0, 0, 0, 1, 1, 2, 255, 1 << 31])
NUMBER = st.sampled_from([0, 1, 2, 8, 16, 256, 65535, 65536, (1 << 32) - 1])
PLACE = st.integers(0, 64).map(lambda page: USER_BASE + 4096 * page) | st.integers(0, 2**64 - 1)
ADDRESS = st.integers(0, 64).map(lambda page: 4096 * page) | st.integers(0, 2**64 - 1)
REGION = st.tuples(ADDRESS, st.just(4096 * 64) | ADDRESS, PLACE, st.just(0) | ADDRESS)
TABLE = st.lists(REGION, max_size=3).map(
    lambda regions: (
        MEM_TABLE.pack(len(regions), 0) + b"".join(MEM_REGION.pack(*region) for region in regions)
    )
)
PAYLOAD = st.one_of(
    st.binary(max_size=64),
    st.builds(U64.pack, st.sampled_from([0, 1, 2, 0x100, 0x101, 0x170000000, 0x400629, 2**64 - 1])),
    st.builds(VRING_STATE.pack, INDEX, NUMBER),
    st.builds(VRING_ADDR.pack, INDEX, st.just(0), PLACE, PLACE, PLACE, st.just(0)),
    st.builds(lambda region: SINGLE_REGION.pack(0, *region), REGION),
    st.builds(
        lambda at, n: CONFIG.pack(at, n, 0) + bytes(n), st.integers(0, 300), st.integers(0, 260)
    ),
    TABLE,
)
KINDS = ("eventfd", "memory", "pipe", "socket")
MESSAGE = st.tuples(
    st.sampled_from([*Request]) | st.integers(0, 2**32 - 1),
    PAYLOAD,
    st.lists(st.sampled_from(KINDS), max_size=3),
    st.booleans(),
)


def some_fds(ram: Ram) -> dict[str, int]:
    reader, writer = os.pipe()
    os.close(writer)
    return {
        "eventfd": os.eventfd(0),
        "memory": ram.fd,
        "pipe": reader,
        "socket": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).detach(),
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGE, max_size=30), st.booleans(), st.booleans())
def test_random_messages(
    messages: list[tuple[int, bytes, list[str], bool]], seal: bool, offer_all: bool
) -> None:
    with no_fd_left_open():
        ram = Ram(1 << 18, seal=seal)
        fds = some_fds(ram)
        chosen = Settings(reset_device=offer_all, memory_slots=4 * offer_all)
        talk = Talk(ram, chosen)
        talk.negotiate(protocol=chosen.protocol_features)
        talk.share_memory()
        talk.start()
        for request, payload, kinds, ack in messages:
            try:
                talk.send(request, payload, [fds[kind] for kind in kinds], ack=ack)
            except ProtocolViolationError:
                break
        talk.backend.gone()
        for kind in ("eventfd", "pipe", "socket"):
            os.close(fds[kind])
        ram.close()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_random_bytes(chunks: list[bytes]) -> None:
    reader = MessageReader()
    try:
        for chunk in chunks:
            reader.feed(chunk)
            assert reader.wanted > 0
    except ProtocolViolationError:
        pass
