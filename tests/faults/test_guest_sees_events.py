"""What a guest sees of rules on events, frames and mappings, over a real socket."""

from itertools import pairwise
from time import monotonic

import pytest

from tests.faults.live import CAPTURE, LiveBench, no_frame_comes, streaming
from tests.faults.rig import DQBUF, FRAME
from vmedia_bench.faults.rule import Action, Do, Match, On
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.events import BadEvent
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import EventSubFlag, EventType

CTRL = int(EventType.CTRL)
FEEDBACK = int(EventSubFlag.ALLOW_FEEDBACK)
BRIGHTNESS = int(Cid.BRIGHTNESS)


def sequences(stream: Stream, count: int) -> list[int]:
    return [frame.sequence for frame in stream.frames(count)]


def set_brightness(session: Session, value: int) -> None:
    session.set_control(BRIGHTNESS, value)


def test_a_lost_event_leaves_the_buffer_away(bench: LiveBench) -> None:
    with bench.session() as session:
        bench.preset("lost-buffer")
        with streaming(session, count=2) as stream:
            indices = {frame.index for frame in stream.frames(6)}
            assert len(indices) == 1
    assert bench.fired() == ["DQBUF of buffer 0 dropped"]


def test_an_event_comes_twice(bench: LiveBench) -> None:
    bench.preset("twice-buffer", crash=True)
    with bench.session() as session, streaming(session) as stream:
        stream.next_frame()
        stream.next_frame()
        assert "buffer 0 was dequeued twice" in stream.violations


def test_events_come_late(bench: LiveBench) -> None:
    with bench.session() as session:
        bench.add(DQBUF, Action(do=Do.DELAY, delay_ms=120), count=1)
        started = monotonic()
        with streaming(session, count=1) as stream:
            assert stream.next_frame().sequence == 0
            assert monotonic() - started >= 0.12


@pytest.mark.parametrize("end", ["stream_off", "close"])
def test_a_late_buffer_is_void_once_its_queue_has_stopped(bench: LiveBench, end: str) -> None:
    with bench.driver() as driver:
        session = driver.open()
        state = bench.add(DQBUF, Action(do=Do.DELAY, delay_ms=60_000))
        stream = Stream(session, CAPTURE, count=2)
        stream.queue_all()
        stream.stream_on()
        assert no_frame_comes(stream)
        if end == "stream_off":
            stream.stream_off()
        else:
            session.close()
        bench.remove(state)
        stream.check_silence(0.1)
        assert stream.violations == []
        assert driver.strays == []


def test_a_late_buffer_comes_after_streamoff_where_it_may_crash_the_guest(
    bench: LiveBench,
) -> None:
    with bench.session() as session:
        state = bench.add(DQBUF, Action(do=Do.DELAY, delay_ms=60_000), crash=True)
        with streaming(session, count=2) as stream:
            assert no_frame_comes(stream)
            stream.stream_off()
            bench.remove(state)
            stream.check_silence(0.5)
            assert any("after the answer to STREAMOFF" in what for what in stream.violations)


def test_buffers_change_places(eager_bench: LiveBench) -> None:
    eager_bench.preset("swapped-buffers")
    with eager_bench.session() as session, streaming(session) as stream:
        seen = sequences(stream, 8)
    assert seen[0] == 1
    assert any(later < earlier for earlier, later in pairwise(seen))


def test_the_only_buffer_comes_although_no_other_follows(bench: LiveBench) -> None:
    bench.preset("swapped-buffers")
    with bench.session() as session, streaming(session, count=1) as stream:
        assert stream.next_frame().sequence == 0


def test_an_event_is_cut(bench: LiveBench) -> None:
    bench.preset("cut-event")
    with bench.session() as session, streaming(session) as stream:
        sequences(stream, 2)
        (stray,) = session.driver.strays
    assert isinstance(stray, BadEvent)
    assert len(stray.data) == 100


def test_a_buffer_with_other_metadata(bench: LiveBench) -> None:
    action = Action(
        do=Do.FLAG, flags=("ERROR", "LAST"), bytesused=7, sequence=1234, timestamp_ns=5_000_000_000
    )
    bench.add(DQBUF, action, count=1)
    with bench.session() as session, streaming(session) as stream:
        frame = stream.next_frame()
        assert (frame.error, frame.last, frame.bytesused) == (True, True, (7,))
        assert (frame.sequence, frame.timestamp_ns) == (1234, 5_000_000_000)


def test_sequence_numbers_wrap(eager_bench: LiveBench) -> None:
    action = Action(do=Do.FLAG, sequence=0xFFFF_FFFE, running=True)
    eager_bench.add(DQBUF, action)
    with eager_bench.session() as session, streaming(session) as stream:
        assert sequences(stream, 4) == [0xFFFF_FFFE, 0xFFFF_FFFF, 0, 1]


def test_an_event_field_reads_otherwise(bench: LiveBench) -> None:
    bench.add(DQBUF, Action(do=Do.CORRUPT, field="buffer.memory", value="DMABUF"), count=1)
    with bench.session() as session, streaming(session) as stream:
        stream.next_frame()
        assert stream.violations == ["buffer 0 was dequeued as memory 4"]


def test_a_stream_freezes_and_goes_on(bench: LiveBench) -> None:
    with bench.session() as session, streaming(session) as stream:
        last = sequences(stream, 2)[-1]
        state = bench.preset("freeze")
        while not no_frame_comes(stream):
            pass
        bench.remove(state)
        assert stream.next_frame().sequence > last + 5


def test_frames_are_lost_and_their_buffers_stay(eager_bench: LiveBench) -> None:
    eager_bench.add(FRAME, Action(do=Do.DROP), every=3)
    with eager_bench.session() as session, streaming(session) as stream:
        seen = sequences(stream, 8)
    assert seen == [0, 1, 3, 4, 6, 7, 9, 10]


def test_a_share_of_frames_is_lost_the_same_ones_each_time(eager_bench: LiveBench) -> None:
    runs = []
    for _ in range(2):
        state = eager_bench.add(FRAME, Action(do=Do.DROP), probability=0.5, seed=7)
        with eager_bench.session() as session, streaming(session) as stream:
            runs.append(sequences(stream, 10))
        eager_bench.remove(state)
    assert runs[0] == runs[1]
    assert runs[0] != list(range(10))


def test_v4l2_events_are_lost_doubled_and_late(bench: LiveBench) -> None:
    with bench.session() as session:
        session.subscribe(CTRL, BRIGHTNESS, FEEDBACK)
        bench.preset("lost-event")
        set_brightness(session, 1)
        assert session.next_event(0.1) is None
        bench.preset("twice-event")
        set_brightness(session, 2)
        events = [session.next_event(5) for _ in range(2)]
        assert events[0] == events[1]
        assert events[0] is not None
        bench.add(Match(on=On.EVENT, event="EVENT"), Action(do=Do.DELAY, delay_ms=100), count=1)
        started = monotonic()
        set_brightness(session, 3)
        assert session.next_event(5) is not None
        assert monotonic() - started >= 0.1


def test_a_refused_mapping_is_enomem_and_the_next_one_works(bench: LiveBench) -> None:
    bench.preset("shmem-refused")
    with bench.session() as session:
        session.request_buffers(1, CAPTURE, 1)
        offset = session.query_buffer(0, CAPTURE, 1).mem_offset
        with pytest.raises(GuestIoctlError, match="MMAP: ENOMEM"):
            session.mmap(offset)
        session.munmap(session.mmap(offset)[0])
    assert bench.fired() == ["SHMEM_MAP refused"]


@pytest.mark.parametrize(("delay_ms", "least"), [(200, 0.2), (0, 4.0)])
def test_a_stalled_mapping_is_late_or_enomem_before_the_guest_gives_up(
    bench: LiveBench, delay_ms: float, least: float
) -> None:
    action = Action(do=Do.STALL, delay_ms=delay_ms)
    bench.add(Match(on=On.SHMEM_MAP), action, count=1)
    with bench.session() as session:
        session.request_buffers(1, CAPTURE, 1)
        offset = session.query_buffer(0, CAPTURE, 1).mem_offset
        started = monotonic()
        if delay_ms:
            session.mmap(offset)
        else:
            with pytest.raises(GuestIoctlError, match="MMAP: ENOMEM"):
                session.mmap(offset)
            session.mmap(offset)
        assert monotonic() - started >= least
