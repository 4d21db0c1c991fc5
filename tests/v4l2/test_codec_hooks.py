"""What the core has for codecs: two queues of one source, its news, and its rectangles."""

from collections.abc import Sequence
from errno import EBUSY, EINVAL, EIO, ERANGE

import pytest

from tests.v4l2.rig import CAPTURE, OUTPUT, YUYV_DESC, Guest, Rig, refused
from vmedia_bench.v4l2.source import (
    Filled,
    Format,
    FormatDesc,
    Frame,
    Plane,
    Rect,
    Selections,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import FORMAT, SELECTION
from vmedia_bench.wire.v4l2 import BufFlag, SelFlag, SelTarget

VISIBLE = Rect(0, 0, 1920, 1080)
CODED = Rect(0, 0, 1920, 1088)
TIMECODE = bytes(range(16))


class Codec(VideoSource):
    """Gives back what it was given, and tells when its queues start."""

    buf_types = (OUTPUT, CAPTURE)
    paced = False
    min_buffers = 0

    def __init__(self) -> None:
        self.started: list[int] = []
        self.size = (640, 480)
        self.taken: list[Frame] = []

    def attach(self, host: SourceHost) -> None:
        self.host = host

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return (YUYV_DESC,)

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        return (YUYV_DESC.pixelformat, *self.size)

    def selections(self, buf_type: int) -> Selections | None:
        if buf_type == OUTPUT:
            return None
        rects = {int(SelTarget.COMPOSE): VISIBLE, int(SelTarget.COMPOSE_PADDED): CODED}
        return Selections(rects, {int(SelTarget.COMPOSE): lambda _: VISIBLE})

    def start(self, fmt: Format, interval: object) -> None:
        self.started.append(fmt.type)

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool:
        self.taken.append(frame)
        self.host.frame_ready()
        return True

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        if not self.taken:
            return None
        source = self.taken.pop(0)
        return Filled((4,), source.flags, source.field, source.timestamp_ns, source.timecode)


@pytest.fixture
def codec() -> Codec:
    return Codec()


@pytest.fixture
def output(codec: Codec) -> Guest:
    return Rig(codec).open()


@pytest.fixture
def capture(output: Guest) -> Guest:
    guest = Guest(output.rig, output.id)
    guest.type = CAPTURE
    return guest


def test_streamon_starts_a_codecs_queue_without_a_buffer(output: Guest, codec: Codec) -> None:
    output.reqbufs(1)
    output.streamon()
    assert codec.started == [OUTPUT]
    assert codec.host.streaming(OUTPUT)
    assert not codec.host.streaming(CAPTURE)
    output.qbuf(0)
    assert codec.host.queued(OUTPUT) == 1


def test_a_frame_keeps_what_the_guest_said_of_its_origin(output: Guest, capture: Guest) -> None:
    for guest in (output, capture):
        guest.reqbufs(1)
    capture.qbuf(0)
    flags = int(BufFlag.TIMECODE | BufFlag.KEYFRAME | BufFlag.TSTAMP_SRC_SOE)
    output.qbuf(0, bytesused=4, flags=flags, tv_sec=7, tv_usec=9, timecode=TIMECODE)
    for guest in (output, capture):
        guest.streamon()
    output.rig.run()
    (view,) = [view for view in output.rig.sink.frames() if view.type == CAPTURE]
    assert (view.tv_sec, view.tv_usec, view.timecode) == (7, 9, TIMECODE)
    assert view.flags & flags == flags


def test_a_refused_qbuf_leaves_the_time_alone(output: Guest) -> None:
    output.reqbufs(1)
    output.qbuf(0, bytesused=4, tv_sec=7, tv_usec=9)
    with refused(EINVAL):
        output.qbuf(0, bytesused=4, tv_sec=8)
    view = output.querybuf(0)
    assert (view.tv_sec, view.tv_usec) == (7, 9)


def test_a_prepared_buffer_gets_its_time_and_timecode_from_qbuf(output: Guest) -> None:
    output.reqbufs(1)
    flags = int(BufFlag.TIMECODE)
    output.prepare(0, bytesused=4, flags=flags, tv_sec=7, timecode=bytes(16))
    output.qbuf(0, bytesused=8, flags=flags, tv_sec=8, timecode=TIMECODE)
    view = output.querybuf(0)
    assert (view.tv_sec, view.timecode, view.bytesused) == (8, TIMECODE, 4)


def test_a_source_may_change_a_format_under_its_buffers(
    output: Guest, capture: Guest, codec: Codec
) -> None:
    capture.reqbufs(1)
    codec.size = (1280, 720)
    codec.host.reset_format(CAPTURE)
    (queue,) = [queue for queue in output.rig.node.queues(1) if queue.type == CAPTURE]
    assert (queue.format.width, queue.format.height) == (1280, 720)


def test_the_outputs_format_waits_for_both_queues(output: Guest, capture: Guest) -> None:
    capture.reqbufs(1)
    with refused(EBUSY):
        output.ioctl(ioctls.VIDIOC_S_FMT, FORMAT.pack(OUTPUT, b""))


def test_a_codec_that_gives_up_ends_its_session(
    output: Guest, capture: Guest, codec: Codec
) -> None:
    for guest in (output, capture):
        guest.reqbufs(1)
    codec.host.fail(EIO)
    assert output.rig.sink.errors == [(output.id, EIO)]


def select(guest: Guest, number: int, target: SelTarget, flags: int = 0) -> tuple[int, ...]:
    arg = guest.ioctl(number, SELECTION.pack(guest.type, target, flags, 1, 1, 100, 100))
    return SELECTION.unpack(arg)[3:]


def test_a_codecs_rectangles(capture: Guest) -> None:
    get, put = ioctls.VIDIOC_G_SELECTION, ioctls.VIDIOC_S_SELECTION
    assert select(capture, get, SelTarget.COMPOSE) == (0, 0, 1920, 1080)
    assert select(capture, get, SelTarget.COMPOSE_PADDED) == (0, 0, 1920, 1088)
    assert select(capture, put, SelTarget.COMPOSE) == (0, 0, 1920, 1080)
    with refused(ERANGE):
        select(capture, put, SelTarget.COMPOSE, SelFlag.LE)
    for number, target in ((get, SelTarget.CROP), (put, SelTarget.COMPOSE_PADDED)):
        with refused(EINVAL):
            select(capture, number, target)


def test_a_codecs_other_queue_selects_nothing(output: Guest) -> None:
    with refused(EINVAL):
        select(output, ioctls.VIDIOC_G_SELECTION, SelTarget.COMPOSE)
