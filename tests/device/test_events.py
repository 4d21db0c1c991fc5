"""Events wait in order, one of a kind, and never pile up."""

from vmedia_bench.device.events import EventQueue
from vmedia_bench.wire import media
from vmedia_bench.wire.structs import BUFFER, EVENT_CTRL

CTRL, EOS, SOURCE_CHANGE = 3, 2, 5


def buffer(index: int, buf_type: int = 1, sequence: int = 0) -> bytes:
    return BUFFER.pack(index, buf_type, 0, 0, 1, 0, 0, bytes(16), sequence, 1, 0, 0, 0)


def v4l2_event(kind: int, event_id: int = 0, changes: int = 0, value: int = 0) -> bytes:
    payload = EVENT_CTRL.pack(changes, 1, value, 0, 0, 0, 0, 0) if kind == CTRL else b""
    raw = bytearray(136)
    raw[0:4] = kind.to_bytes(4, "little")
    raw[8 : 8 + len(payload)] = payload
    raw[96:100] = event_id.to_bytes(4, "little")
    return bytes(raw)


def test_a_dqbuf_event_has_608_bytes_even_without_planes() -> None:
    events = EventQueue()
    events.dqbuf(3, buffer(2), b"")
    event = events.take(608)
    assert event is not None
    assert len(event) == media.EVENT_DQBUF_SIZE
    assert media.EVENT_HEADER.unpack_from(event) == (media.EVT_DQBUF, 3)
    assert event[8:96] == buffer(2)
    assert not any(event[96:])


def test_planes_follow_the_buffer() -> None:
    events = EventQueue()
    events.dqbuf(3, buffer(0, 9), b"\x11" * 128)
    event = events.take(608)
    assert event is not None
    assert event[96:224] == b"\x11" * 128
    assert len(event) == 608


def test_events_come_in_the_order_they_were_sent() -> None:
    events = EventQueue()
    events.dqbuf(1, buffer(0), b"")
    events.event(2, v4l2_event(EOS))
    events.dqbuf(1, buffer(1), b"")
    kinds = [event[0] for event in iter(lambda: events.take(608), None)]
    assert kinds == [media.EVT_DQBUF, media.EVT_EVENT, media.EVT_DQBUF]


def test_an_event_buffer_that_is_too_small_goes_back_empty_and_the_event_stays() -> None:
    events = EventQueue()
    events.dqbuf(1, buffer(0), b"")
    assert events.take(607) == b""
    assert len(events) == 1
    assert events.take(608) is not None
    assert events.take(608) is None


def test_control_events_of_one_control_merge_what_changed() -> None:
    events = EventQueue()
    events.event(1, v4l2_event(CTRL, 9, changes=1, value=5))
    events.event(1, v4l2_event(CTRL, 9, changes=2, value=7))
    event = events.take(144)
    assert event is not None
    assert EVENT_CTRL.unpack_from(event, 16)[:3] == (3, 1, 7)
    assert events.take(144) is None


def test_source_change_events_of_one_subscription_merge_what_changed() -> None:
    events = EventQueue()
    first, second = bytearray(v4l2_event(SOURCE_CHANGE)), bytearray(v4l2_event(SOURCE_CHANGE))
    first[8], second[8] = 1, 2
    events.event(1, bytes(first))
    events.event(1, bytes(second))
    event = events.take(144)
    assert event is not None
    assert event[16:20] == b"\3\0\0\0"
    assert events.take(144) is None


def test_an_error_voids_what_else_waits_for_the_session() -> None:
    events = EventQueue()
    events.dqbuf(1, buffer(0), b"")
    events.dqbuf(2, buffer(0), b"")
    events.error(1, 5)
    first, second = events.take(608), events.take(608)
    assert first is not None
    assert second is not None
    assert media.EVENT_HEADER.unpack_from(first) == (media.EVT_DQBUF, 2)
    assert media.EVENT_ERROR.unpack(second) == (media.EVT_ERROR, 1, 5)


def test_dropping_dqbufs_leaves_other_queues_and_sessions_alone() -> None:
    events = EventQueue()
    for session_id, buf_type in ((1, 1), (1, 2), (2, 1)):
        events.dqbuf(session_id, buffer(0, buf_type), b"")
    events.event(1, v4l2_event(EOS))
    events.drop_dqbufs(1, 1)
    assert len(events) == 3
    assert events.waiting(1) == 2


def test_without_event_buffers_the_queue_stays_as_large_as_what_it_tells_of() -> None:
    events = EventQueue()
    for sequence in range(10_000):
        events.dqbuf(1, buffer(sequence % 4, sequence=sequence), b"")
        events.event(1, v4l2_event(CTRL, sequence % 8, changes=1))
    assert len(events) == 12


def test_an_event_that_was_kept_back_does_not_take_the_place_of_a_newer_one() -> None:
    events = EventQueue()
    events.filter = lambda _event: ()
    events.event(3, v4l2_event(CTRL, 7, value=1))
    events.filter = None
    events.event(3, v4l2_event(CTRL, 7, value=2))
    older = media.EVENT_HEADER.pack(media.EVT_EVENT, 3) + v4l2_event(CTRL, 7, value=1)
    assert not events.release(older)
    taken = events.take(608)
    assert taken is not None
    assert EVENT_CTRL.unpack_from(taken, 16)[2] == 2
