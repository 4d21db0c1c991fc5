"""Long use: whatever was taken is given back. Nothing here measures time."""

import gc
import tracemalloc
from collections.abc import Callable

from tests.device.rig import CAPTURE, Rig
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    MMAP,
    USERPTR,
    driver_of,
    serves_a_fresh_guest,
    session_of,
    streaming,
)
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.controls import Cid

IN_PROCESS = 1_000_000
OVER_SOCKETS = 100_000
BATCH = 32
STREAMED = 2_000
OPENED = 500
CONNECTED = 50
# What interpreter caches, freed lists and log lines may make of a run; a leak of one small object
# in a thousand commands would be ten times as much.
SLACK_IN_PROCESS = 16 << 10
SLACK_OVER_SOCKETS = 4 << 20


def ioctl(session_id: int, number: int, payload: bytes = b"") -> bytes:
    return media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, number) + payload


def a_round(rig: Rig, session_id: int) -> int:
    """Some of everything a guest does, good and bad; how many commands it took."""
    before = rig.device.counters.commands
    brightness = structs.CONTROL.pack(int(Cid.BRIGHTNESS), before % 256)
    fmt = structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)
    other = rig.open()
    rig.ok(other, ioctls.VIDIOC_SUBSCRIBE_EVENT, structs.EVENT_SUBSCRIPTION.pack(3, 0x980900, 1))
    rig.request_buffers(session_id, 2)
    rig.stream_on(session_id)
    _, address, _ = rig.mmap(session_id, rig.offset_of(session_id, 0))
    for _ in range(4):
        for index in range(2):
            rig.queue(session_id, index)
        rig.ok(session_id, ioctls.VIDIOC_S_CTRL, brightness)
        rig.let_pass(0.1)
        rig.events()
    rig.ioctl(session_id, ioctls.VIDIOC_QBUF, rig.buffer(77))
    rig.ioctl(session_id, 99_999)
    rig.ok(session_id, ioctls.VIDIOC_STREAMOFF, structs.U32.pack(CAPTURE))
    rig.request_buffers(session_id, 0)
    rig.munmap(address)
    rig.close(other)
    rig.close(other)
    execute = rig.device.execute
    for command in (ioctl(session_id, ioctls.VIDIOC_G_FMT, fmt), ioctl(7_777, 4), b"\xff" * 30):
        for _ in range(1000):
            execute(command, 4096)
    return rig.device.counters.commands - before


def test_a_million_commands_leave_no_memory_behind() -> None:
    rig = Rig()
    session_id = rig.open()
    for _ in range(3):
        a_round(rig, session_id)
    gc.collect()
    tracemalloc.start()
    try:
        a_round(rig, session_id)
        gc.collect()
        before = tracemalloc.take_snapshot()
        done = 0
        while done < IN_PROCESS:
            done += a_round(rig, session_id)
        gc.collect()
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    differences = after.compare_to(before, "lineno")
    grown = sum(difference.size_diff for difference in differences)
    assert grown < SLACK_IN_PROCESS, "\n".join(map(str, differences[:10]))


def many_commands(bench: Bench) -> None:
    with driver_of(bench) as driver, driver.open() as session:
        payload = structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)
        control = structs.CONTROL.pack(int(Cid.BRIGHTNESS), 128)
        commands = [
            driver.prepare(session.request(number, data))
            for number, data in (
                (ioctls.VIDIOC_G_FMT, payload),
                (ioctls.VIDIOC_S_CTRL, control),
                (ioctls.VIDIOC_G_INPUT, bytes(4)),
                (ioctls.VIDIOC_STREAMOFF, structs.U32.pack(99)),
            )
            * (BATCH // 4)
        ]
        wanted = [0, 0, 0, 22] * (BATCH // 4)
        for _ in range(OVER_SOCKETS // BATCH):
            assert driver.batch(commands) == wanted
        for command in commands:
            command.close()


def many_frames(bench: Bench) -> None:
    for memory in (MMAP, USERPTR):
        with session_of(bench) as session, streaming(session, memory=memory) as stream:
            for _ in stream.frames(STREAMED // 2):
                pass


def many_sessions(bench: Bench) -> None:
    with driver_of(bench) as driver:
        for _ in range(OPENED):
            with driver.open() as session:
                session.subscribe(3, int(Cid.BRIGHTNESS), 1)
                session.request_buffers(2, CAPTURE, MMAP)
                address, _ = session.mmap(session.query_buffer(1, CAPTURE, MMAP).mem_offset)
                session.munmap(address)


def many_guests(bench: Bench) -> None:
    for number in range(CONNECTED):
        serves_a_fresh_guest(bench, order=("qemu", "crosvm", "libkrun")[number % 3])


WORK: tuple[Callable[[Bench], None], ...] = (many_commands, many_frames, many_sessions, many_guests)


def test_a_bench_in_long_use_holds_what_it_held(camera: Bench) -> None:
    # What the allocator keeps for a first large batch is no leak.
    for work in WORK:
        work(camera)
    footprint, memory = camera.footprint(), camera.private_bytes()
    for work in WORK:
        work(camera)
    assert camera.footprint() == footprint
    assert camera.private_bytes() - memory < SLACK_OVER_SOCKETS
