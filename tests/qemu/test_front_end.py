"""A real QEMU as the front-end, without a guest: what its vhost-user code does with the bench."""

import struct
from errno import EINVAL
from pathlib import Path

import pytest

from tests.qemu.qtest import Qtest, machine
from tests.qemu.virtio_pci import SHARED_MEMORY, VERSION_1, VirtioPci
from tests.serving import Serving
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.v4l2 import Cap, fourcc

pytestmark = pytest.mark.qemu

CAPTURE, MMAP = 1, 1
EVENT_IDX, INDIRECT = 1 << 29, 1 << 28


@pytest.fixture
def driver(qtest: Qtest) -> VirtioPci:
    return VirtioPci(qtest)


def open_session(driver: VirtioPci) -> int:
    response = driver.command(media.CMD_HEADER.pack(media.CMD_OPEN, 0), 16)
    status, session_id = media.RESP_OPEN.unpack(response)
    assert status == 0
    return int(session_id)


def ioctl(
    driver: VirtioPci, session_id: int, number: int, payload: bytes, *, answers: bool = True
) -> bytes:
    """One ioctl; gives its payload. AssertionError unless it succeeds."""
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, number) + payload
    response = driver.command(request, 8 + (len(payload) if answers else 0))
    assert media.RESP_HEADER.unpack_from(response) == (0,)
    return response[8:]


def small_camera(driver: VirtioPci, session_id: int) -> None:
    """160x120 RGB3."""
    fmt = bytearray(208)
    fmt[0:4] = struct.pack("<I", CAPTURE)
    structs.PIX_FORMAT.pack_into(fmt, 8, 160, 120, fourcc("RGB3"), 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ioctl(driver, session_id, ioctls.VIDIOC_S_FMT, bytes(fmt))


def map_first_buffer(driver: VirtioPci, session_id: int) -> tuple[int, int]:
    """REQBUFS, QUERYBUF and MMAP of buffer 0; gives where it is in the BAR and its length."""
    request = structs.REQUESTBUFFERS.pack(2, CAPTURE, MMAP, 0, 0)
    ioctl(driver, session_id, ioctls.VIDIOC_REQBUFS, request)
    buffer = structs.BUFFER.pack(0, CAPTURE, 0, 0, 0, 0, 0, bytes(16), 0, MMAP, 0, 0, 0)
    answer = ioctl(driver, session_id, ioctls.VIDIOC_QUERYBUF, buffer)
    offset = structs.BUFFER.unpack(answer)[10] & 0xFFFF_FFFF
    response = driver.command(media.MMAP_COMMAND.pack(media.CMD_MMAP, session_id, 1, offset), 24)
    status, address, length = media.RESP_MMAP.unpack(response)
    assert status == 0
    return address, length


def test_handshake_offers_virtio_1_indirect_and_event_idx(driver: VirtioPci) -> None:
    offered = driver.offered_features()
    assert offered & VERSION_1
    assert offered & INDIRECT
    assert offered & EVENT_IDX


def test_the_config_space_is_the_cameras(driver: VirtioPci) -> None:
    caps, device_type, card = media.CONFIG.unpack(driver.config(0, 40))
    assert caps & Cap.VIDEO_CAPTURE
    assert caps & Cap.STREAMING
    assert device_type == 0
    assert card.rstrip(b"\0")


def test_a_session_opens_and_answers_an_ioctl(driver: VirtioPci) -> None:
    driver.start()
    session_id = open_session(driver)
    fmt = struct.pack("<I", CAPTURE) + bytes(204)
    answer = ioctl(driver, session_id, ioctls.VIDIOC_G_FMT, fmt)
    width, height = struct.unpack_from("<II", answer, 8)
    assert (width, height) == (640, 480)


@pytest.mark.parametrize(
    "features", [VERSION_1, VERSION_1 | EVENT_IDX, VERSION_1 | EVENT_IDX | INDIRECT]
)
def test_every_feature_set_serves_commands(driver: VirtioPci, features: int) -> None:
    driver.start(features)
    sessions = [open_session(driver) for _ in range(3 * driver.rings[0].size)]
    assert len(set(sessions)) == len(sessions)


def test_a_mistake_is_answered_with_its_errno(driver: VirtioPci) -> None:
    driver.start()
    session_id = open_session(driver)
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, ioctls.VIDIOC_G_FMT)
    response = driver.command(request + struct.pack("<I", 99) + bytes(204), 216)
    assert media.RESP_HEADER.unpack_from(response) == (EINVAL,)
    assert ioctl(driver, session_id, ioctls.VIDIOC_G_FMT, struct.pack("<I", CAPTURE) + bytes(204))


def test_the_shared_memory_region_has_the_size_that_was_asked_for(driver: VirtioPci) -> None:
    assert driver.regions[SHARED_MEMORY].size == 64 << 20


def test_a_frame_is_seen_through_the_bar(driver: VirtioPci, qtest: Qtest) -> None:
    """SHMEM_MAP, a streamed frame, its DQBUF event, and the pixels where a guest sees them."""
    driver.start()
    session_id = open_session(driver)
    small_camera(driver, session_id)
    address, length = map_first_buffer(driver, session_id)
    assert length == 160 * 120 * 3
    region = driver.regions[SHARED_MEMORY]
    assert not any(qtest.read(region.address + address, 4096))

    driver.add(1, b"", media.EVENT_DQBUF_SIZE)
    buffer = structs.BUFFER.pack(0, CAPTURE, 0, 0, 0, 0, 0, bytes(16), 0, MMAP, 0, 0, 0)
    ioctl(driver, session_id, ioctls.VIDIOC_QBUF, buffer)
    ioctl(driver, session_id, ioctls.VIDIOC_STREAMON, struct.pack("<I", CAPTURE), answers=False)
    event = driver.take(1)
    assert media.EVENT_HEADER.unpack_from(event) == (media.EVT_DQBUF, session_id)
    dequeued = structs.BUFFER.unpack_from(event, 8)
    assert dequeued[2] == length, "bytesused"

    picture = qtest.read(region.address + address, length)
    top = [picture[3 * x : 3 * x + 3] for x in range(0, 160, 20)]
    grey, *colours = top
    assert max(grey) - min(grey) < 8, "the first bar is grey"
    assert len(set(top)) >= 7, "each bar has its colour"
    assert colours[-1][2] > colours[-1][0], "the last bar is blue"


def test_munmap_and_a_second_munmap(driver: VirtioPci) -> None:
    driver.start()
    session_id = open_session(driver)
    address, _ = map_first_buffer(driver, session_id)
    request = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, address)
    assert driver.command(request, 8) == media.RESP_HEADER.pack(0)
    assert media.RESP_HEADER.unpack(driver.command(request, 8)) == (EINVAL,)


def test_a_reset_with_a_live_mapping_forgets_everything(driver: VirtioPci) -> None:
    driver.start()
    session_id = open_session(driver)
    map_first_buffer(driver, session_id)
    driver.start()
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, ioctls.VIDIOC_G_FMT)
    response = driver.command(request + struct.pack("<I", CAPTURE) + bytes(204), 216)
    assert media.RESP_HEADER.unpack_from(response) == (EINVAL,)
    again = open_session(driver)
    address, length = map_first_buffer(driver, again)
    assert length > 0
    assert address % 4096 == 0


def test_many_resets_leave_nothing_behind(driver: VirtioPci) -> None:
    for _ in range(10):
        driver.start()
        map_first_buffer(driver, open_session(driver))


def test_qemu_lives_and_the_bench_listens_again_after_it(
    qemu: str, bench: Serving, tmp_path: Path
) -> None:
    """Two machines, one after the other, on one bench."""
    for run in range(2):
        folder = tmp_path / str(run)
        folder.mkdir()
        with machine(qemu, folder, bench.socket) as qtest:
            driver = VirtioPci(qtest)
            driver.start()
            map_first_buffer(driver, open_session(driver))
            assert qtest.process.poll() is None
        bench.wait_for("front-end left")
    assert bench.process.poll() is None
