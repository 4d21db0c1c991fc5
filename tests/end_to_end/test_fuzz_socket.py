"""Random messages with random file descriptors over the vhost-user socket."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import serves_a_fresh_guest, vmm_of
from tests.end_to_end.raw import front_end, negotiate
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.ram import USER_BASE
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    FLAG_NEED_REPLY,
    MEM_REGION,
    MEM_TABLE,
    U64,
    VERSION,
    VRING_ADDR,
    VRING_STATE,
    Request,
)

Message = tuple[int, int, bytes, tuple[str, ...], int]
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

small = st.integers(0, 3)
sizes = st.sampled_from([0, 1, 2, 3, 16, 256, 32768, 65536, 1 << 31])
addresses = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 1 << 12).map(lambda page: USER_BASE + page * 4096),
    st.sampled_from([0, USER_BASE, (1 << 64) - 16]),
)
lengths = st.one_of(st.integers(0, (1 << 64) - 1), st.sampled_from([0, 4096, 1 << 20, 12 << 20]))
regions = st.builds(MEM_REGION.pack, addresses, lengths, addresses, lengths)
tables = st.lists(regions, max_size=9).map(
    lambda rows: MEM_TABLE.pack(len(rows), 0) + b"".join(rows)
)
configs = st.builds(
    lambda offset, size, flags, data: CONFIG.pack(offset, size, flags) + data,
    st.integers(0, 300),
    st.integers(0, 300),
    small,
    st.binary(max_size=300),
)
payloads = st.one_of(
    st.just(b""),
    st.binary(max_size=64),
    st.builds(VRING_STATE.pack, small, sizes),
    st.builds(VRING_ADDR.pack, small, small, addresses, addresses, addresses, addresses),
    st.one_of(st.integers(0, (1 << 64) - 1), st.integers(0, 0x1FF)).map(U64.pack),
    tables,
    configs,
)
requests = st.one_of(st.sampled_from([int(request) for request in Request]), st.integers(0, 60))
flags = st.one_of(st.just(VERSION), st.just(VERSION | FLAG_NEED_REPLY), st.integers(0, 0xFFFF_FFFF))
fds = st.lists(
    st.sampled_from(["memory", "file", "eventfd", "eventfd", "pipe", "socket", "listener", "own"]),
    max_size=3,
).map(tuple)
lies = st.one_of(st.just(-1), st.just(-1), st.just(-1), st.integers(0, 5000))
messages = st.lists(st.tuples(requests, flags, payloads, fds, lies), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def toys() -> Iterator[dict[str, int]]:
    """One file descriptor of each kind."""
    with ExitStack() as stack:
        ours, theirs = socket.socketpair()
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        stack.enter_context(ours)
        stack.enter_context(theirs)
        read_end, write_end = os.pipe()
        found = {
            "memory": os.memfd_create("toy"),
            "file": os.open("/dev/null", os.O_RDWR),
            "eventfd": os.eventfd(0),
            "pipe": read_end,
        }
        os.ftruncate(found["memory"], 1 << 20)
        for fd in (*found.values(), write_end):
            stack.callback(os.close, fd)
        listener.bind("\0vmedia-bench-toy-" + str(os.getpid()))
        listener.listen()
        yield found | {"socket": theirs.fileno(), "listener": listener.fileno()}


def say(front: Frontend, message: Message, toys: dict[str, int]) -> None:
    request, bits, payload, kinds, lie = message
    numbers = [front.fileno() if kind == "own" else toys[kind] for kind in kinds]
    front.send_raw(request, payload, numbers, flags=bits, size=None if lie < 0 else lie)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(camera: Bench) -> Iterator[None]:
    """Before and after all examples the bench holds the same."""
    serves_a_fresh_guest(camera)
    before = camera.footprint()
    yield
    serves_a_fresh_guest(camera)
    assert camera.footprint() == before


@FUZZ
@given(said=messages, negotiated=st.booleans())
def test_a_front_end_that_babbles(
    camera: Bench, toys: dict[str, int], said: list[Message], negotiated: bool
) -> None:
    with front_end(camera) as front, suppress(FrontendError):
        if negotiated:
            negotiate(front)
        for message in said:
            say(front, message, toys)


@FUZZ
@given(said=messages)
def test_a_running_vmm_that_begins_to_babble(
    camera: Bench, toys: dict[str, int], said: list[Message]
) -> None:
    with vmm_of(camera) as vmm:
        driver = Driver(vmm)
        session = driver.open()
        session.request_buffers(2, 1, 1)
        with suppress(FrontendError, GuestError):
            for message in said:
                say(vmm.link, message, toys)
                vmm.commandq.kick()
