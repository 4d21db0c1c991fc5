"""The stateful encoder, by the book: pictures of every raw format into every coded one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from tests.backends.samples import nv12, picture, psnr, yu12
from tests.backends.served import Served, session_of
from tests.backends.streams import ENCODERS, time_of
from tests.end_to_end.bench import complaints
from vmedia_bench.backends.codec.coding import CODINGS
from vmedia_bench.backends.codec.controls import HEVC_LEVELS
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.m2m import M2mStream, encoder_command, queue_types, selection, set_format
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import ENCODER_CMD
from vmedia_bench.wire.v4l2 import BufFlag, EncCmd, EventType, SelTarget, fourcc

FRAMES = 12
SIZE = (320, 240)


@pytest.fixture(scope="module", params=["no", "yes"])
def encoder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("encoder")
    options = {"direction": "encoder", "mplane": request.param}
    with Served(folder / "vm.sock", "codec", **options) as bench:
        yield bench
        assert complaints(bench.lines) == []


class Encoding:
    """A guest that encodes: `packets` are (bytes, time in ns, flags) as they came."""

    def __init__(
        self, session: Session, code: str, raw: str = "YU12", size: tuple[int, int] = SIZE
    ) -> None:
        self.session = session
        self.raw = raw
        self.size = size
        output, capture = queue_types(session)
        session.subscribe(EventType.EOS)
        set_format(session, capture, fourcc(code))
        self.format = set_format(session, output, fourcc(raw), size)
        session.set_interval(output, Fraction(1, 25))
        self.output = M2mStream(session, output)
        self.capture = M2mStream(session, capture, count=4)
        self.capture.queue_all()
        self.output.stream_on()
        self.capture.stream_on()
        self.packets: list[tuple[bytes, int, int]] = []
        self.last = False

    def feed(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            while not self.output.idle and self.output.poll() is None:
                assert not self.session.error
                self._take_packets(0.05)
            pixels = picture(number, *self.size)
            data = yu12(pixels) if self.raw in {"YU12", "YM12"} else nv12(pixels)
            planes, at = [], 0
            for plane in self.format.planes:
                planes.append(data[at : at + plane.sizeimage])
                at += plane.sizeimage
            self.output.send(planes, timestamp_ns=time_of(number))
            self._take_packets(0)

    def drain(self) -> None:
        encoder_command(self.session, EncCmd.STOP)
        for _ in range(200):
            if self.last:
                break
            self._take_packets(0.1)
        assert self.last
        assert EventType.EOS in [event.type for event in self.session.events]

    def _take_packets(self, timeout: float) -> None:
        if timeout:
            self.session.driver.wait_event(timeout)
        while (frame := self.capture.poll()) is not None:
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        if frame.bytesused[0]:
            data = self.capture.copy(frame)[0]
            self.packets.append((data, frame.timestamp_ns, frame.flags))
        self.last |= frame.last
        if not frame.last:
            self.capture.requeue(frame)

    def close(self) -> None:
        for stream in (self.output, self.capture):
            stream.close()
            assert stream.violations == []


def decoded(code: str, packets: list[tuple[bytes, int, int]]) -> dict[int, Any]:
    """The pictures by their time, as FFmpeg decodes them."""
    import av

    context: Any = av.CodecContext.create(CODINGS[fourcc(code)].decoder, "r")
    found = {}
    for data, timestamp_ns, _ in [*packets, (None, 0, 0)]:
        packet = None
        if data is not None:
            packet = av.Packet(data)
            packet.pts = timestamp_ns
        for frame in context.decode(packet):
            found[frame.pts] = frame.to_ndarray(format="rgb24")
    return found


def hevc_profile_and_level(data: bytes) -> tuple[int, int]:
    """general_profile_idc and general_level_idc of the sequence parameter set (H.265, 7.3.3)."""
    parameters = data[data.index(b"\0\0\1\x42\1") + 3 :].replace(b"\0\0\3", b"\0\0")
    return parameters[3] & 0x1F, parameters[14]


@pytest.mark.parametrize("code", ENCODERS)
def test_pictures_become_a_stream_of_every_codec(encoder: Served, code: str) -> None:
    with session_of(encoder) as session:
        encoding = Encoding(session, code)
        encoding.feed(0, FRAMES)
        encoding.drain()
        encoding.close()
    found = decoded(code, encoding.packets)
    assert sorted(found) == [time_of(number) for number in range(FRAMES)]
    for number in range(FRAMES):
        assert psnr(found[time_of(number)], picture(number, *SIZE)) > 27
    assert encoding.packets[0][2] & BufFlag.KEYFRAME


@pytest.mark.parametrize("raw", ["NV12", "NM12", "YM12"])
def test_pictures_of_other_formats(encoder: Served, raw: str) -> None:
    with session_of(encoder) as session:
        entries = session.enum_formats(queue_types(session)[0])
        if fourcc(raw) not in [entry.pixelformat for entry in entries]:
            assert raw in {"NM12", "YM12"}
            return
        encoding = Encoding(session, "H264", raw)
        encoding.feed(0, 5)
        encoding.drain()
        encoding.close()
    found = decoded("H264", encoding.packets)
    assert psnr(found[time_of(4)], picture(4, *SIZE)) > 30


def test_settings_count(encoder: Served) -> None:
    sizes = []
    with session_of(encoder) as session:
        for bitrate in (200_000, 8_000_000):
            session.set_control(int(Cid.MPEG_VIDEO_BITRATE), bitrate)
            session.set_control(int(Cid.MPEG_VIDEO_GOP_SIZE), 4)
            encoding = Encoding(session, "H264")
            encoding.feed(0, FRAMES)
            encoding.drain()
            encoding.close()
            sizes.append(sum(len(data) for data, _, _ in encoding.packets))
            keys = [
                at for at, (_, _, flags) in enumerate(encoding.packets) if flags & BufFlag.KEYFRAME
            ]
            assert keys == [0, 4, 8]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    ("level", "size", "found"), [("3.1", SIZE, 93), ("5", SIZE, 150), ("2", (1280, 720), 93)]
)
def test_the_level_of_hevc_is_raised_where_pictures_need_more(
    encoder: Served, level: str, size: tuple[int, int], found: int
) -> None:
    with session_of(encoder) as session:
        session.set_control(int(Cid.MPEG_VIDEO_HEVC_LEVEL), HEVC_LEVELS.index(level))
        encoding = Encoding(session, "HEVC", size=size)
        encoding.feed(0, 2)
        encoding.drain()
        encoding.close()
    assert hevc_profile_and_level(encoding.packets[0][0]) == (1, found)


def test_b_frames_come_in_decoding_order_with_their_own_times(encoder: Served) -> None:
    with session_of(encoder) as session:
        session.set_control(int(Cid.MPEG_VIDEO_B_FRAMES), 2)
        encoding = Encoding(session, "H264")
        encoding.feed(0, FRAMES)
        encoding.drain()
        encoding.close()
    times = [timestamp_ns for _, timestamp_ns, _ in encoding.packets]
    assert sorted(times) == [time_of(number) for number in range(FRAMES)]
    assert times != sorted(times)
    assert any(flags & BufFlag.BFRAME for _, _, flags in encoding.packets)
    assert sorted(decoded("H264", encoding.packets)) == sorted(times)


def test_a_key_frame_can_be_asked_for(encoder: Served) -> None:
    with session_of(encoder) as session:
        encoding = Encoding(session, "H264")
        encoding.feed(0, 4)
        session.set_control(int(Cid.MPEG_VIDEO_FORCE_KEY_FRAME), 1)
        encoding.feed(4, 4)
        encoding.drain()
        encoding.close()
    keys = [time for _, time, flags in encoding.packets if flags & BufFlag.KEYFRAME]
    assert keys == [time_of(0), time_of(4)]


def test_it_is_the_next_picture_to_be_queued(encoder: Served) -> None:
    with session_of(encoder) as session:
        encoding = Encoding(session, "H264")
        encoding.output.stream_off()
        encoding.feed(0, 2)
        session.set_control(int(Cid.MPEG_VIDEO_FORCE_KEY_FRAME), 1)
        encoding.feed(2, 2)
        encoding.output.stream_on()
        encoding.drain()
        encoding.close()
    keys = [time for _, time, flags in encoding.packets if flags & BufFlag.KEYFRAME]
    assert keys == [time_of(0), time_of(2)]


def test_after_a_drain_start_begins_another_stream(encoder: Served) -> None:
    with session_of(encoder) as session:
        encoding = Encoding(session, "H264")
        encoding.feed(0, 4)
        encoding.drain()
        encoder_command(session, EncCmd.START)
        encoding.last = False
        session.events.clear()
        encoding.capture.queue_all()
        encoding.feed(4, 4)
        encoding.drain()
        encoding.close()
    assert sorted(decoded("H264", encoding.packets)) == [time_of(number) for number in range(8)]


def test_commands_and_rectangles(encoder: Served) -> None:
    with session_of(encoder) as session:
        output, _ = queue_types(session)
        set_format(session, output, fourcc("YU12"), SIZE)
        assert selection(session, output, int(SelTarget.CROP)) == (0, 0, *SIZE)
        for command in (EncCmd.PAUSE, EncCmd.RESUME):
            with pytest.raises(GuestIoctlError, match="EINVAL"):
                encoder_command(session, command)
        tried = session.ioctl("TRY_ENCODER_CMD", ENCODER_CMD.pack(EncCmd.STOP, 0xFF, b"\xff" * 32))
        assert ENCODER_CMD.unpack(tried) == (EncCmd.STOP, 0, bytes(32))
        assert session.get_control(int(Cid.MIN_BUFFERS_FOR_OUTPUT)) == 2


def test_a_coded_frame_has_the_size_of_the_pictures(encoder: Served) -> None:
    with session_of(encoder) as session:
        output, capture = queue_types(session)
        set_format(session, output, fourcc("YU12"), (352, 288))
        coded = set_format(session, capture, fourcc("HEVC"), (64, 64))
        assert (coded.pixelformat, coded.width, coded.height) == (fourcc("HEVC"), 352, 288)
