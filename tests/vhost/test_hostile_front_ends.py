"""Front-ends that misbehave, over a real socket: the connection goes, the bench listens again."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vhost.live import Guest, ServerThread
from tests.vhost.rig import BUFFERS, EchoDevice, Later, Ram, open_fds
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.vhost.layout import U16
from vmedia_bench.vhost.observer import Connected, FrontendGone, RingError
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.wire.vhost_user import HEADER, U64, Request


@pytest.fixture
def path(settings: Settings) -> Path:
    assert settings.path is not None
    return settings.path


@pytest.fixture
def frontend(server: ServerThread, path: Path) -> Iterator[Frontend]:
    with Frontend.connect(path) as frontend:
        server.wait_for(Connected)
        yield frontend


def serves_again(path: Path) -> bool:
    with Guest(path) as guest:
        return guest.boot().command(b"next") == b"next"


def eventfds(count: int) -> list[int]:
    return [os.eventfd(0) for _ in range(count)]


def close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)


BAD_HEADERS = {
    "version 0": HEADER.pack(Request.GET_FEATURES, 0, 0),
    "version 2": HEADER.pack(Request.GET_FEATURES, 2, 0),
    "reserved flags": HEADER.pack(Request.GET_FEATURES, 1 | 16, 0),
    "reply flag": HEADER.pack(Request.GET_FEATURES, 5, 0),
    "4 GiB of payload": HEADER.pack(Request.SET_FEATURES, 1, 2**32 - 1),
    "wrong size": HEADER.pack(Request.SET_FEATURES, 1, 3) + b"abc",
}


@pytest.mark.parametrize("data", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_a_header_that_cannot_be(
    frontend: Frontend, server: ServerThread, path: Path, data: bytes
) -> None:
    frontend.send_bytes(data)
    with pytest.raises(FrontendError):
        frontend.receive()
    assert server.wait_for(FrontendGone).reason
    assert serves_again(path)


@pytest.mark.parametrize("length", [1, 11, 12, 15])
def test_gone_in_the_middle_of_a_message(
    frontend: Frontend, server: ServerThread, path: Path, length: int
) -> None:
    count = open_fds()
    fds = eventfds(1)
    message = HEADER.pack(Request.SET_VRING_KICK, 1, 8) + U64.pack(0)
    frontend.send_bytes(message[:length], fds)
    close(fds)
    frontend.close()
    assert "within a message" in server.wait_for(FrontendGone).reason
    assert open_fds() == count - 2
    assert serves_again(path)


def test_gone_in_the_middle_of_a_command(
    guest: Guest, server: ServerThread, device: EchoDevice, path: Path
) -> None:
    guest.boot()
    later = device.later = Later()
    guest.offer([(BUFFERS, 4, False), (BUFFERS, 64, True)])
    while not device.requests:
        guest.frontend.get_config()
    guest.close()
    server.wait_for(FrontendGone)
    server.call(later.settle, b"too late")
    device.later = None
    assert device.calls == ["attach", "detach"]
    assert serves_again(path)


@pytest.mark.parametrize("count", [1, 8, 9, 100])
def test_more_fds_than_belong_to_the_message(
    frontend: Frontend, server: ServerThread, path: Path, count: int
) -> None:
    before = open_fds()
    fds = eventfds(count)
    frontend.send_raw(Request.SET_OWNER, fds=fds)
    close(fds)
    server.wait_for(FrontendGone)
    assert open_fds() == before - 1
    assert serves_again(path)


def test_fds_in_the_middle_of_a_message(frontend: Frontend, server: ServerThread) -> None:
    before = open_fds()
    fds = eventfds(8)
    message = HEADER.pack(Request.SET_VRING_KICK, 1, 8) + U64.pack(0)
    frontend.send_bytes(message[:12], fds[:1])
    frontend.send_bytes(message[12:], fds[1:])
    close(fds)
    server.wait_for(FrontendGone)
    assert open_fds() == before - 1


def test_no_fd_where_one_belongs(frontend: Frontend, server: ServerThread) -> None:
    frontend.send_raw(Request.SET_BACKEND_REQ_FD)
    assert "0 file descriptors, not 1" in server.wait_for(FrontendGone).reason


def test_a_channel_that_is_no_socket(guest: Guest, server: ServerThread) -> None:
    guest.boot()
    before = open_fds()
    with pytest.raises(FrontendError, match="refused"):
        guest.frontend.set_backend_req_fd(guest.ram.fd)
    assert open_fds() == before
    assert guest.command(b"x") == b"x"


def test_nonsense_on_the_channel(guest: Guest, server: ServerThread) -> None:
    guest.boot()
    assert guest.channel is not None
    guest.channel.send_bytes(b"x" * 100)
    assert "channel" in server.wait_for(FrontendGone).reason


def test_replies_that_are_never_read(frontend: Frontend, server: ServerThread, path: Path) -> None:
    try:
        for _ in range(1000):
            frontend.send_raw(Request.GET_SHMEM_CONFIG)
    except FrontendError:
        pass
    assert "does not read" in server.wait_for(FrontendGone).reason
    assert serves_again(path)


def test_a_ring_that_is_corrupt(guest: Guest, server: ServerThread, device: EchoDevice) -> None:
    """That ring stops and says so; the other one and the connection go on."""
    guest.boot()
    U16.pack_into(guest.ram.view, guest.layouts[0].avail + 2, 1000)
    kick, _call, err = guest.fds[0]
    os.eventfd_write(kick, 1)
    assert server.wait_for(RingError).ring == 0
    assert os.eventfd_read(err) == 1
    guest.offer([(BUFFERS, 64, True)], index=1)
    device.events.append(b"event 00")
    assert device.port is not None
    server.call(device.port.events_ready)
    assert guest.take(index=1) == (0, 8)
    assert "avail.idx" in server.status().rings[0].error
    os.eventfd_write(kick, 1)
    assert guest.frontend.get_queue_num() == 2


def test_a_corrupt_ring_starts_again_when_it_is_started_again(
    guest: Guest, server: ServerThread
) -> None:
    guest.boot()
    avail = guest.layouts[0].avail + 2
    U16.pack_into(guest.ram.view, avail, 1000)
    os.eventfd_write(guest.fds[0][0], 1)
    server.wait_for(RingError)
    U16.pack_into(guest.ram.view, avail, 0)
    bases = [guest.frontend.get_vring_base(index) for index in (0, 1)]
    guest.start((bases[0], bases[1]))
    assert guest.command(b"again") == b"again"


def test_a_corrupt_ring_stays_so_when_the_memory_table_changes(
    guest: Guest, server: ServerThread
) -> None:
    guest.boot()
    U16.pack_into(guest.ram.view, guest.layouts[0].avail + 2, 1000)
    os.eventfd_write(guest.fds[0][0], 1)
    server.wait_for(RingError)
    guest.frontend.set_mem_table([(guest.ram.spec(), guest.ram.fd)])
    assert "avail.idx" in server.status().rings[0].error


Truncate = Callable[[Ram], None]


def all_of_it(ram: Ram) -> None:
    os.ftruncate(ram.fd, 0)


def the_buffers(ram: Ram) -> None:
    os.ftruncate(ram.fd, BUFFERS)


@pytest.mark.parametrize("truncate", [all_of_it, the_buffers])
def test_guest_memory_that_is_truncated(
    server: ServerThread, path: Path, truncate: Truncate
) -> None:
    """No SIGBUS: the request fails and the connection is closed."""
    with Guest(path, seal=False) as guest:
        guest.boot()
        assert guest.command(b"before") == b"before"
        guest.rings[0].add([(BUFFERS, 4, False), (BUFFERS, 4, True)])
        kick = guest.fds[0][0]
        truncate(guest.ram)
        os.eventfd_write(kick, 1)
        assert "shrank" in server.wait_for(FrontendGone).reason
    assert serves_again(path)


def test_a_ring_outside_of_memory_is_not_started(guest: Guest, server: ServerThread) -> None:
    guest.negotiate()
    guest.frontend.set_mem_table([(guest.ram.spec(0x80000), guest.ram.fd)])
    guest.start()
    assert server.wait_for(RingError).reason == (
        "not started: 256 bytes at front-end address 0x7f0000001000 are not in guest memory"
    )
    assert guest.frontend.get_queue_num() == 2


def test_nothing_is_left_of_a_front_end(server: ServerThread, path: Path) -> None:
    assert serves_again(path)
    server.wait_for(FrontendGone)
    before = open_fds()
    for count in range(2, 6):
        assert serves_again(path)
        server.wait_for(FrontendGone, count)
    assert open_fds() == before


def test_a_connection_that_says_nothing_is_no_hindrance_to_closing(
    server: ServerThread, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.connect(str(path))
        while not server.call(lambda: server.server.connected):
            pass
        server.call(server.server.disconnect)
        assert silent.recv(1) == b""
