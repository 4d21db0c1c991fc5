"""Frames through the bench are the device's own, whoever's memory they come in."""

from collections.abc import Callable
from contextlib import closing
from itertools import pairwise

import pytest

from tests.vm.inside.conftest import Connect, control_named
from tests.vm.inside.direct import Direct
from vmedia_bench.guest.control_calls import ControlCalls
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufCap, BufFlag, BufType, Memory

CAPTURE, OUTPUT = int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT)
CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)
OUTPUT_MPLANE = int(BufType.VIDEO_OUTPUT_MPLANE)
MMAP, USERPTR = int(Memory.MMAP), int(Memory.USERPTR)

LIMIT_S = 30

CAMERAS = [("vivid-000-vid-cap", CAPTURE), ("vivid-001-vid-cap", CAPTURE_MPLANE)]
Open = Callable[[str], Direct]


def make_still(camera: ControlCalls) -> None:
    """No text and no movement: each frame is like the one before."""
    camera.set_control(control_named(camera, "OSD Text Mode"), 2)


def mistakes_in(stream: Stream) -> list[str]:
    """What was wrong, but for frames that vivid left out: this machine is slower than its clock."""
    return [mistake for mistake in stream.violations if not mistake.startswith("sequence ")]


def take(
    session: Session, buf_type: int, memory: int = MMAP, scatter: int = 1
) -> tuple[bytes, ...]:
    """The planes of one frame through the bench."""
    with Stream(session, buf_type, memory=memory, count=2, scatter=scatter) as stream:
        stream.queue_all()
        stream.stream_on()
        planes = stream.copy(stream.next_frame(LIMIT_S))
        assert not mistakes_in(stream)
    return planes


@pytest.mark.parametrize(("name", "buf_type"), CAMERAS)
def test_every_format_arrives_to_the_last_byte(
    connect: Connect, direct: Open, name: str, buf_type: int
) -> None:
    guest, host = connect(name), direct(name)
    make_still(host)
    formats = list(host.enum_formats(buf_type))
    for entry in formats:
        asked = VideoFormat(buf_type, 320, 180, entry.pixelformat)
        fmt = host.set_format(asked)
        (frame,) = host.frames(buf_type, 1)
        assert guest.get_format(buf_type) == fmt
        assert take(guest, buf_type) == frame.planes, entry.description
        assert len(frame.planes) == len(fmt.planes)


@pytest.mark.parametrize(
    ("name", "buf_type", "memory", "options"),
    [
        ("vivid-000-vid-cap", CAPTURE, MMAP, ()),
        ("vivid-000-vid-cap", CAPTURE, MMAP, ("zero_copy=no",)),
        ("vivid-000-vid-cap", CAPTURE, USERPTR, ()),
        ("vivid-001-vid-cap", CAPTURE_MPLANE, MMAP, ("zero_copy=no",)),
        ("vivid-001-vid-cap", CAPTURE_MPLANE, USERPTR, ()),
        # Its driver takes no USERPTR: it is copied from in any case.
        ("vivid-002-vid-cap", CAPTURE, MMAP, ()),
        ("vivid-002-vid-cap", CAPTURE, USERPTR, ()),
    ],
)
def test_each_way_of_a_frame_brings_the_same_bytes(
    connect: Connect,
    direct: Open,
    name: str,
    buf_type: int,
    memory: int,
    options: tuple[str, ...],
) -> None:
    guest, host = connect(name, *options), direct(name)
    make_still(host)
    host.set_format(
        VideoFormat(buf_type, 320, 180, next(iter(host.enum_formats(buf_type))).pixelformat)
    )
    (frame,) = host.frames(buf_type, 1)
    assert take(guest, buf_type, memory, scatter=1 if memory == MMAP else 5) == frame.planes


@pytest.mark.parametrize(("name", "buf_type"), CAMERAS)
def test_a_stream_keeps_the_drivers_sequence_timestamps_and_flags(
    connect: Connect, name: str, buf_type: int
) -> None:
    guest = connect(name)
    with Stream(guest, buf_type, count=4) as stream:
        stream.queue_all()
        stream.stream_on()
        frames = [(f.sequence, f.timestamp_ns, f.flags) for f in stream.frames(20, LIMIT_S)]
        stream.stream_off()
        stream.check_silence(0.2)
        assert not mistakes_in(stream)
    assert [sequence for sequence, _, _ in frames] == sorted({s for s, _, _ in frames})
    assert all(flags & BufFlag.TIMESTAMP_MONOTONIC for _, _, flags in frames)
    assert all(earlier[1] < later[1] for earlier, later in pairwise(frames))


def test_buffers_are_told_of_as_they_are(connect: Connect) -> None:
    guest = connect("vivid-000-vid-cap")
    got, capabilities = guest.request_buffers(3, CAPTURE, MMAP)
    assert got == 3
    assert capabilities & BufCap.SUPPORTS_MMAP
    assert capabilities & BufCap.SUPPORTS_USERPTR
    assert not capabilities & BufCap.SUPPORTS_DMABUF
    offsets = [guest.query_buffer(index, CAPTURE, MMAP).mem_offset for index in range(3)]
    assert len(set(offsets)) == 3
    size = guest.get_format(CAPTURE).planes[0].sizeimage
    assert guest.query_buffer(0, CAPTURE, MMAP).length == size
    created = structs.CREATE_BUFFERS.pack(0, 2, MMAP, guest_format(guest), 0, 0, 0)
    first, count, *_ = structs.CREATE_BUFFERS.unpack(guest.ioctl("CREATE_BUFS", created))
    assert (first, count) == (3, 2)
    assert guest.query_buffer(4, CAPTURE, MMAP).mem_offset not in offsets
    guest.ioctl("REMOVE_BUFS", structs.REMOVE_BUFFERS.pack(3, 2, CAPTURE))
    with pytest.raises(GuestIoctlError, match="EINVAL"):
        guest.query_buffer(4, CAPTURE, MMAP)
    guest.request_buffers(0, CAPTURE, MMAP)


def guest_format(session: Session) -> bytes:
    """The v4l2_format in force, as bytes."""
    return session.ioctl("G_FMT", structs.U32.pack(CAPTURE))


def test_a_queue_has_one_owner_on_both_sides(connect: Connect, direct: Open) -> None:
    name = "vivid-000-vid-cap"
    guest, other, host = connect(name), connect(name), direct(name)
    guest.request_buffers(2, CAPTURE, MMAP)
    for stranger in (other, host):
        with pytest.raises(GuestIoctlError, match="EBUSY"):
            stranger.ioctl("REQBUFS", structs.REQUESTBUFFERS.pack(2, CAPTURE, MMAP, 0, 0))
        with pytest.raises(GuestIoctlError, match="EBUSY"):
            stranger.set_format(
                VideoFormat(CAPTURE, 1280, 720, host.get_format(CAPTURE).pixelformat)
            )
    guest.request_buffers(0, CAPTURE, MMAP)
    assert other.request_buffers(2, CAPTURE, MMAP)[0] == 2


def test_a_session_that_closes_lets_the_device_go(connect: Connect, direct: Open) -> None:
    name = "vivid-000-vid-cap"
    guest, host = connect(name), direct(name)
    stream = Stream(guest, CAPTURE, count=3)
    stream.queue_all()
    stream.stream_on()
    stream.next_frame(LIMIT_S)
    guest.close()
    (frame,) = host.frames(CAPTURE, 1)
    assert frame.planes[0]


@pytest.mark.parametrize("memory", [MMAP, USERPTR], ids=["mmap", "userptr"])
@pytest.mark.parametrize(
    ("name", "buf_type"), [("vivid-000-vid-out", OUTPUT), ("vivid-001-vid-out", OUTPUT_MPLANE)]
)
def test_an_output_device_takes_what_the_guest_writes(
    connect: Connect, name: str, buf_type: int, memory: int
) -> None:
    guest = connect(name)
    with Stream(guest, buf_type, memory=memory, count=3) as stream:
        sizes = tuple(plane.sizeimage for plane in guest.get_format(buf_type).planes)
        for index in range(3):
            stream.queue(index, sizes)
        stream.stream_on()
        for _ in range(6):
            frame = stream.next_frame(LIMIT_S)
            assert frame.bytesused == sizes
            stream.queue(frame.index, sizes)
        assert not mistakes_in(stream)


@pytest.mark.parametrize("options", [(), ("zero_copy=no",)], ids=["zero-copy", "copied"])
def test_what_a_guest_outputs_can_be_seen_at_the_other_end(
    connect: Connect, direct: Open, options: tuple[str, ...]
) -> None:
    """The HDMI output of vivid is connected to its own HDMI input."""
    display, camera = connect("vivid-000-vid-out", *options), direct("vivid-000-vid-cap")
    hdmi = next(entry.index for entry in camera.inputs() if "HDMI" in entry.name)
    camera.set_input(hdmi)
    connect_hdmi(camera)
    output = next(entry.index for entry in display.outputs() if "HDMI" in entry.name)
    display.ioctl("S_OUTPUT", structs.U32.pack(output))
    timings = display.ioctl("G_DV_TIMINGS")
    camera.ioctl("S_DV_TIMINGS", timings)
    fourcc = camera.get_format(CAPTURE).pixelformat
    shown = display.get_format(OUTPUT)
    fmt = display.set_format(VideoFormat(OUTPUT, shown.width, shown.height, fourcc))
    assert (
        camera.set_format(VideoFormat(CAPTURE, fmt.width, fmt.height, fourcc)).planes == fmt.planes
    )
    make_still(camera)
    size = fmt.planes[0].sizeimage
    picture = bytes(range(256)) * (size // 256 + 1)
    with Stream(display, OUTPUT, count=3) as stream:
        for index in range(3):
            stream.memory_of(index)[0][:size] = picture[:size]
            stream.queue(index, (size,))
        stream.stream_on()
        assert shown_soon(camera, stream, picture[:size])
    camera.set_input(0)


def shown_soon(camera: Direct, display: Stream, picture: bytes) -> bool:
    """Whether the camera has the picture among its next frames; the display goes on meanwhile."""
    with closing(camera.frames(CAPTURE, 20)) as frames:
        for frame in frames:
            if frame.planes[0] == picture:
                return True
            display.session.driver.collect()
            while display.session.dqbufs:
                display.queue(display.next_frame(LIMIT_S).index, (len(picture),))
    return False


def connect_hdmi(camera: ControlCalls) -> None:
    """Plug vivid's cable in."""
    cable = next(info for info in camera.controls() if info.name == "HDMI 000-0 Is Connected To")
    camera.set_control(cable, next(i.index for i in cable.menu if i.name == "Output HDMI 000-0"))
