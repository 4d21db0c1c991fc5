"""The listening end: sockets, one front-end at a time, the rings' eventfds, the channel."""

import asyncio
import gc
import os
import socket
import threading
import weakref
from pathlib import Path

import pytest

from tests.vhost.driver_ring import DriverRing
from tests.vhost.live import Guest, ServerThread, wait_readable
from tests.vhost.rig import BUFFERS, EchoDevice, Later
from vmedia_bench.vhost.connection import READS_PER_TURN
from vmedia_bench.vhost.errors import FrontendError, SocketSetupError
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.vhost.observer import ChannelError, ConnectionRefused, FrontendGone, Listening
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.vhost.sockets import adopt, listen
from vmedia_bench.wire.vhost_user import P_REPLY_ACK, SHMEM_MMAP, BackendRequest


@pytest.fixture
def path(settings: Settings) -> Path:
    assert settings.path is not None
    return settings.path


def test_the_questions_of_a_front_end(guest: Guest, device: EchoDevice) -> None:
    guest.negotiate()
    assert guest.frontend.get_queue_num() == 2
    assert guest.frontend.get_config() == device.config
    assert guest.frontend.get_shmem_config() == [1 << 20]
    guest.frontend.set_config(0, b"x")
    with pytest.raises(FrontendError):
        guest.frontend.set_config(1, b"x")
    assert guest.frontend.get_config(8, 4) == device.config[8:12]


def test_a_dead_socket_file_is_replaced(path: Path, settings: Settings) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    server = ServerThread(EchoDevice(), settings)
    server.wait_for(Listening)
    with Guest(path) as guest:
        assert guest.boot().command(b"x") == b"x"
    server.close()
    assert not path.exists()


def test_a_live_socket_is_left_alone(server: ServerThread, settings: Settings) -> None:
    assert settings.path is not None
    with pytest.raises(SocketSetupError, match="another process listens"):
        listen(settings.path)
    assert settings.path.exists()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("keep me")
    with pytest.raises(SocketSetupError, match="not a socket"):
        listen(path)
    assert path.read_text() == "keep me"


def test_a_path_that_cannot_be_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "such" / "folder", tmp_path / ("x" * 200)):
        with pytest.raises(SocketSetupError, match="cannot listen"):
            listen(path)


def test_an_inherited_connected_socket_is_served_and_then_it_is_over() -> None:
    ours, theirs = socket.socketpair()
    server = ServerThread(EchoDevice(), Settings(fd=theirs.detach()))
    with Frontend(ours) as frontend:
        assert frontend.get_queue_num() == 2
    server.wait_for(FrontendGone)
    assert server.call(server.server._finished.is_set)
    server.close()


def test_an_inherited_listening_socket_is_listened_at(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "sock"))
    listener.listen()
    server = ServerThread(EchoDevice(), Settings(fd=listener.detach()))
    for _ in range(2):
        with Frontend.connect(tmp_path / "sock") as frontend:
            assert frontend.get_queue_num() == 2
        server.wait_for(FrontendGone)
        server.seen.clear()
    server.close()
    assert (tmp_path / "sock").exists()


def test_an_inherited_fd_must_be_a_unix_stream_socket() -> None:
    eventfd = os.eventfd(0)
    with pytest.raises(SocketSetupError, match="not a socket"):
        adopt(eventfd)
    os.close(eventfd)
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with datagram, pytest.raises(SocketSetupError, match="stream"):
        adopt(datagram.fileno())


def test_another_front_end_is_turned_away(guest: Guest, server: ServerThread, path: Path) -> None:
    guest.boot()
    with Frontend.connect(path) as second, pytest.raises(FrontendError):
        second.get_features()
    assert "is connected" in server.wait_for(ConnectionRefused).reason
    assert guest.command(b"still here") == b"still here"


def test_a_ring_is_looked_into_without_a_kick(guest: Guest) -> None:
    """Peers that waited for one lost a command, and the guest stalled for 5 s."""
    guest.negotiate()
    guest.rings = [DriverRing(guest.ram.view, layout, event_idx=True) for layout in guest.layouts]
    guest.rings[0].add([(BUFFERS, 4, False), (BUFFERS, 4, True)])
    guest.start()
    assert guest.take() == (0, 4)


def test_a_command_does_not_overtake_the_start_of_the_eventq(
    server: ServerThread, device: EchoDevice, path: Path
) -> None:
    """Where no message is acknowledged, as by crosvm, the guest may be faster than its VMM."""
    device.on_execute = lambda _request: device.events.append(b"an event")
    with Guest(path, protocol=0x400629 & ~P_REPLY_ACK) as guest:
        guest.negotiate()
        guest.frontend.get_config()
        with server.held():
            guest.start_ring(0)
            for _ in range(READS_PER_TURN):
                guest.frontend.set_vring_enable(0)
            guest.start_ring(1)
            guest.rings[1].add([(BUFFERS, 64, True)])
            guest.rings[0].add([(BUFFERS, 4, False)])
        guest.take()
        assert guest.rings[1].take_used() == (0, 8)


def test_a_kick_while_stopped_is_ignored(guest: Guest, device: EchoDevice) -> None:
    guest.boot()
    guest.frontend.set_vring_enable(0, enable=False)
    guest.offer([(BUFFERS, 4, False)])
    os.eventfd_write(guest.fds[0][0], 1)
    guest.frontend.get_config()
    assert device.requests == []
    guest.frontend.set_vring_enable(0)
    guest.take()
    assert len(device.requests) == 1


def test_a_flood_of_kicks_is_coalesced(guest: Guest, server: ServerThread) -> None:
    guest.boot()
    guest.command(b"x")
    before = server.status().counters
    for _ in range(1000):
        os.eventfd_write(guest.fds[0][0], 1)
    assert guest.command(b"y") == b"y"
    assert server.status().counters.commands == before.commands + 1


def test_others_are_served_between_the_turns_of_a_busy_ring(
    server: ServerThread, device: EchoDevice, path: Path
) -> None:
    """The control socket and the other ring need not wait until a full ring is empty."""
    served_at: list[int] = []

    def first(_request: bytes) -> None:
        if len(device.requests) == 1:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: served_at.append(len(device.requests)))

    device.on_execute = first
    with Guest(path, size=1024) as guest:
        guest.negotiate()
        guest.rings = [DriverRing(guest.ram.view, guest.layouts[0], event_idx=True)]
        for _ in range(1024):
            guest.rings[0].add([(BUFFERS, 4, False)])
        guest.layouts = guest.layouts[:1]
        guest.start()
        for _ in range(1024):
            guest.take()
    assert served_at[0] <= 64


def test_a_ring_without_a_kick_eventfd_is_polled(guest: Guest) -> None:
    guest.boot()
    guest.frontend.set_vring_kick(0, None)
    guest.rings[0].add([(BUFFERS, 4, False)])
    assert guest.take() == (0, 0)


class Waiter(threading.Event):
    """Who waits for the driver's event buffers: called when the waiting is over."""

    def __call__(self) -> None:
        self.set()


def test_a_driver_that_keeps_an_event_buffer_is_given_up_and_forgotten(
    server: ServerThread, guest: Guest, device: EchoDevice
) -> None:
    guest.boot()
    for _ in range(2):
        guest.offer([(BUFFERS, 64, True)], index=1)
    device.events.append(b"an event")
    assert device.port is not None
    server.call(device.port.events_ready)
    guest.take(index=1)
    waiter = Waiter()
    server.call(device.port.after_events, waiter)
    assert waiter.wait(10)
    kept = weakref.ref(waiter)
    del waiter
    server.call(gc.collect)
    assert kept() is None


def test_events_that_the_device_queues_by_itself(
    guest: Guest, server: ServerThread, device: EchoDevice
) -> None:
    guest.boot()
    guest.offer([(BUFFERS, 64, True)], index=1)
    device.events.append(b"by itself")
    assert device.port is not None
    server.call(device.port.events_ready)
    assert guest.take(index=1) == (0, 9)


def test_indirect_descriptors_over_the_socket(guest: Guest) -> None:
    guest.negotiate()
    guest.rings = [
        DriverRing(guest.ram.view, layout, event_idx=True, tables=0x40000)
        for layout in guest.layouts
    ]
    guest.start()
    assert guest.command(b"by a table") == b"by a table"


def test_pause_and_resume(guest: Guest, device: EchoDevice) -> None:
    guest.boot()
    guest.command(b"before")
    bases = [guest.frontend.get_vring_base(index) for index in (0, 1)]
    assert bases == [1, 0]
    guest.start((1, 0))
    assert guest.command(b"after") == b"after"
    assert device.calls == ["attach", "pause", "resume"]


def test_a_pending_command_goes_back_when_the_ring_stops(guest: Guest, device: EchoDevice) -> None:
    guest.boot()
    device.later = Later()
    guest.offer([(BUFFERS, 4, False), (BUFFERS, 64, True)])
    while not device.requests:
        guest.frontend.get_config()
    assert guest.frontend.get_vring_base(0) == 1
    assert guest.take() == (0, 0)


def test_memory_replaced_while_a_ring_runs(guest: Guest) -> None:
    guest.boot()
    guest.command(b"before")
    ram = guest.ram
    guest.frontend.set_mem_table([(ram.spec(0, 0x40000), ram.fd), (ram.spec(0x40000), ram.fd)])
    assert guest.command(b"after") == b"after"


def shmem_map(guest: Guest, server: ServerThread, device: EchoDevice) -> list[bool]:
    """Let the device ask for a mapping; returns where the outcome will be."""
    outcome: list[bool] = []
    port = device.port
    assert port is not None
    server.call(port.shmem_map, 0, guest.ram.fd, 4096, 8192, 4096, True, outcome.append)
    return outcome


@pytest.mark.parametrize(("result", "expected"), [(0, True), (1, False)])
def test_a_mapping_over_the_channel(
    guest: Guest, server: ServerThread, device: EchoDevice, result: int, expected: bool
) -> None:
    guest.boot()
    outcome = shmem_map(guest, server, device)
    assert guest.channel is not None
    message = guest.channel.expect(BackendRequest.SHMEM_MAP)
    assert SHMEM_MMAP.unpack(message.payload) == (0, 4096, 8192, 4096, 1)
    assert os.fstat(message.fds[0]).st_ino == os.fstat(guest.ram.fd).st_ino
    assert message.asks_reply
    message.close()
    assert outcome == []
    guest.channel.answer(message, result)
    if not expected:
        server.wait_for(ChannelError)
    while not outcome:
        guest.frontend.get_config()
    assert outcome == [expected]


def test_a_mapping_fails_when_the_channel_closes(
    guest: Guest, server: ServerThread, device: EchoDevice
) -> None:
    guest.boot()
    outcome = shmem_map(guest, server, device)
    assert guest.channel is not None
    guest.channel.close()
    server.wait_for(ChannelError)
    assert outcome == [False]
    assert guest.command(b"x") == b"x"


def test_a_mapping_fails_when_the_front_end_goes(
    guest: Guest, server: ServerThread, device: EchoDevice
) -> None:
    guest.boot()
    outcome = shmem_map(guest, server, device)
    guest.close()
    server.wait_for(FrontendGone)
    assert outcome == [False]


def test_a_change_of_the_config_is_announced(
    guest: Guest, server: ServerThread, device: EchoDevice
) -> None:
    guest.boot()
    assert device.port is not None
    server.call(device.port.config_changed)
    assert guest.channel is not None
    message = guest.channel.expect(BackendRequest.CONFIG_CHANGE_MSG)
    assert (message.payload, message.asks_reply) == (b"", False)


def test_nothing_is_asked_of_a_stopped_front_end(
    guest: Guest, server: ServerThread, device: EchoDevice
) -> None:
    guest.boot()
    for index in (0, 1):
        guest.frontend.get_vring_base(index)
    assert device.port is not None
    server.call(device.port.config_changed)
    guest.frontend.get_config()
    assert guest.channel is not None
    guest.channel.sock.setblocking(False)
    with pytest.raises(FrontendError):
        guest.channel.receive()
    guest.start()
    wait_readable(guest.channel.fileno())
    assert guest.channel.receive().request == BackendRequest.CONFIG_CHANGE_MSG


def test_status_is_a_snapshot(guest: Guest, server: ServerThread) -> None:
    before = server.status()
    guest.boot()
    guest.command(b"x")
    status = server.status()
    assert (before.running, status.running) == (False, True)
    assert status.peer == f"pid {os.getpid()}, uid {os.getuid()}"
    assert status.features == ("INDIRECT_DESC", "EVENT_IDX", "PROTOCOL_FEATURES", "VERSION_1")
    assert status.protocol_features[-1] == "SHMEM"
    assert [(ring.size, ring.started, ring.last_avail) for ring in status.rings] == [
        (16, True, 1),
        (16, True, 0),
    ]
    assert status.regions[0].mapped
    assert status.counters.commands == 1
    assert before.counters.commands == 0


def test_a_mistake_of_ours_does_not_leave_the_front_end_waiting(
    guest: Guest, server: ServerThread, device: EchoDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> bytes:
        raise KeyError("a bug")

    monkeypatch.setattr(device, "config_space", fail)
    with pytest.raises(FrontendError):
        guest.frontend.get_config()
    assert "GET_CONFIG failed here" in server.wait_for(FrontendGone).reason


def test_disconnecting_by_hand(guest: Guest, server: ServerThread, path: Path) -> None:
    guest.boot()
    server.call(server.server.disconnect, "the operator said so")
    assert server.wait_for(FrontendGone).reason == "the operator said so"
    with Frontend.connect(path) as again:
        assert again.get_queue_num() == 2


def test_the_server_needs_one_place(settings: Settings) -> None:
    for wrong in (Settings(), Settings(path=settings.path, fd=0)):
        with pytest.raises(SocketSetupError):
            ServerThread(EchoDevice(), wrong)


def test_requests_are_named_in_refusals(guest: Guest) -> None:
    guest.negotiate()
    with pytest.raises(FrontendError, match="SET_VRING_NUM was refused"):
        guest.frontend.set_vring_num(7, 16)
