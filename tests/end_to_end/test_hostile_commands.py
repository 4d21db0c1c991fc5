"""Commands no driver would send, through real rings to the real device."""

from collections.abc import Iterator
from errno import EBUSY, EFAULT, EINVAL, ENOTTY

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    CAPTURE,
    CAPTURE_MPLANE,
    MMAP,
    USERPTR,
    driver_of,
    gets_frames,
    session_of,
    streaming,
    take_frames,
)
from tests.end_to_end.raw import LIMIT_S, WRITE, used_index
from vmedia_bench.guest.buffers import Buffer, Plane
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.events import DqbufEvent, Event, V4l2Event, parse_event
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.vhost.layout import DESC
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Shape
from vmedia_bench.wire.v4l2 import BufFlag, EventSubFlag, EventType

CTRL = int(EventType.CTRL)
SEND_INITIAL = int(EventSubFlag.SEND_INITIAL)
BRIGHTNESS = int(Cid.BRIGHTNESS)
QUEUED_OR_DONE = int(BufFlag.QUEUED | BufFlag.DONE)
HUGE = 0xFFFF_FFFF


@pytest.fixture
def driver(survivor: Bench) -> Iterator[Driver]:
    with driver_of(survivor) as driver:
        yield driver
        gets_frames(driver)


@pytest.fixture
def session(driver: Driver) -> Iterator[Session]:
    with driver.open() as session:
        yield session


def status_of(driver: Driver, command: bytes, room: int = 512) -> int:
    answer = driver.submit_bytes(command, room)
    return int(media.RESP_HEADER.unpack_from(answer)[0])


def ioctl(session_id: int, number: int, payload: bytes = b"") -> bytes:
    return media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, number) + payload


@pytest.mark.parametrize("length", range(1, 8))
def test_a_command_without_a_whole_header(driver: Driver, length: int) -> None:
    assert status_of(driver, media.CMD_HEADER.pack(media.CMD_OPEN, 0)[:length]) == EINVAL


@pytest.mark.parametrize("length", [8, 12, 15])
def test_a_session_command_cut_short(session: Session, length: int) -> None:
    driver = session.driver
    assert status_of(driver, ioctl(session.id, ioctls.VIDIOC_G_FMT)[:length]) == EINVAL
    mmap = media.MMAP_COMMAND.pack(media.CMD_MMAP, session.id, 0, 0)
    assert status_of(driver, mmap[:length]) == EINVAL
    assert status_of(driver, media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, 0)[:length]) == EINVAL


@pytest.mark.parametrize("command", [0, 6, 7, 255, 1 << 31, HUGE])
def test_an_unknown_command(driver: Driver, command: int) -> None:
    assert status_of(driver, media.CMD_HEADER.pack(command, 0) + bytes(64)) == ENOTTY


@pytest.mark.parametrize("number", sorted({*range(108), 200, 255, 1 << 14, HUGE} - set(IOCTLS)))
def test_an_unknown_ioctl(session: Session, number: int) -> None:
    assert status_of(session.driver, ioctl(session.id, number, bytes(256))) == ENOTTY


def test_ioctls_that_never_come_from_a_driver(session: Session) -> None:
    for name in ("QUERYCAP", "DQBUF", "DQEVENT", "LOG_STATUS", "EXPBUF", "G_PRIORITY"):
        row = ioctls.BY_NAME.get(name)
        if row is not None:
            assert status_of(session.driver, ioctl(session.id, row.number, bytes(256))) != 0


@pytest.mark.parametrize("unknown", [0, 1 << 20, HUGE])
def test_commands_on_a_session_that_is_not_open(session: Session, unknown: int) -> None:
    driver = session.driver
    assert status_of(driver, ioctl(unknown, ioctls.VIDIOC_G_FMT, bytes(208))) == EINVAL
    mmap = media.MMAP_COMMAND.pack(media.CMD_MMAP, unknown, 0, 0)
    assert status_of(driver, mmap) == EINVAL


def test_close_of_an_unknown_session_and_twice(session: Session) -> None:
    driver = session.driver
    for session_id in (0, HUGE, session.id, session.id):
        assert driver.close_session(session_id) == 0
    # With room behind it there is nothing to say, either.
    assert driver.submit_bytes(media.CMD_SESSION.pack(media.CMD_CLOSE, HUGE, 0), 16) == b""


@pytest.mark.parametrize("name", sorted(row.name for row in IOCTLS.values()))
def test_every_ioctl_with_its_payload_missing_cut_and_full_of_ones(
    session: Session, name: str
) -> None:
    row, driver = ioctls.BY_NAME[name], session.driver
    takes = row.direction in {Direction.W, Direction.WR}
    if takes and row.size:
        for payload in (b"", bytes(row.size - 1)):
            assert status_of(driver, ioctl(session.id, row.number, payload)) in {EINVAL, ENOTTY}
    for byte in (b"\xff", b"\x00", b"\x01"):
        answer = driver.submit_bytes(ioctl(session.id, row.number, byte * (row.size + 640)), 4096)
        assert len(answer) >= media.RESP_HEADER.size
        status = media.RESP_HEADER.unpack_from(answer)[0]
        if not status and row.direction in {Direction.R, Direction.WR}:
            assert len(answer) >= media.RESP_HEADER.size + row.size
    session.request_buffers(0, CAPTURE, MMAP)
    for cid in (Cid.BRIGHTNESS, Cid.CONTRAST, Cid.SATURATION):
        session.set_control(int(cid), 128)


@pytest.mark.parametrize("room", [1, 4, 7, 8, 9, 100, 215])
def test_too_little_space_for_the_answer_gets_what_fits(session: Session, room: int) -> None:
    whole = session.driver.submit_bytes(
        ioctl(session.id, ioctls.VIDIOC_G_FMT, structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)), 216
    )
    part = session.driver.submit_bytes(
        ioctl(session.id, ioctls.VIDIOC_G_FMT, structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)), room
    )
    assert (len(whole), part) == (216, whole[:room])


def test_a_command_without_space_for_the_answer(session: Session) -> None:
    command = ioctl(session.id, ioctls.VIDIOC_G_FMT, structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204))
    assert session.driver.submit_bytes(command, 0) == b""


@pytest.mark.parametrize("count", [1, 1024, 1025, 1 << 16, 1 << 31, HUGE])
@pytest.mark.parametrize("number", [71, 72, 73])
def test_more_controls_announced_than_sent(session: Session, number: int, count: int) -> None:
    payload = structs.EXT_CONTROLS.pack(0, count, 0, 0, 1)
    assert IOCTLS[number].shape is Shape.EXT_CONTROLS
    assert status_of(session.driver, ioctl(session.id, number, payload)) == EINVAL


@pytest.mark.parametrize("planes", [9, 1 << 16, HUGE])
def test_more_planes_than_there_can_be(session: Session, planes: int) -> None:
    buffer = Buffer(0, CAPTURE_MPLANE, MMAP, m=1, length=planes).pack()
    for number in (ioctls.VIDIOC_QUERYBUF, ioctls.VIDIOC_QBUF):
        assert status_of(session.driver, ioctl(session.id, number, buffer)) == EINVAL


@pytest.mark.parametrize("size", [1, 4096, 1 << 20, HUGE])
def test_controls_with_blocks_that_are_nowhere(session: Session, size: int) -> None:
    control = structs.EXT_CONTROL.pack(int(Cid.BRIGHTNESS), size, 0)
    head = structs.EXT_CONTROLS.pack(0, 1, 0, 0, 1)
    hole = session.ram.hole
    for entries in (b"", media.SG_ENTRY.pack(hole, size), media.SG_ENTRY.pack(1 << 63, size)):
        command = ioctl(session.id, ioctls.VIDIOC_S_EXT_CTRLS, head + control + entries)
        assert status_of(session.driver, command) in {EINVAL, EFAULT}


def userptr_buffer(size: int, index: int = 0) -> Buffer:
    return Buffer(index, CAPTURE, USERPTR, m=0x7000_0000, length=size)


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param(lambda hole, size: [], id="none"),
        pytest.param(lambda hole, size: [(4096, size - 1)], id="too short"),
        pytest.param(lambda hole, size: [(hole, size)], id="outside"),
        pytest.param(lambda hole, size: [(hole - 4096, size)], id="over the end"),
        pytest.param(lambda hole, size: [((1 << 64) - 4096, size)], id="wrapping"),
        pytest.param(lambda hole, size: [(4096, 0), (4096, size)], id="empty entry"),
        pytest.param(lambda hole, size: [(4096, 64), (hole, size)], id="second outside"),
    ],
)
def test_userptr_memory_that_does_not_cover_the_buffer(session: Session, spans: object) -> None:
    size = session.get_format(CAPTURE).planes[0].sizeimage
    assert callable(spans)
    session.request_buffers(1, CAPTURE, USERPTR)
    with pytest.raises(GuestIoctlError) as refusal:
        session.buffer_ioctl("QBUF", userptr_buffer(size), [spans(session.ram.hole, size)])
    assert refusal.value.errno in {EFAULT, EINVAL}
    # It was not queued in part: there is nothing to fill.
    session.stream_on(CAPTURE)
    assert session.query_buffer(0, CAPTURE, USERPTR).flags & QUEUED_OR_DONE == 0
    session.stream_off(CAPTURE)
    session.request_buffers(0, CAPTURE, USERPTR)


def test_a_userptr_buffer_shorter_than_the_picture(session: Session) -> None:
    size = session.get_format(CAPTURE).planes[0].sizeimage
    session.request_buffers(1, CAPTURE, USERPTR)
    address = session.ram.allocate_pages(size)
    with pytest.raises(GuestIoctlError) as refusal:
        session.buffer_ioctl("QBUF", userptr_buffer(size - 1), [[(address, size - 1)]])
    assert refusal.value.errno == EINVAL
    assert not any(session.ram.at(address, size))
    session.ram.free(address)
    session.request_buffers(0, CAPTURE, USERPTR)


def test_buffers_that_cannot_be_queued(session: Session) -> None:
    with streaming(session) as stream:
        take_frames(stream, 3)
        for wrong in (
            Buffer(stream.count, CAPTURE, MMAP),
            Buffer(HUGE, CAPTURE, MMAP),
            Buffer(0, CAPTURE, USERPTR, m=1, length=1 << 20),
            Buffer(0, CAPTURE, 77),
            Buffer(0, 0, MMAP),
            Buffer(0, 99, MMAP),
            Buffer(0, CAPTURE_MPLANE, MMAP, m=1, length=1, planes=(Plane(),)),
        ):
            with pytest.raises(GuestIoctlError) as refusal:
                session.buffer_ioctl("QBUF", wrong, [[(4096, 1 << 20)]])
            assert refusal.value.errno == EINVAL
        take_frames(stream, 3)


def test_a_buffer_queued_twice(session: Session) -> None:
    session.request_buffers(2, CAPTURE, MMAP)
    session.buffer_ioctl("QBUF", Buffer(0, CAPTURE, MMAP))
    with pytest.raises(GuestIoctlError) as refusal:
        session.buffer_ioctl("QBUF", Buffer(0, CAPTURE, MMAP))
    assert refusal.value.errno == EINVAL
    session.stream_on(CAPTURE)
    while not session.dqbufs:
        assert session.driver.wait_event(5)
    assert [buffer.index for buffer in session.dqbufs] == [0]
    session.stream_off(CAPTURE)
    session.request_buffers(0, CAPTURE, MMAP)


def test_addresses_that_were_never_mapped(session: Session) -> None:
    session.request_buffers(2, CAPTURE, MMAP)
    good = session.query_buffer(1, CAPTURE, MMAP).mem_offset
    for offset in (good + 1, good + 4096, 0xFFFF_F000, HUGE):
        with pytest.raises(GuestIoctlError) as refusal:
            session.mmap(offset)
        assert refusal.value.errno == EINVAL
    address, _ = session.mmap(good)
    session.munmap(address)
    for wrong in (address, address + 1, 0, 1 << 40, (1 << 64) - 4096):
        with pytest.raises(GuestIoctlError) as refusal:
            session.munmap(wrong)
        assert refusal.value.errno == EINVAL
    session.request_buffers(0, CAPTURE, MMAP)


def test_a_buffer_can_be_mapped_by_any_session_as_vb2_has_it(session: Session) -> None:
    with session.driver.open() as other, streaming(session) as stream:
        address, _ = other.mmap(session.query_buffer(0, CAPTURE, MMAP).mem_offset)
        take_frames(stream, 3)
        other.munmap(address)
        take_frames(stream, 3)


def test_an_answer_over_the_command_itself(session: Session) -> None:
    """Read whole before anything is written: the answer may lie on top of the command."""
    driver, ram = session.driver, session.ram
    address = ram.allocate(512)
    payload = structs.FORMAT_TYPE.pack(CAPTURE) + bytes(204)
    command = ioctl(session.id, ioctls.VIDIOC_G_FMT, payload)
    expected = driver.submit_bytes(command, 216)
    ram.at(address, len(command))[:] = command
    assert driver.raw_chain([(address, len(command), False), (address, 216, True)]) == 216
    assert bytes(ram.at(address, 216)) == expected
    ram.free(address)


def test_a_command_in_pieces_of_one_byte(session: Session) -> None:
    driver, ram = session.driver, session.ram
    payload = structs.FORMAT_TYPE.pack(CAPTURE) + bytes(60)
    command = ioctl(session.id, ioctls.VIDIOC_G_PARM, structs.U32.pack(CAPTURE) + bytes(200))
    expected = driver.submit_bytes(command, 212)
    assert len(payload) == 64
    at, back = ram.allocate(256), ram.allocate(256)
    ram.at(at, len(command))[:] = command
    # A ring of 256 cannot hold more; empty descriptors in between mean nothing.
    readable = [(at + n, 1, False) for n in range(40)] + [(at + 40, len(command) - 40, False)]
    readable[7:7] = [(0, 0, False), (1 << 63, 0, False)]
    writable = [(back + n, 1, True) for n in range(100)] + [(back + 100, 156, True)]
    assert driver.raw_chain(readable + writable) == len(expected)
    assert bytes(ram.at(back, len(expected))) == expected
    for address in (at, back):
        ram.free(address)


def test_a_flood_of_opens_ends_in_ebusy(survivor: Bench) -> None:
    with driver_of(survivor) as driver:
        for _ in range(256):
            driver.open()
        for _ in range(1000):
            assert status_of(driver, media.CMD_HEADER.pack(media.CMD_OPEN, 0)) == EBUSY
        next(iter(driver.sessions.values())).close()
        gets_frames(driver)


def test_without_event_buffers_commands_go_on_and_events_are_merged(survivor: Bench) -> None:
    with session_of(survivor) as first:
        vmm = first.driver.vmm
        mute = Driver(vmm, event_buffers=0)
        with mute.open() as setter, mute.open() as told:
            told.subscribe(CTRL, BRIGHTNESS)
            setter.request_buffers(4, CAPTURE, MMAP)
            for index in range(4):
                setter.buffer_ioctl("QBUF", Buffer(index, CAPTURE, MMAP))
            setter.stream_on(CAPTURE)
            for value in (*range(256), 128):
                setter.set_control(BRIGHTNESS, value)
            found = late_events(vmm)
            assert sorted(e.buffer.index for e in found if isinstance(e, DqbufEvent)) == [
                0,
                1,
                2,
                3,
            ]
            (merged,) = [e for e in found if isinstance(e, V4l2Event)]
            assert structs.EVENT_CTRL.unpack_from(merged.payload)[2] == 128
            assert len(found) == 5


def late_events(vmm: Vmm) -> list[Event]:
    """Post sixteen event buffers and take what comes before the next two answers."""
    size = media.EVENT_MAX_SIZE
    at = [vmm.ram.allocate(size) for _ in range(16)]
    vmm.eventq.write_descriptors(0, b"".join(DESC.pack(gpa, size, WRITE, 0) for gpa in at))
    vmm.eventq.offer(range(16))
    assert vmm.wait_for(lambda: used_index(vmm, vmm.eventq) >= 5, LIMIT_S)
    taken = list(iter(vmm.eventq.take, None))
    return [parse_event(vmm.ram.at(at[head], length)) for head, length in taken]


def test_event_buffers_too_small_for_an_event(survivor: Bench) -> None:
    with session_of(survivor) as first:
        small = Driver(first.driver.vmm, event_size=16)
        with small.open() as session:
            session.subscribe(CTRL, BRIGHTNESS, SEND_INITIAL)
            assert session.get_format(CAPTURE).type == CAPTURE
