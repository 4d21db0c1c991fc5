"""The driver: commands over the ring, batches, timeouts, events and hostile chains."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from vmedia_bench.guest.chains import Request
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import (
    BackendError,
    BackendTimeoutError,
    GuestError,
    GuestIoctlError,
)
from vmedia_bench.guest.events import BadEvent, ErrorEvent
from vmedia_bench.guest.vmm import Vmm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.guest.camera import ScriptedCamera
    from tests.guest.rig import FakeBackend

G_INPUT = struct.pack("<IIII", 3, 0, 1, 38)


def echo(request: bytes, room: int) -> bytes:
    """OPEN gives session 1, CLOSE nothing, any other command success and what it sent."""
    command = request[0]
    if command == 1:
        return struct.pack("<IIII", 0, 0, 1, 0)
    return b"" if command == 2 else bytes(8) + request[16:]


@pytest.fixture
def vmm(backend: FakeBackend) -> Callable[..., Vmm]:
    """Connect to a running echo, with settings."""
    backend.media = echo

    def connect(**settings: object) -> Vmm:
        backend.start()
        return Vmm.connect(backend.path, **{"memory_size": 4 << 20, **settings})

    return connect


def test_open_and_close_travel_as_they_should(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    with vmm() as machine, Driver(machine).open() as session:
        assert session.id == 1
    assert backend.commands == [struct.pack("<II", 1, 0), struct.pack("<IIII", 2, 0, 1, 0)]
    assert backend.chains == [([8], [16]), ([16], [])]


@pytest.mark.parametrize("size", [4, 16, 64, 32768])
def test_any_ring_size_works_past_its_end(
    backend: FakeBackend, vmm: Callable[..., Vmm], size: int
) -> None:
    with vmm(queue_size=size) as machine, Driver(machine).open() as session:
        for number in range(40):
            data = number.to_bytes(4, "little")
            assert session.ioctl("G_INPUT", data) == data


@pytest.mark.parametrize("features", [1 << 32, 1 << 32 | 1 << 29])
def test_with_and_without_event_idx(
    backend: FakeBackend, vmm: Callable[..., Vmm], features: int
) -> None:
    with vmm(features=features) as machine, Driver(machine).open() as session:
        for _ in range(5):
            session.ioctl("S_INPUT", bytes(4))
        assert machine.features == features | 1 << 30


def test_indirect_chains_look_the_same_to_the_device(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    with vmm() as machine:
        with Driver(machine, indirect=True).open() as session:
            assert session.ioctl("G_INPUT", b"abcd") == b"abcd"
        assert backend.chains[1] == ([16, 4], [8, 4])


def test_indirect_must_be_negotiated(vmm: Callable[..., Vmm]) -> None:
    with vmm(features=1 << 32) as machine, pytest.raises(GuestError, match="not negotiated"):
        Driver(machine, indirect=True)


def test_separate_payloads_on_request(backend: FakeBackend, vmm: Callable[..., Vmm]) -> None:
    with vmm() as machine, Driver(machine, shared=False).open() as session:
        prepared = session.driver.prepare(session.request(38, b"abcd"))
        assert prepared.chain.readable[1] != prepared.chain.writable[1]
        assert prepared.run() == 0
        assert prepared.answer() == b"abcd"


def test_another_driver_resets_the_device(backend: FakeBackend, vmm: Callable[..., Vmm]) -> None:
    with vmm(queue_size=16) as machine:
        session = Driver(machine).open()
        backend.vring_bases.clear()
        left = machine.ram.free_bytes
        Driver(machine).open().close()
        assert backend.vring_bases == [(0, 0), (1, 0)]
        assert machine.ram.free_bytes == left
        session.close()
        assert backend.commands[-1][0] == 2
        assert len(backend.commands) == 3


def test_a_long_chain_goes_indirect_when_the_ring_is_too_small(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    lists = tuple(struct.pack("<QII", 4096 * n, 8, 0) for n in range(40))
    request = Request(G_INPUT, (bytes(4),), lists, sends=True, receives=True)
    with vmm(queue_size=64) as machine:
        Driver(machine).submit(request)
        assert backend.chains[0] == ([16, 4] + [16] * 40, [8, 4])


def test_batches_have_many_in_flight_and_come_back_in_order(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    with vmm() as machine:
        driver = Driver(machine)
        request = Request(G_INPUT, (bytes(4),), sends=True, receives=True)
        commands = [driver.prepare(request) for _ in range(16)]
        for at, command in enumerate(commands):
            command.payload[:] = at.to_bytes(4, "little")
        for _ in range(5):
            assert driver.batch(commands) == [0] * 16
        assert [bytes(command.answer()) for command in commands] == [
            at.to_bytes(4, "little") for at in range(16)
        ]
        for command in commands:
            command.close()


def test_a_batch_larger_than_the_ring_is_refused(vmm: Callable[..., Vmm]) -> None:
    with vmm(queue_size=16) as machine:
        driver = Driver(machine)
        request = Request(G_INPUT, (bytes(4),), sends=True, receives=True)
        with pytest.raises(GuestError, match="a ring of 16 has 0 descriptors left, 4 are needed"):
            driver.prepare(request)
        assert driver.prepare(request, own_slots=False).run() == 0


def test_no_answer_is_a_timeout_and_the_queue_stays_stuck_until_a_reset(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    with vmm(timeout=0.02) as machine:
        driver = Driver(machine)
        backend.mute = True
        with pytest.raises(BackendTimeoutError, match=r"did not answer within 0.02 s"):
            driver.submit_bytes(bytes(8), 8)
        with pytest.raises(BackendError, match="stuck: 1 unanswered command; reset the device"):
            driver.submit_bytes(bytes(8), 8)
        machine.link.seconds = 5.0
        machine.reset()
        backend.mute = False
        machine.commandq.timeout = 5.0
        assert driver.submit_bytes(bytes(16), 8) == bytes(8)


def test_the_back_end_dies_in_a_command(backend: FakeBackend, vmm: Callable[..., Vmm]) -> None:
    backend.close_at = {24}
    with vmm(protocol=1 << 3) as machine:
        backend.mute = True
        machine.link.send_raw(24, bytes(12))
        with pytest.raises(BackendError, match="closed the connection during operation"):
            Driver(machine).submit_bytes(bytes(8), 8)


def test_an_errno_is_named(backend: FakeBackend, vmm: Callable[..., Vmm]) -> None:
    with vmm() as machine:
        driver = Driver(machine)
        backend.media = lambda request, room: struct.pack("<II", 16, 0)
        with pytest.raises(GuestIoctlError, match=r"^OPEN: EBUSY$") as caught:
            driver.open()
        assert (caught.value.errno, caught.value.errno_name) == (16, "EBUSY")


def test_an_answer_shorter_than_a_header_is_the_back_ends_fault(
    backend: FakeBackend, vmm: Callable[..., Vmm]
) -> None:
    with vmm() as machine:
        backend.media = lambda request, room: b""
        with pytest.raises(BackendError, match="answered OPEN with 0 bytes, a header has 8"):
            Driver(machine).open()


def test_raw_chains_go_out_as_they_are(backend: FakeBackend, vmm: Callable[..., Vmm]) -> None:
    with vmm() as machine:
        address = machine.ram.allocate(64)
        machine.ram.at(address, 4)[:] = b"\x05\0\0\0"
        used = Driver(machine).raw_chain(
            [(address, 4, False), (address, 12, False), (address + 32, 8, True)]
        )
        assert used == 8
        assert backend.chains[0] == ([4, 12], [8])
        assert backend.commands[0][:8] == b"\x05\0\0\0\x05\0\0\0"


# -- events ----------------------------------------------------------------------------------


def test_sixteen_buffers_of_608_bytes_are_posted_again_after_use(
    backend: FakeBackend, camera: ScriptedCamera
) -> None:
    with Vmm.connect(backend.path) as machine:
        driver = Driver(machine)
        with driver.open() as session:
            for _ in range(50):
                session.subscribe(3, 0x980900, 1)
            assert len(session.events) == 50
        assert driver.event_count == 50


def test_an_error_event_ends_the_session_but_its_id_is_closed(
    backend: FakeBackend, camera: ScriptedCamera
) -> None:
    with Vmm.connect(backend.path) as machine:
        driver = Driver(machine)
        session = driver.open()
        backend.late_events.append(struct.pack("<IIII", 0, session.id, 19, 0))
        session.ioctl("G_FMT", struct.pack("<I", 1))
        assert driver.vmm.wait_for(lambda: driver.collect() > 0 or session.error > 0, 5.0)
        assert session.error == 19
        session.close()
        assert backend.commands[-1] == struct.pack("<IIII", 2, 0, session.id, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\1\0\0\0", "event of 4 bytes"),
        (struct.pack("<II", 9, 1), "event type 9 is unknown"),
        (struct.pack("<II", 1, 1) + bytes(88), "DQBUF event of 96 bytes, 608 are needed"),
        (struct.pack("<II", 2, 1) + bytes(128), "EVENT event of 136 bytes, 144 are needed"),
    ],
)
def test_what_is_no_event_is_kept_apart(
    backend: FakeBackend, camera: ScriptedCamera, data: bytes, why: str
) -> None:
    with Vmm.connect(backend.path) as machine:
        driver = Driver(machine)
        with driver.open() as session:
            backend.events.append(data)
            session.ioctl("G_FMT", struct.pack("<I", 1))
            (stray,) = driver.strays
            assert isinstance(stray, BadEvent)
            assert why in stray.why


def test_events_of_unknown_sessions_are_kept_apart(
    backend: FakeBackend, camera: ScriptedCamera
) -> None:
    with Vmm.connect(backend.path) as machine:
        driver = Driver(machine)
        backend.events.append(struct.pack("<IIII", 0, 77, 5, 0))
        driver.open()
        assert driver.strays == [ErrorEvent(77, 5)]
