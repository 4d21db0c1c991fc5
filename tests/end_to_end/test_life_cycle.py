"""Pause, reset, reconnection and sudden death, again and again, on one bench."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    CAPTURE,
    MMAP,
    driver_of,
    gets_frames,
    serves_a_fresh_guest,
    session_of,
    streaming,
    take_frames,
    vmm_of,
)
from tests.end_to_end.raw import front_end, negotiate
from vmedia_bench.guest.chains import Request
from vmedia_bench.guest.channel import ShmemAnswer
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, GuestIoctlError
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import media
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import EventType
from vmedia_bench.wire.vhost_user import HEADER, VERSION, VRING_STATE
from vmedia_bench.wire.vhost_user import Request as Message

ROOT = Path(__file__).parents[2]
BRIGHTNESS = int(Cid.BRIGHTNESS)
CTRL = int(EventType.CTRL)


@pytest.mark.parametrize("order", ["qemu", "crosvm", "libkrun"])
def test_a_paused_stream_goes_on_where_it_was(camera: Bench, order: str) -> None:
    with driver_of(camera, order=order) as driver, driver.open() as session, driver.open() as other:
        other.subscribe(CTRL, BRIGHTNESS)
        with streaming(session) as stream:
            for _ in range(20):
                take_frames(stream, 3)
                bases = driver.vmm.pause()
                assert bases[0] == driver.vmm.commandq.next
                driver.vmm.resume()
            # `streaming` checks that no sequence number is missing and no buffer came twice.
            take_frames(stream)
            session.set_control(BRIGHTNESS, 127)
            session.set_control(BRIGHTNESS, 128)
            assert other.events
        assert driver.strays == []


def test_mappings_and_their_addresses_survive_a_pause(camera: Bench) -> None:
    with session_of(camera) as session:
        session.request_buffers(1, CAPTURE, MMAP)
        offset = session.query_buffer(0, CAPTURE, MMAP).mem_offset
        address, view = session.mmap(offset)
        view[:4] = b"mine"
        session.driver.vmm.pause()
        session.driver.vmm.resume()
        again, same = session.mmap(offset)
        assert (again, bytes(same[:4])) == (address, b"mine")
        for _ in range(2):
            session.munmap(address)
        with pytest.raises(GuestIoctlError):
            session.munmap(address)


def test_frames_made_during_a_pause_are_not_lost(paced_camera: Bench) -> None:
    with session_of(paced_camera) as session, Stream(session, CAPTURE) as stream:
        vmm = session.driver.vmm
        for _ in range(3):
            stream.queue_all()
            stream.stream_on()
            vmm.pause()
            vmm.resume()
            assert sorted(stream.next_frame().index for _ in range(stream.count)) == [0, 1, 2, 3]
            stream.stream_off()
        assert stream.violations == []


def test_kicks_while_stopped_are_ignored(camera: Bench) -> None:
    with driver_of(camera) as driver:
        driver.vmm.pause()
        for _ in range(100):
            driver.vmm.commandq.kick()
            driver.vmm.eventq.kick()
        driver.vmm.resume()
        gets_frames(driver)


def test_a_command_offered_while_stopped_is_answered_after_the_resumption(camera: Bench) -> None:
    with driver_of(camera) as driver:
        request = Request(media.CMD_HEADER.pack(media.CMD_OPEN, 0), response=16)
        prepared = driver.prepare(request)
        driver.vmm.pause()
        queue = driver.vmm.commandq
        queue.offer([prepared.head])
        assert not queue.news
        driver.vmm.resume()
        assert driver.vmm.wait_for(lambda: queue.news, 5)
        assert queue.take() == (prepared.head, 16)
        gets_frames(driver)


def test_reset_with_live_mappings_and_buffers(narrow_camera: Bench) -> None:
    # 4 buffers of 10 pages, 1 MiB in all: the eighth round would not fit if anything stayed.
    with vmm_of(narrow_camera) as vmm:
        driver = Driver(vmm)
        for _ in range(12):
            session = driver.open()
            stream = Stream(session, CAPTURE)
            stream.queue_all()
            stream.stream_on()
            take_frames(stream, 2)
            assert len(vmm.regions[0].mappings) == 1
            vmm.reset()
            assert driver.sessions == {}
        gets_frames(driver)
        assert driver.strays == []


def test_events_of_before_a_reset_do_not_follow(paced_camera: Bench) -> None:
    with vmm_of(paced_camera) as vmm:
        driver = Driver(vmm, event_buffers=0)
        session = driver.open()
        stream = Stream(session, CAPTURE)
        stream.queue_all()
        stream.stream_on()
        # Four frames wait without event buffers; a new driver must not get them.
        fresh = Driver(vmm)
        gets_frames(fresh)


def test_reconnection_of_the_same_vmm(camera: Bench) -> None:
    with driver_of(camera) as driver:
        for _ in range(10):
            session = driver.open()
            stream = Stream(session, CAPTURE)
            stream.queue_all()
            stream.stream_on()
            driver.vmm.reconnect()
            camera.departed()
        gets_frames(driver)


def test_front_end_gone_in_the_middle_of_a_command(camera: Bench) -> None:
    serves_a_fresh_guest(camera)
    before = camera.footprint()
    for _ in range(10):
        with vmm_of(camera, shmem_answer=ShmemAnswer.STALL) as vmm:
            driver = Driver(vmm)
            session = driver.open()
            session.request_buffers(4, CAPTURE, MMAP)
            offset = session.query_buffer(0, CAPTURE, MMAP).mem_offset
            command = media.MMAP_COMMAND.pack(media.CMD_MMAP, session.id, 1, offset)
            mmap = driver.prepare(Request(command, response=media.RESP_MMAP.size))
            vmm.commandq.offer([mmap.head])
            assert vmm.wait_for(partial(has_shmem_request, vmm), 5)
    serves_a_fresh_guest(camera)
    assert camera.footprint() == before


def has_shmem_request(vmm: Vmm) -> bool:
    return vmm.channel is not None and bool(vmm.channel.requests)


PARTIAL = {
    "half a header": HEADER.pack(Message.SET_OWNER, VERSION, 0)[:7],
    "a header without its payload": HEADER.pack(Message.SET_FEATURES, VERSION, 8),
    "half a payload": HEADER.pack(Message.SET_VRING_NUM, VERSION, 8) + VRING_STATE.pack(0, 4)[:5],
    "no byte": b"",
}


@pytest.mark.parametrize("data", PARTIAL.values(), ids=PARTIAL.keys())
@pytest.mark.parametrize("with_fd", [False, True])
def test_front_end_gone_in_the_middle_of_a_message(
    camera: Bench, data: bytes, with_fd: bool
) -> None:
    serves_a_fresh_guest(camera)
    before = camera.footprint()
    with front_end(camera) as front, Path("/dev/null").open() as file:
        negotiate(front)
        if data:
            front.send_bytes(data, [file.fileno()] * with_fd)
    serves_a_fresh_guest(camera)
    assert camera.footprint() == before


def test_a_new_guest_at_once_after_kill_9(camera: Bench) -> None:
    serves_a_fresh_guest(camera)
    before = camera.footprint()
    for _ in range(3):
        camera.mark()
        with subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.victim", str(camera.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        ) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "streaming\n"
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            with Vmm.connect(camera.socket, memory_size=12 << 20) as vmm:
                gets_frames(Driver(vmm))
        camera.departed()
        camera.departed()
    assert camera.footprint() == before


def test_a_new_guest_at_once_after_one_that_left_much_unsaid(camera: Bench) -> None:
    for _ in range(5):
        camera.mark()
        with front_end(camera) as front:
            negotiate(front, reply_ack=False)
            for _ in range(500):
                front.set_owner()
            front.close()
            with Vmm.connect(camera.socket, memory_size=12 << 20) as vmm:
                gets_frames(Driver(vmm))
            camera.departed()


def test_only_one_front_end_at_a_time(camera: Bench) -> None:
    with driver_of(camera) as driver:
        for _ in range(5):
            with pytest.raises(BackendError):
                Vmm.connect(camera.socket, memory_size=12 << 20)
        gets_frames(driver)


def test_a_mapping_outlives_its_buffer_and_its_session(camera: Bench) -> None:
    with driver_of(camera) as driver:
        session, reader = driver.open(), driver.open()
        with Stream(session, CAPTURE, count=1) as stream:
            offset = reader_offset(stream)
            address, view = session.mmap(offset)
            stream.queue_all()
            stream.stream_on()
            stream.next_frame()
            picture = bytes(view)
            assert any(picture)
        # REQBUFS(0) is behind us, and CLOSE comes now; other buffers must not take the place.
        session.close()
        assert bytes(view) == picture
        with streaming(reader) as other:
            take_frames(other)
            assert address not in {reader.query_buffer(n, CAPTURE, MMAP).mem_offset for n in (0, 3)}
        assert bytes(view) == picture
        with pytest.raises(GuestIoctlError):
            reader.mmap(offset)
        reader.munmap(address)
        with pytest.raises(GuestIoctlError):
            reader.munmap(address)


def reader_offset(stream: Stream) -> int:
    return stream.session.query_buffer(0, CAPTURE, MMAP).mem_offset


def test_fifty_guests_leave_nothing_behind(camera: Bench) -> None:
    serves_a_fresh_guest(camera)
    before = camera.footprint()
    for number in range(50):
        serves_a_fresh_guest(camera, order=("qemu", "crosvm", "libkrun")[number % 3])
    assert camera.footprint() == before
