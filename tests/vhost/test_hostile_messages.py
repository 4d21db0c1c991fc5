"""What the protocol must survive: refused where a reply was asked for, closed where it was not."""

import os

import pytest

from tests.vhost.rig import USER_BASE, open_fds
from tests.vhost.talk import Talk
from vmedia_bench.vhost.errors import ProtocolViolationError
from vmedia_bench.vhost.observer import MessageRefused
from vmedia_bench.wire.vhost_user import (
    MEM_REGION,
    MEM_TABLE,
    U64,
    VRING_ADDR,
    VRING_STATE,
    Request,
    request_name,
)

MISALIGNED = [(8, 0, 0), (0, 1, 0), (0, 0, 2)]


def address(index: int, desc: int = 0, avail: int = 0, used: int = 0) -> bytes:
    base = USER_BASE + 0x1000
    return VRING_ADDR.pack(index, 0, base + desc, base + used, base + avail, 0)


REFUSED = {
    "features not offered": (Request.SET_FEATURES, U64.pack(1 << 34)),
    "protocol features not offered": (Request.SET_PROTOCOL_FEATURES, U64.pack(1 << 16)),
    "payload too short": (Request.SET_FEATURES, bytes(4)),
    "payload too long": (Request.SET_OWNER, bytes(1)),
    "ring index": (Request.SET_VRING_NUM, VRING_STATE.pack(2, 16)),
    "ring index of base": (Request.SET_VRING_BASE, VRING_STATE.pack(255, 0)),
    "ring index of addr": (Request.SET_VRING_ADDR, address(2)),
    "ring index of enable": (Request.SET_VRING_ENABLE, VRING_STATE.pack(1 << 31, 1)),
    "ring size 0": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 0)),
    "ring size 48": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 48)),
    "ring size 65536": (Request.SET_VRING_NUM, VRING_STATE.pack(0, 65536)),
    "base of 17 bits": (Request.SET_VRING_BASE, VRING_STATE.pack(0, 65536)),
    "enable 2": (Request.SET_VRING_ENABLE, VRING_STATE.pack(0, 2)),
    "desc misaligned": (Request.SET_VRING_ADDR, address(0, desc=8)),
    "avail misaligned": (Request.SET_VRING_ADDR, address(0, avail=1)),
    "used misaligned": (Request.SET_VRING_ADDR, address(0, used=2)),
}


@pytest.mark.parametrize(("request_", "payload"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_by_reply(talk: Talk, request_: int, payload: bytes) -> None:
    talk.negotiate()
    assert not talk.accepts(request_, payload)
    assert isinstance(talk.seen[-1], MessageRefused)
    assert talk.accepts(Request.SET_OWNER)
    assert talk.counters.messages_refused == 1


@pytest.mark.parametrize(("request_", "payload"), REFUSED.values(), ids=REFUSED.keys())
def test_closed_where_no_reply_was_asked(talk: Talk, request_: int, payload: bytes) -> None:
    talk.negotiate()
    with pytest.raises(ProtocolViolationError):
        talk.send(request_, payload)


REASONS = {
    "payload too short": "4 bytes of payload, not 8",
    "payload too long": "1 bytes of payload, not 0",
    "ring index": "there is no ring 2, there are 2",
    "ring size 48": "ring 0: size 48 is not a power of two up to 32768",
    "base of 17 bits": "ring 0: base 65536 is no 16-bit index",
    "enable 2": "ring 0: 2 is neither 0 nor 1",
    "desc misaligned": "ring 0: the descriptor table at 0x7f0000001008 is not aligned to 16 bytes",
    "avail misaligned": "ring 0: the avail ring at 0x7f0000001001 is not aligned to 2 bytes",
    "used misaligned": "ring 0: the used ring at 0x7f0000001002 is not aligned to 4 bytes",
}


@pytest.mark.parametrize("case", REASONS)
def test_a_refusal_says_what_was_wrong_and_what_is_right(talk: Talk, case: str) -> None:
    talk.negotiate()
    request, payload = REFUSED[case]
    assert not talk.accepts(request, payload)
    assert talk.seen[-1] == MessageRefused(request_name(request), REASONS[case])


@pytest.mark.parametrize("case", REASONS)
def test_a_connection_that_is_closed_for_a_refusal_names_the_message(talk: Talk, case: str) -> None:
    talk.negotiate()
    request, payload = REFUSED[case]
    with pytest.raises(ProtocolViolationError) as closed:
        talk.send(request, payload)
    assert str(closed.value) == f"{request_name(request)}: {REASONS[case]}"


def table(*regions: tuple[int, int, int]) -> bytes:
    """A memory table of (guest address, size, offset in the file)."""
    return MEM_TABLE.pack(len(regions), 0) + b"".join(
        MEM_REGION.pack(gpa, size, USER_BASE + gpa % (1 << 40), offset)
        for gpa, size, offset in regions
    )


TABLES = {
    "overlapping": table((0, 0x2000, 0), (0x1000, 0x2000, 0)),
    "wrapping": table(((1 << 64) - 0x1000, 0x2000, 0)),
    "size 0": table((0, 0, 0)),
    "beyond the file": table((0, 0x2000, (1 << 20) - 0x1000)),
}


@pytest.mark.parametrize("payload", TABLES.values(), ids=TABLES.keys())
def test_a_bad_memory_table_leaves_the_old_one(talk: Talk, payload: bytes) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    before = talk.memory.regions
    count = open_fds()
    fds = [talk.ram.fd] * MEM_TABLE.unpack_from(payload)[0]
    assert not talk.accepts(Request.SET_MEM_TABLE, payload, fds)
    assert talk.memory.regions == before
    assert talk.vrings[0].live
    assert open_fds() == count


@pytest.mark.parametrize("ack", [True, False])
def test_an_unknown_message_is_refused_or_ignored(talk: Talk, ack: bool) -> None:
    talk.negotiate()
    reply = talk.send(200, b"whatever", ack=ack)
    assert (reply is None) != ack
    assert talk.seen[-1] == MessageRefused("request 200", "not known, or not offered")
    assert talk.counters.messages_refused == 1


def test_an_unknown_message_keeps_no_fd(talk: Talk) -> None:
    count = open_fds()
    talk.send(200, b"", [talk.ram.fd, talk.ram.fd])
    assert open_fds() == count


@pytest.mark.parametrize(
    "request_", [Request.SET_STATUS, Request.GET_INFLIGHT_FD, Request.SET_LOG_BASE]
)
def test_what_is_not_offered_is_unknown(talk: Talk, request_: int) -> None:
    talk.negotiate()
    assert not talk.accepts(request_, U64.pack(0))


@pytest.mark.parametrize("request_", [Request.SET_OWNER, Request.SET_FEATURES])
def test_fds_where_none_belong_close_the_connection(talk: Talk, request_: int) -> None:
    count = open_fds()
    with pytest.raises(ProtocolViolationError):
        talk.send(request_, bytes(8) if request_ == 2 else b"", [talk.ram.fd])
    assert open_fds() == count


@pytest.mark.parametrize(
    "request_", [Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_BACKEND_REQ_FD]
)
def test_missing_fds_close_the_connection(talk: Talk, request_: int) -> None:
    payload = b"" if request_ == Request.SET_BACKEND_REQ_FD else U64.pack(0)
    with pytest.raises(ProtocolViolationError):
        talk.send(request_, payload)


@pytest.mark.parametrize(
    "request_", [Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_VRING_ERR]
)
def test_only_an_eventfd_is_taken_for_one(talk: Talk, request_: int) -> None:
    """A file cannot be watched, and a pipe or a socket could block the loop."""
    talk.negotiate()
    reader, writer = os.pipe()
    count = open_fds()
    for fd in (reader, writer, talk.ram.fd):
        assert not talk.accepts(request_, U64.pack(0), [fd])
    assert open_fds() == count
    os.close(reader)
    os.close(writer)


def test_a_ring_that_runs_keeps_its_size_and_base(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    assert not talk.accepts(Request.SET_VRING_NUM, VRING_STATE.pack(0, 8))
    assert not talk.accepts(Request.SET_VRING_BASE, VRING_STATE.pack(0, 8))
    assert talk.vrings[0].live


def test_get_vring_base_of_no_ring_closes(talk: Talk) -> None:
    """Its reply has no way to say no."""
    talk.negotiate()
    with pytest.raises(ProtocolViolationError):
        talk.send(Request.GET_VRING_BASE, VRING_STATE.pack(2, 0), ack=True)


def test_eventfds_that_are_replaced_are_closed(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.set_eventfd(Request.SET_VRING_CALL, 0)
    count = open_fds()
    for request_ in (Request.SET_VRING_KICK, Request.SET_VRING_CALL):
        talk.set_eventfd(request_, 0)
    assert open_fds() == count
    assert talk.vrings[0].live
