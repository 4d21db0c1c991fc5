"""A front-end and a device that echoes, over real sockets, memory and eventfds."""

from tests.vhost.live import Guest, ServerThread
from tests.vhost.rig import EchoDevice
from vmedia_bench.vhost.observer import FrontendGone


def test_a_command_comes_back(guest: Guest, device: EchoDevice) -> None:
    guest.boot()
    assert guest.command(b"hello") == b"hello"
    assert device.calls == ["attach"]


def test_the_event_buffers_are_filled(guest: Guest, device: EchoDevice) -> None:
    guest.boot()
    guest.offer([(0x90000, 64, True)], index=1)
    device.events.append(b"an event")
    guest.command(b"hello")
    _head, written = guest.take(index=1)
    assert bytes(guest.ram.view[0x90000 : 0x90000 + written]) == b"an event"


def test_the_bench_listens_again(guest: Guest, server: ServerThread, device: EchoDevice) -> None:
    guest.boot()
    guest.command(b"one")
    guest.close()
    server.wait_for(FrontendGone)
    assert device.calls == ["attach", "detach"]
    assert server.server._settings.path is not None
    with Guest(server.server._settings.path) as second:
        second.boot()
        assert second.command(b"two") == b"two"
