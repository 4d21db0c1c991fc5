"""A source in a process of its own is to a guest what it is in the bench's."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import pytest

from tests.backends.worker import sources
from tests.backends.worker.sources import RATE, SIZE, SLOW, STAMP, NumberedSource
from vmedia_bench.backends.pattern.options import PatternOptions
from vmedia_bench.backends.pattern.source import PatternSource
from vmedia_bench.backends.worker.lanes import SLOTS
from vmedia_bench.backends.worker.source import WorkerSource
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.device.switching import Mode, switch
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.probe import probe
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.testing import Served, guest_session
from vmedia_bench.v4l2.source import VideoSource
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, EventType, Memory, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
OUTPUT = int(BufType.VIDEO_OUTPUT)
MMAP = int(Memory.MMAP)
FRAME = SIZE[0] * SIZE[1]


def remote(kind: type[VideoSource], argument: object = None) -> WorkerSource:
    return WorkerSource(f"{kind.__module__}:{kind.__name__}", argument, name=kind.__name__)


@contextmanager
def serving(maker: VideoSource) -> Iterator[tuple[Served, Session]]:
    with Served(maker) as served:
        with guest_session(served) as session:
            yield served, session
        assert served.failures == []


@contextmanager
def streaming(session: Session, count: int = 4) -> Iterator[Stream]:
    with Stream(session, CAPTURE, count=count) as stream:
        stream.queue_all()
        stream.stream_on()
        yield stream
    assert stream.violations == []


def stamp(frame: Frame) -> tuple[int, int, int]:
    """Sequence, time and brightness; a torn frame fails."""
    sequence, time_ns, brightness = STAMP.unpack_from(frame.planes[0])
    rest = bytes(frame.planes[0][STAMP.size :])
    assert rest == bytes([sequence & 0xFF]) * len(rest), f"frame {sequence} is torn"
    return sequence, time_ns, brightness


def test_an_unpaced_frame_has_the_number_that_the_source_was_told() -> None:
    with serving(remote(sources.UnpacedSource)) as (_, session), streaming(session) as stream:
        for frame in stream.frames(200):
            assert stamp(frame)[0] == frame.sequence
        assert stream.missed == 0


def test_a_paced_frame_has_number_and_time_that_the_source_was_told() -> None:
    with serving(remote(NumberedSource)) as (_, session), streaming(session) as stream:
        frames = [(*stamp(frame)[:2], frame) for frame in stream.frames(20)]
    # A frame that was made too late is shown late, with what it was told in it.
    assert all(told <= frame.sequence for told, _, frame in frames)
    in_time = [(time, frame) for told, time, frame in frames if told == frame.sequence]
    assert in_time
    # The first ones were asked for before the source was warm, and a buffer's time has us.
    assert all(abs(time - f.timestamp_ns) <= 1000 for time, f in in_time if f.sequence >= SLOTS)
    steps = [b.timestamp_ns - a.timestamp_ns for (_, _, a), (_, _, b) in pairwise(frames)]
    assert all(round(step / 1e6) % round(1000 * RATE) == 0 for step in steps)


@pytest.mark.parametrize("code", ["YUYV", "NV12", "MJPG"])
def test_pictures_are_those_of_the_same_source_in_the_bench(code: str) -> None:
    options = PatternOptions(size=(320, 240), format=code, fps=0, text=False, motion=2)
    shown = []
    for maker in (PatternSource(options), remote(PatternSource, options)):
        with serving(maker) as (_, session), streaming(session) as stream:
            shown.append([stream.copy(frame) for frame in stream.frames(12)])
    assert shown[0] == shown[1]


def test_the_probe_finds_the_same_and_nothing_wrong() -> None:
    found = []
    for maker in (NumberedSource(None), remote(NumberedSource)):
        with Served(maker) as served:
            report = probe(served.socket)
        assert (report.error, report.findings, served.failures) == ("", [], [])
        found.append((report.queues, report.inputs, report.card, report.device_caps))
    assert found[0] == found[1]


def test_a_control_shows_after_the_frames_that_were_asked_for() -> None:
    with serving(remote(NumberedSource)) as (_, session), streaming(session) as stream:
        stream.requeue(stream.next_frame())
        session.set_control(session.control_info(Cid.BRIGHTNESS), 7)
        assert [stamp(frame)[2] for frame in stream.frames(8)][-1] == 7


def test_a_volatile_control_has_the_value_of_the_newest_frame() -> None:
    with serving(remote(NumberedSource)) as (_, session):
        info = session.control_info(Cid.EXPOSURE)
        with streaming(session) as stream:
            for _ in stream.frames(10):
                pass
            while int(session.get_control(info)) < 10:
                session.driver.wait_event(0.01)


def test_a_source_without_a_first_frame_is_waited_for() -> None:
    with serving(remote(sources.SlowStarter)) as (_, session), streaming(session) as stream:
        assert [frame.sequence for frame in stream.frames(4)] == [0, 1, 2, 3]
        assert stream.missed == 0


def test_an_unpaced_source_that_waits_is_asked_when_it_has_a_frame() -> None:
    with serving(remote(sources.DrippingSource)) as (_, session), streaming(session) as stream:
        assert [frame.sequence for frame in stream.frames(30)] == list(range(30))


def test_frames_that_nobody_fetched_are_made_anew() -> None:
    with serving(remote(NumberedSource)) as (_, session), streaming(session, 1) as stream:
        stream.requeue(stream.next_frame())
        kept = stream.next_frame()
        # No buffer is queued for half a second; what waits in the slots is old by then.
        session.driver.wait_event(0.5)
        stream.requeue(kept)
        late = stream.next_frame()
        assert late.sequence > kept.sequence + 6
        assert late.sequence - stamp(late)[0] <= 5
        stream.requeue(late)


def test_streams_start_anew_with_any_format() -> None:
    with serving(remote(NumberedSource)) as (_, session):
        for turn in range(12):
            code, size = (("GREY", SIZE), ("YUYV", SIZE), ("GREY", (32, 32)))[turn % 3]
            session.set_format(VideoFormat(CAPTURE, *size, fourcc(code)))
            with streaming(session, 2) as stream:
                frames = [stamp(frame)[0] for frame in stream.frames(3)]
                assert frames == [0, 1, 2]


def test_a_frame_that_fails_is_marked_and_the_next_one_is_not() -> None:
    with serving(remote(sources.StumblingSource)) as (_, session), streaming(session) as stream:
        assert [frame.error for frame in stream.frames(9)] == [False, False, True] * 3


def test_events_of_the_source_reach_who_subscribed() -> None:
    with serving(remote(sources.TalkativeSource)) as (_, session):
        session.subscribe(EventType.EOS)
        session.subscribe(EventType.CTRL, Cid.BRIGHTNESS)
        with streaming(session) as stream:
            for _ in stream.frames(4):
                pass
        kinds = {event.type for event in session.events}
        assert kinds == {EventType.EOS, EventType.CTRL}


def test_what_the_guest_asks_for_while_the_child_is_busy_is_not_too_much() -> None:
    with serving(remote(NumberedSource)) as (_, session), streaming(session) as stream:
        info = session.control_info(Cid.BRIGHTNESS)
        for value in range(3000):
            session.set_control(info, value & 0xFF)
        last = 3000 - 1 & 0xFF
        assert last in {stamp(frame)[2] for frame in stream.frames(8)}


@pytest.mark.parametrize("argument", ["", "slow"])
def test_a_sink_gets_every_frame(argument: str) -> None:
    with serving(remote(sources.SinkSource, argument)) as (_, session):
        info = session.control_info(Cid.BRIGHTNESS)
        with Stream(session, OUTPUT, count=3) as stream:
            stream.stream_on()
            for number in range(20):
                index = number if number < 3 else stream.next_frame().index
                stream.memory_of(index)[0][:] = bytes([number + 1]) * FRAME
                stream.queue(index)
            for _ in range(3):
                assert not stream.next_frame().error
            while int(session.get_control(info)) < 210:
                session.driver.wait_event(0.01)
            assert session.get_control(info) == 210


def test_a_sink_that_fails_marks_a_buffer() -> None:
    with (
        serving(remote(sources.SinkSource, "bad")) as (_, session),
        Stream(session, OUTPUT, count=2) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        while not (frame := stream.next_frame()).error:
            stream.requeue(frame)


@pytest.mark.parametrize(
    ("kind", "count"), [(sources.NumberedSource, 5), (sources.UnpacedSource, 100)]
)
def test_hot_to_a_process_and_back_no_frame_is_lost_or_torn(
    kind: type[NumberedSource], count: int
) -> None:
    makers = (remote(kind), kind(None), remote(kind))
    with serving(kind(None)) as (served, session):
        session.set_interval(CAPTURE, SLOW)
        with streaming(session) as stream:
            seen = take(stream, count)
            for maker in makers:
                kept = served.call(partial(_switch, maker=maker, mode="hot"))
                assert kept == (session.id,)
                seen += take(stream, count)
            assert seen == list(range(4 * count))
            assert stream.missed == 0


def test_any_even_size_of_a_range() -> None:
    with serving(remote(sources.RangedSource)) as (_, session):
        for size in ((16, 16), (1918, 1080), (322, 242)):
            got = session.set_format(VideoFormat(CAPTURE, *size, fourcc("NV12")))
            assert (got.width, got.height) == size
            assert got.planes[0].sizeimage == size[0] * size[1] * 3 // 2
            assert got.planes[0].bytesperline == size[0]


def test_its_process_is_gone_when_it_is_let_go() -> None:
    maker = remote(NumberedSource)
    with serving(maker) as (served, _):
        other = remote(NumberedSource)
        served.call(lambda device: _switch(device, other, "force"))
        assert not maker.alive
        assert other.alive
    assert not other.alive


def take(stream: Stream, count: int) -> list[int]:
    """Sequences of whole frames."""
    found = []
    for frame in stream.frames(count):
        stamp(frame)
        found.append(frame.sequence)
    return found


def _switch(device: MediaDevice, maker: VideoSource, mode: Mode) -> tuple[int, ...]:
    return switch(device, maker, mode).sessions_kept
