"""What stands between device and driver can change what the driver sees, and nothing is lost."""

from collections.abc import Callable, Sequence
from errno import EIO, ENOMEM

import pytest

from tests.device.rig import CAPTURE, Rig
from vmedia_bench.device.interceptor import Done, Response
from vmedia_bench.wire import media

DQBUF_SIZE = media.EVENT_DQBUF_SIZE


class Meddler:
    """An interceptor whose answers a test puts in."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.instead: Sequence[bytes] | None = None
        self.lost_frames = 0
        self.shmem_allowed = True
        self.requests: list[bytes] = []
        self.events: list[bytes] = []

    def command(self, request: bytes, execute: Callable[[], Response]) -> Response:
        self.requests.append(request)
        return execute() if self.answer is None else self.answer

    def event(self, event: bytes) -> Sequence[bytes] | None:
        self.events.append(event)
        return self.instead

    def frame(self, session_id: int, buf_type: int) -> bool:
        if self.lost_frames:
            self.lost_frames -= 1
            return False
        return True

    def shmem_map(self, proceed: Callable[[Done], None], done: Done) -> None:
        if self.shmem_allowed:
            proceed(done)
        else:
            done(False)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def meddler(rig: Rig) -> Meddler:
    meddler = Meddler()
    rig.device.intercept(meddler)
    return meddler


def test_a_command_can_be_answered_without_being_executed(rig: Rig, meddler: Meddler) -> None:
    meddler.answer = media.RESP_HEADER.pack(EIO)
    assert rig.execute(media.CMD_HEADER.pack(media.CMD_OPEN, 0)) == meddler.answer
    assert len(rig.device.sessions) == 0


def test_what_an_interceptor_answers_is_counted(rig: Rig, meddler: Meddler) -> None:
    meddler.answer = media.RESP_HEADER.pack(EIO)
    rig.execute(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
    assert (rig.device.counters.commands, rig.device.counters.errors) == (1, 1)
    meddler.answer = None
    rig.execute(media.CMD_HEADER.pack(99, 0))
    rig.open()
    assert (rig.device.counters.commands, rig.device.counters.errors) == (3, 2)


def test_a_command_that_is_let_through_is_executed_once(rig: Rig, meddler: Meddler) -> None:
    rig.open()
    assert len(meddler.requests) == len(rig.device.sessions) == 1


def test_without_an_interceptor_the_device_is_called_directly(rig: Rig, meddler: Meddler) -> None:
    rig.device.intercept(None)
    rig.open()
    assert meddler.requests == []


def test_an_event_can_be_kept_back_and_released(rig: Rig, meddler: Meddler) -> None:
    session = rig.streaming()
    meddler.instead = ()
    rig.let_pass(0.02)
    kept = meddler.events[-1]
    assert rig.events() == []
    meddler.instead = None
    assert rig.device.release_event(kept)
    assert rig.events() == [kept]
    assert not rig.device.release_event(kept)
    assert session in {s.id for s in rig.device.sessions.all()}


def test_what_was_kept_back_is_void_after_streamoff(rig: Rig, meddler: Meddler) -> None:
    session = rig.streaming()
    meddler.instead = ()
    rig.let_pass(0.02)
    rig.stream_off(session)
    assert not rig.device.release_event(meddler.events[-1])


def test_an_event_can_be_doubled(rig: Rig, meddler: Meddler) -> None:
    rig.streaming()
    one = media.EVENT_ERROR.pack(media.EVT_ERROR, 77, 5)
    meddler.instead = (one, one)
    rig.let_pass(0.02)
    assert rig.events()[:2] == [one, one]


def test_a_raw_event_survives_the_session(rig: Rig, meddler: Meddler) -> None:
    session = rig.open()
    stale = bytes(DQBUF_SIZE)
    rig.device.send_raw(stale)
    rig.close(session)
    assert rig.events() == [stale]


def test_a_lost_frame_leaves_its_buffer_queued(rig: Rig, meddler: Meddler) -> None:
    meddler.lost_frames = 1
    session = rig.streaming()
    rig.let_pass(0.001)
    (queue,) = rig.device.node.queues(session)
    assert (queue.frames, queue.dropped) == (0, 1)
    rig.let_pass(0.04)
    (queue,) = rig.device.node.queues(session)
    assert (queue.frames, queue.sequence) == (1, 2)


def test_shared_memory_can_be_refused(rig: Rig, meddler: Meddler) -> None:
    session = rig.streaming()
    meddler.shmem_allowed = False
    assert rig.mmap(session, rig.offset_of(session, 0)) == (ENOMEM, 0, 0)
    assert rig.device.mappings.count() == 0


def test_another_config_space_is_announced_and_taken_back(rig: Rig) -> None:
    own = rig.device.config_space()
    other = media.CONFIG.pack(1, 0, b"another card")
    rig.device.set_config(other)
    assert rig.device.config_space() == other
    assert rig.transport.config_changes == 1
    rig.device.set_config(other)
    assert rig.transport.config_changes == 1
    rig.device.set_config(None)
    assert rig.device.config_space() == own
    assert rig.transport.config_changes == 2


def test_sessions_are_told_of(rig: Rig) -> None:
    told: list[tuple[int, str, int]] = []
    rig.device.watch(lambda *news: told.append(news))
    first, second = rig.open(), rig.open()
    rig.device.node.fail(second, EIO)
    rig.close(first)
    rig.device.reset()
    assert told == [
        (first, "opened", 0),
        (second, "opened", 0),
        (second, "failed", EIO),
        (first, "closed", 0),
        (second, "closed", 0),
    ]


def test_the_newest_frame_is_known_and_readable(rig: Rig) -> None:
    assert rig.device.newest_frame() is None
    session = rig.streaming()
    rig.let_pass(0.04)
    mark = rig.device.newest_frame()
    assert mark is not None
    assert (mark.serial, mark.session, mark.type) == (2, session, CAPTURE)
    (plane,) = rig.device.node.contents(session, mark.type, mark.buffer)
    assert bytes(plane.read(0, 4)) == b"\1\1\1\1"
    assert rig.device.frames.bytes == 2 * plane.length
    rig.device.reset()
    assert rig.device.newest_frame() is None
