"""Devices that make frames out of frames: vim2m, which copies, and vicodec, which encodes."""

import pytest

from tests.vm.inside.conftest import Connect
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.m2m import M2mStream
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufType, EncCmd, EventType, fourcc

CAPTURE, OUTPUT = int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT)
LIMIT_S = 60


@pytest.mark.parametrize("options", [(), ("zero_copy=no",)], ids=["zero-copy", "copied"])
def test_what_goes_in_comes_out(connect: Connect, options: tuple[str, ...]) -> None:
    session = connect("vim2m", *options)
    fmt = session.set_format(VideoFormat(OUTPUT, 64, 48, fourcc("RGB3")))
    session.set_format(VideoFormat(CAPTURE, 64, 48, fourcc("RGB3")))
    size = fmt.planes[0].sizeimage
    with (
        M2mStream(session, OUTPUT, count=2) as output,
        M2mStream(session, CAPTURE, count=2) as capture,
    ):
        capture.queue_all()
        capture.stream_on()
        output.stream_on()
        for number in range(6):
            picture = bytes((number * 7 + at) & 0xFF for at in range(size))
            output.send([picture], timeout=LIMIT_S)
            frame = capture.next_frame(LIMIT_S)
            assert bytes(frame.planes[0]) == picture
            capture.requeue(frame)
        assert not capture.violations


def test_each_session_has_formats_of_its_own(connect: Connect) -> None:
    one, other = connect("vim2m"), connect("vim2m")
    one.set_format(VideoFormat(OUTPUT, 64, 48, fourcc("RGB3")))
    assert other.get_format(OUTPUT).width == 640


def test_an_encoder_is_drained_to_its_last_buffer(connect: Connect) -> None:
    session = connect("stateful-encoder")
    fmt = session.set_format(VideoFormat(OUTPUT, 640, 480, fourcc("YU12")))
    session.subscribe(int(EventType.EOS))
    grey = bytes([128]) * fmt.planes[0].sizeimage
    with (
        M2mStream(session, OUTPUT, count=2) as output,
        M2mStream(session, CAPTURE, count=4) as capture,
    ):
        capture.queue_all()
        capture.stream_on()
        output.stream_on()
        for _ in range(4):
            output.send([grey], timeout=LIMIT_S)
            frame = capture.next_frame(LIMIT_S)
            assert 0 < frame.bytesused[0] < len(grey)
            capture.requeue(frame)
        session.ioctl("ENCODER_CMD", structs.ENCODER_CMD.pack(int(EncCmd.STOP), 0, b""))
        last = capture.next_frame(LIMIT_S)
        assert last.last
        assert last.bytesused == (0,)
        event = session.next_event(LIMIT_S)
        assert event is not None
        assert event.type == EventType.EOS
