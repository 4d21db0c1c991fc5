"""Devices that make frames out of frames: vim2m, which copies, and vicodec, a codec."""

import numpy as np
import pytest

from tests.vm.inside.conftest import Connect
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.m2m import M2mStream, decoder_command, set_format, wait_for_event
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufType, DecCmd, EncCmd, EventType, fourcc

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


SIZE = (640, 480)  # vicodec has no smaller ones than 640x360
PICTURES = 8


def picture(number: int) -> bytes:
    """YU12: a ramp that moves, with flat colours."""
    width, height = SIZE
    row = bytes(16 + (at * 2 + number * 5) % 200 for at in range(width))
    chroma = width * height // 4
    return row * height + bytes([100 + number]) * chroma + bytes([150 - number]) * chroma


def encoded(session: Session) -> list[bytes]:
    """The pictures as FWHT frames, by vicodec's encoder."""
    session.set_format(VideoFormat(OUTPUT, *SIZE, fourcc("YU12")))
    frames = []
    with (
        M2mStream(session, OUTPUT, count=2) as output,
        M2mStream(session, CAPTURE, count=2) as capture,
    ):
        capture.queue_all()
        capture.stream_on()
        output.stream_on()
        for number in range(PICTURES):
            output.send([picture(number)], timeout=LIMIT_S)
            frame = capture.next_frame(LIMIT_S)
            frames.append(bytes(frame.planes[0]))
            capture.requeue(frame)
    return frames


def error_of(ours: bytes, theirs: bytes) -> float:
    """Mean square error of two pictures."""
    one, other = (np.frombuffer(data, np.uint8).astype(np.int32) for data in (ours, theirs))
    return float(np.mean((one - other) ** 2))


@pytest.mark.parametrize("options", [(), ("zero_copy=no",)], ids=["zero-copy", "copied"])
def test_a_decoder_finds_the_size_and_gives_every_picture(
    connect: Connect, options: tuple[str, ...]
) -> None:
    """As the kernel's document of the stateful decoder interface has it, header to drain."""
    coded = encoded(connect("stateful-encoder", *options))
    assert len(coded) == PICTURES
    assert all(len(frame) < len(picture(0)) for frame in coded)
    session = connect("stateful-decoder", *options)
    set_format(session, OUTPUT, fourcc("FWHT"), SIZE)
    for kind in (EventType.SOURCE_CHANGE, EventType.EOS):
        session.subscribe(int(kind))
    with M2mStream(session, OUTPUT, count=4) as output:
        output.stream_on()
        output.send([coded[0]], timestamp_ns=1_000_000, timeout=LIMIT_S)
        wait_for_event(session, int(EventType.SOURCE_CHANGE), LIMIT_S)
        found = set_format(session, CAPTURE, fourcc("YU12"))
        assert (found.width, found.height) == SIZE
        with M2mStream(session, CAPTURE, count=4) as capture:
            capture.queue_all()
            capture.stream_on()
            taken: list[tuple[int, bytes]] = []

            def take() -> Frame:
                frame = capture.next_frame(LIMIT_S)
                taken.append((frame.timestamp_ns, capture.copy(frame)[0]))
                if not frame.last:
                    capture.requeue(frame)
                return frame

            for number, frame in enumerate(coded[1:], 2):
                output.send([frame], timestamp_ns=number * 1_000_000, timeout=LIMIT_S)
                assert not take().error
            decoder_command(session, DecCmd.STOP)
            while not take().last:
                pass
            wait_for_event(session, int(EventType.EOS), LIMIT_S)
    shown = [entry for entry in taken if entry[1]]
    assert [time for time, _ in shown] == [n * 1_000_000 for n in range(1, PICTURES + 1)]
    assert max(error_of(picture(n), pixels) for n, (_, pixels) in enumerate(shown)) < 4
