"""Loopback: frames come out as they went in, with their timestamps, in one session or two."""

from collections.abc import Iterator
from errno import EBUSY

import pytest

from tests.backends.served import Served, driver_of, session_of
from tests.end_to_end.bench import complaints
from vmedia_bench.backends import BACKENDS
from vmedia_bench.guest.errors import BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.m2m import M2mStream, queue_types, set_format
from vmedia_bench.wire.v4l2 import BufFlag, fourcc

FRAMES = 12
MSEC = 1_000_000


@pytest.fixture(scope="module", params=["no", "yes"])
def m2m(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("loopback")
    with Served(folder / "vm.sock", "loopback", mplane=request.param) as bench:
        yield bench
        assert complaints(bench.lines) == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pair")
    with Served(folder / "vm.sock", "loopback", mode="pair") as bench:
        yield bench
        assert complaints(bench.lines) == []


def picture(seed: int, sizes: list[int]) -> list[bytes]:
    return [bytes((seed + at) & 0xFF for at in range(251)) * (size // 251 + 1) for size in sizes]


def test_a_session_gets_its_own_frames_back(m2m: Served) -> None:
    with session_of(m2m) as session:
        output, capture = queue_types(session)
        wanted = set_format(session, output, fourcc("NV12"), (320, 240))
        assert session.get_format(capture).planes == wanted.planes
        sizes = [plane.sizeimage for plane in wanted.planes]
        with M2mStream(session, output, count=3) as source, M2mStream(session, capture) as sink:
            sink.queue_all()
            for stream in (source, sink):
                stream.stream_on()
            for number in range(FRAMES):
                data = [
                    part[:size] for part, size in zip(picture(number, sizes), sizes, strict=True)
                ]
                source.send(data, timestamp_ns=(number + 1) * 40 * MSEC)
                frame = sink.next_frame()
                assert [bytes(plane) for plane in frame.planes] == data
                assert frame.timestamp_ns == (number + 1) * 40 * MSEC
                assert frame.sequence == number
                assert frame.flags & BufFlag.TIMESTAMP_MASK == BufFlag.TIMESTAMP_COPY
                sink.requeue(frame)
            assert source.violations == sink.violations == []


def test_the_capture_format_is_the_outputs(m2m: Served) -> None:
    with session_of(m2m) as session:
        output, capture = queue_types(session)
        set_format(session, output, fourcc("UYVY"), (352, 288))
        assert [entry.pixelformat for entry in session.enum_formats(capture)] == [fourcc("UYVY")]
        other = set_format(session, capture, fourcc("NV12"), (640, 480))
        assert (other.pixelformat, other.width, other.height) == (fourcc("UYVY"), 352, 288)
        session.request_buffers(2, capture, 1)
        with pytest.raises(GuestIoctlError) as refusal:
            set_format(session, output, fourcc("NV12"))
        assert refusal.value.errno == EBUSY


def test_sessions_do_not_see_each_other(m2m: Served) -> None:
    with driver_of(m2m) as driver, driver.open() as one, driver.open() as other:
        output, capture = queue_types(one)
        set_format(one, output, fourcc("GREY"), (64, 64))
        assert one.get_format(capture).pixelformat == fourcc("GREY")
        assert other.get_format(capture).pixelformat == fourcc("YUYV")


def test_an_output_buffer_waits_for_a_capture_buffer(m2m: Served) -> None:
    with session_of(m2m) as session:
        output, capture = queue_types(session)
        with M2mStream(session, output) as source, M2mStream(session, capture) as sink:
            size = session.get_format(output).planes[0].sizeimage
            for stream in (source, sink):
                stream.stream_on()
            source.send([b"x" * size])
            with pytest.raises(BackendTimeoutError):
                source.next_frame(0.1)
            sink.queue(0)
            assert bytes(sink.next_frame().planes[0]) == b"x" * size
            assert source.next_frame().index == 0


def test_streamoff_takes_back_what_waits(m2m: Served) -> None:
    with session_of(m2m) as session:
        output, capture = queue_types(session)
        with M2mStream(session, output) as source, M2mStream(session, capture) as sink:
            source.stream_on()
            sink.stream_on()
            source.send([b"old"])
            source.stream_off()
            sink.queue_all()
            source.stream_on()
            source.send([b"new"])
            assert bytes(sink.next_frame().planes[0]) == b"new"


def test_what_one_session_outputs_another_captures(pair: Served) -> None:
    with driver_of(pair) as driver, driver.open() as writer, driver.open() as reader:
        output, capture = queue_types(writer)
        size = writer.get_format(output).planes[0].sizeimage
        assert reader.get_format(capture).planes[0].sizeimage == size
        with M2mStream(writer, output) as source, M2mStream(reader, capture) as sink:
            source.stream_on()
            source.send([b"nobody looks"])
            assert source.next_frame().index == 0
            sink.queue_all()
            sink.stream_on()
            for number in range(FRAMES):
                data = bytes((number,)) * size
                source.send([data], timestamp_ns=(number + 1) * MSEC)
                frame = sink.next_frame()
                assert (bytes(frame.planes[0]), frame.timestamp_ns) == (data, (number + 1) * MSEC)
                sink.requeue(frame)
            assert source.violations == sink.violations == []


def test_a_writer_goes_on_when_the_reader_leaves(pair: Served) -> None:
    with driver_of(pair) as driver, driver.open() as writer, driver.open() as reader:
        output, capture = queue_types(writer)
        with M2mStream(writer, output) as source:
            source.stream_on()
            with M2mStream(reader, capture) as sink:
                sink.stream_on()
                source.send([b"waits for a buffer that never comes"])
            assert source.next_frame().index == 0


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"mode": "circle"}, "m2m"),
        ({"format": "H264"}, "YUYV"),
        ({"format": "NM12"}, "NV12"),
        ({"size": (641, 480)}, "even"),
        ({"size": (8192, 4320)}, "4096x2304"),
        ({"card": ""}, "32 bytes"),
    ],
)
def test_refusals_name_what_there_is(options: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        BACKENDS["loopback"].build(**options)
