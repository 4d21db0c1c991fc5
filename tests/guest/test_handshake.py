"""Handshakes in the order of three VMMs, and what is said about a back-end that breaks one."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from vmedia_bench.guest.channel import ShmemAnswer
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestError
from vmedia_bench.guest.ram import USER_BASE
from vmedia_bench.guest.vmm import Vmm

if TYPE_CHECKING:
    from tests.guest.rig import FakeBackend

TINY = 0.02
RING_QEMU = [8, 10, 9, 12, 13]
RING_CROSVM = [8, 9, 10, 13, 12, 18]
RING_LIBKRUN = [8, 10, 9, 12, 13, 18]


def connect(backend: FakeBackend, **settings: object) -> Vmm:
    backend.start()
    return Vmm.connect(backend.path, **{"memory_size": 4 << 20, **settings})


def settle(vmm: Vmm) -> None:
    """Let a back-end that never answers catch up with what it was told."""
    vmm.link.get_features()


def test_qemu_asks_for_features_before_it_owns_the_device(backend: FakeBackend) -> None:
    with connect(backend, order="qemu") as vmm:
        introduction = [1, 15, 16, 17, 21, 3, 1, 13, 13, 14, 14, 44, 24]
        assert backend.requests == [*introduction, 2, 5, *RING_QEMU, *RING_QEMU, 18, 18]
        assert vmm.running
        assert vmm.link.reply_ack


def test_crosvm_owns_first_and_asks_for_no_acknowledgement(backend: FakeBackend) -> None:
    with connect(backend, order="crosvm") as vmm:
        settle(vmm)
        introduction = [3, 1, 15, 16, 21, 17, 44, 24]
        assert backend.requests[:-1] == [*introduction, 2, 5, *RING_CROSVM, *RING_CROSVM]
        assert vmm.commandq.size == 32768
        assert not vmm.link.reply_ack


def test_libkrun_sends_memory_before_features(backend: FakeBackend) -> None:
    with connect(backend, order="libkrun") as vmm:
        settle(vmm)
        introduction = [1, 15, 16, 17, 24, 3, 21, 44]
        assert backend.requests[:-1] == [*introduction, 5, 2, *RING_LIBKRUN, *RING_LIBKRUN]
        assert not backend.acked_protocol[0] & 1 << 3


def test_only_what_is_offered_is_taken(backend: FakeBackend) -> None:
    backend.features = 1 << 32 | 1 << 30 | 1 << 29
    backend.protocol = 1 << 9 | 1 << 3
    with connect(backend) as vmm:
        assert vmm.features == backend.features
        assert backend.acked_protocol == [1 << 9 | 1 << 3]
        assert vmm.channel is None
        assert vmm.regions == {}


def test_a_back_end_without_protocol_features(backend: FakeBackend) -> None:
    backend.features = 1 << 32
    with connect(backend) as vmm:
        settle(vmm)
        assert 15 not in backend.requests
        assert 18 not in backend.requests
        assert vmm.config == b""


@pytest.mark.parametrize(("bit", "user_base"), [(22, USER_BASE), (21, 0), (20, 0)])
def test_shmem_is_found_at_each_bit_it_ever_had(
    backend: FakeBackend, bit: int, user_base: int
) -> None:
    backend.protocol = 0x229 | 1 << bit
    with connect(backend) as vmm:
        assert vmm.handshake.shmem_bit == bit
        assert vmm.ram.user_base == user_base
        assert vmm.regions[0].size == 1 << 20


def test_regions_of_shared_memory_keep_their_ids(backend: FakeBackend) -> None:
    backend.shmem_sizes = [4096, 0, 8192]
    with connect(backend) as vmm:
        assert {shmid: region.size for shmid, region in vmm.regions.items()} == {0: 4096, 2: 8192}


def test_crosvm_takes_one_region_only(backend: FakeBackend) -> None:
    backend.shmem_sizes = [4096, 4096]
    with pytest.raises(BackendError, match="crosvm takes one shared-memory region, not 2"):
        connect(backend, order="crosvm")


def test_a_refused_ring_size_is_named(backend: FakeBackend) -> None:
    backend.refuse = {8}
    with pytest.raises(BackendError, match=r"^back-end refused SET_VRING_NUM 256 of ring 0$"):
        connect(backend)


def test_a_refusal_without_acknowledgement_shows_as_a_closed_connection(
    backend: FakeBackend,
) -> None:
    backend.refuse = {8}

    def connect_and_wait() -> None:
        vmm = connect(backend, order="libkrun")
        vmm.wait_for(lambda: False, 5.0)

    with pytest.raises(BackendError, match="back-end closed the connection during"):
        connect_and_wait()


def test_a_connection_closed_in_the_handshake_names_the_message(backend: FakeBackend) -> None:
    backend.close_at = {24}
    with pytest.raises(
        BackendError, match="closed the connection during GET_CONFIG of 40 bytes at 0"
    ):
        connect(backend)


def test_a_silent_back_end_names_the_message(backend: FakeBackend) -> None:
    backend.silent_at = {44}
    with pytest.raises(BackendTimeoutError, match=r"did not answer GET_SHMEM_CONFIG in 0.02 s"):
        connect(backend, timeout=TINY)


def test_nobody_listens() -> None:
    with pytest.raises(BackendError, match="no back-end listens"):
        Vmm.connect("/nonexistent/socket")


def test_too_few_queues(backend: FakeBackend) -> None:
    backend.queues = 1
    with pytest.raises(BackendError, match="has 1 queues, a media device has 2"):
        connect(backend)


def test_a_legacy_back_end(backend: FakeBackend) -> None:
    backend.features = 1 << 30
    with pytest.raises(BackendError, match="does not offer VIRTIO_F_VERSION_1"):
        connect(backend)


def test_a_short_configuration_space(backend: FakeBackend) -> None:
    backend.config = bytes(8)
    with pytest.raises(BackendError, match=r"answered GET_CONFIG .* with 20 bytes"):
        connect(backend)


def test_unknown_orders_and_ring_sizes_are_our_own_mistakes(backend: FakeBackend) -> None:
    with pytest.raises(GuestError, match="order is one of qemu, crosvm, libkrun"):
        Vmm.connect(backend.path, order="bhyve")
    with pytest.raises(GuestError, match="one region"):
        Vmm.connect(backend.path, order="crosvm", regions=2)
    with pytest.raises(GuestError, match="power of two"):
        connect(backend, queue_size=48)


def test_several_regions_arrive_as_they_are(backend: FakeBackend) -> None:
    with connect(backend, regions=4) as vmm:
        assert [(gpa, size) for gpa, size, _, _ in backend.regions] == [
            (r.guest_address, r.size) for r in vmm.ram.regions
        ]


def test_pause_and_resume_keep_the_place(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        driver = Driver(vmm)
        driver.submit_bytes(bytes(8), 8)
        bases = vmm.pause()
        assert bases[0] == 1
        assert not vmm.running
        backend.vring_bases.clear()
        vmm.resume()
        assert backend.vring_bases == [(0, bases[0]), (1, bases[1])]
        assert driver.submit_bytes(bytes(8), 8) == bytes(8)


def test_reset_starts_at_base_zero_without_mappings(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        driver = Driver(vmm)
        driver.submit_bytes(bytes(8), 8)
        backend.vring_bases.clear()
        vmm.reset()
        assert backend.vring_bases == [(0, 0), (1, 0)]
        assert driver.submit_bytes(bytes(8), 8) == bytes(8)


def test_reconnect_goes_through_it_all_again(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        driver = Driver(vmm)
        before = len(backend.requests)
        vmm.reconnect()
        assert backend.requests[before:] == backend.requests[:before]
        assert driver.submit_bytes(bytes(8), 8) == bytes(8)


def test_a_ring_error_is_not_laid_to_the_next_connection(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        driver = Driver(vmm)
        os.eventfd_write(vmm._eventfds["err"][0], 1)
        with pytest.raises(BackendError, match="error of ring 0"):
            vmm.wait(5)
        vmm.reconnect()
        assert not vmm.wait(0)
        assert driver.submit_bytes(bytes(8), 8) == bytes(8)


# -- the back-end's channel ------------------------------------------------------------------


def serve(
    driver: Driver, backend: FakeBackend, fields: tuple[int, int, int, int], *, request: int = 9
) -> int:
    """Have the back-end ask for a mapping (shmid, file offset, offset, length); the verdict."""
    fd = os.memfd_create("buffer")
    os.ftruncate(fd, 8192)
    verdicts: list[int] = []

    def media(command: bytes, room: int) -> bytes:
        verdicts.append(backend.shmem(request, fd, (*fields, 1)))
        return bytes(8)

    backend.media = media
    driver.submit_bytes(bytes(8), 8)
    os.close(fd)
    return verdicts[0]


def test_a_mapping_is_served_while_a_command_waits(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        driver = Driver(vmm)
        assert serve(driver, backend, (0, 4096, 0, 4096)) == 0
        assert len(vmm.regions[0].view(0, 4096)) == 4096
        assert serve(driver, backend, (0, 0, 0, 4096), request=10) == 0
        assert vmm.regions[0].mappings == ()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ((0, 100, 0, 4096), "not page-aligned"),
        ((3, 0, 0, 4096), "there is no region 3"),
        ((0, 4096, 0, 8192), "the file has 8192 bytes"),
    ],
)
def test_a_bad_mapping_is_refused_and_remembered(
    backend: FakeBackend, fields: tuple[int, int, int, int], why: str
) -> None:
    with connect(backend) as vmm:
        assert serve(Driver(vmm), backend, fields) == 1
        assert vmm.channel is not None
        assert why in vmm.channel.requests[0].refusal


def test_mappings_can_be_refused_on_purpose(backend: FakeBackend) -> None:
    with connect(backend, shmem_answer=ShmemAnswer.REFUSE) as vmm:
        assert serve(Driver(vmm), backend, (0, 0, 0, 4096)) == 1


def test_config_changes_are_counted_and_held_against_a_stopped_device(
    backend: FakeBackend,
) -> None:
    with connect(backend) as vmm:
        backend.config_change()
        assert vmm.wait_for(lambda: vmm.config_changes == 1, 5.0)
        assert vmm.violations == []
        vmm.pause()
        backend.config_change()
        assert vmm.wait_for(lambda: vmm.config_changes == 2, 5.0)
        assert vmm.violations == ["CONFIG_CHANGE_MSG while the device is stopped: QEMU dies of it"]


def test_a_back_end_that_closes_its_channel_is_no_drama(backend: FakeBackend) -> None:
    with connect(backend) as vmm:
        assert backend.channel is not None
        backend.channel.close()
        channel = vmm.channel
        assert channel is not None
        assert vmm.wait_for(lambda: not channel.open, 5.0)
        assert struct.unpack_from("<I", vmm.read_config())[0] == 0x04200001
