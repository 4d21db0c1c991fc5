"""A source that raises, blocks or dies takes its own sessions down, and nothing else."""

import logging
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EBUSY, EINVAL, EIO, ENODEV
from pathlib import Path

import pytest

from tests.backends.worker import sources
from tests.backends.worker.targets import running
from vmedia_bench.backends.worker import WorkerError
from vmedia_bench.backends.worker.source import SILENCE_LIMIT_S, WorkerSource
from vmedia_bench.guest.errors import BackendError, GuestError, GuestIoctlError
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.testing import Served, guest_session
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType

CAPTURE = int(BufType.VIDEO_CAPTURE)
GUEST_GIVES_UP_AFTER_S = 5
SOON = 0.3


def bad(argument: str, **limits: float) -> WorkerSource:
    limits = {"silence_limit": SOON, **limits}
    return WorkerSource(f"{sources.__name__}:BadSource", argument, name="bad one", **limits)  # type: ignore[arg-type]


@contextmanager
def serving(maker: WorkerSource) -> Iterator[tuple[Served, Session]]:
    with Served(maker) as served:
        with guest_session(served) as session:
            yield served, session
        assert served.failures == []


def stream_until_error(session: Session) -> tuple[int, int]:
    """How many frames came, and the errno of EVT_ERROR, or of STREAMON when it was over by then."""
    count = refused = 0
    try:
        stream = Stream(session, CAPTURE)
        stream.queue_all()
        stream.stream_on()
        while True:
            stream.requeue(stream.next_frame())
            count += 1
    except GuestIoctlError as error:
        refused = error.errno
    except GuestError:
        pass
    session.driver.collect()
    return count, session.error or refused


def is_well(session: Session) -> None:
    """The bench answers, whatever its source is at."""
    with session.driver.open() as other:
        assert other.get_format(CAPTURE).width == sources.SIZE[0]
        other.set_control(other.control_info(Cid.BRIGHTNESS), 3)
        with pytest.raises(GuestIoctlError) as refused:
            session.get_format(CAPTURE)
        assert refused.value.errno == EINVAL


def test_the_limit_is_well_under_what_a_guest_waits() -> None:
    assert SILENCE_LIMIT_S <= 0.7 * GUEST_GIVES_UP_AFTER_S


@pytest.mark.parametrize(
    ("argument", "frames", "errno", "why"),
    [
        ("fill block", sources.AT_FRAME, EIO, "has not answered for 0.3 s and is killed"),
        ("start block", 0, EIO, "has not answered for 0.3 s and is killed"),
        ("fill garbage", sources.AT_FRAME, EIO, "its process makes no sense"),
        ("fill exit", sources.AT_FRAME, ENODEV, "ended with exit code 9"),
        ("start exit", 0, ENODEV, "ended with exit code 9"),
        ("start raise", 0, EIO, "RuntimeError: the lens cap is on"),
        ("start refuse", 0, EBUSY, "somebody else has it"),
        ("fill raise", sources.AT_FRAME + 8, EIO, "RuntimeError: the lens cap is on"),
    ],
)
def test_what_happens_to_a_stream(
    argument: str, frames: int, errno: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), serving(bad(argument)) as (_, session):
        count, error = stream_until_error(session)
        assert error == errno
        assert count <= frames
        is_well(session)
    assert why in caplog.text
    assert "bad one: " in caplog.text or "numbered failed" in caplog.text


def test_a_stream_that_cannot_start_leaves_nothing_behind_in_the_process() -> None:
    maker = bad("start raise")

    def open_fds() -> int:
        return len(list(Path(f"/proc/{maker.pid}/fd").iterdir()))

    with Served(maker) as served:
        counts = []
        for _ in range(3):
            with guest_session(served) as session:
                assert stream_until_error(session)[1] == EIO
            counts.append(open_fds())
    assert counts == counts[:1] * 3


@pytest.mark.parametrize(("what", "errno"), [("control block", EIO), ("control exit", ENODEV)])
def test_a_control_ends_the_stream_and_is_answered_all_the_same(what: str, errno: int) -> None:
    with serving(bad(what)) as (_, session):
        with session.driver.open() as other:
            stream = Stream(session, CAPTURE)
            stream.queue_all()
            stream.stream_on()
            stream.requeue(stream.next_frame())
            other.set_control(other.control_info(Cid.BRIGHTNESS), 7)
            with pytest.raises(BackendError):
                for _ in stream.frames(1000):
                    pass
        assert session.error == errno


def test_a_control_that_fails_is_logged_and_the_stream_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(bad("control raise")) as (_, session):
        session.set_control(session.control_info(Cid.BRIGHTNESS), 7)
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            assert not any(frame.error for frame in stream.frames(4))
    assert "bad one: SetControl: RuntimeError: the lens cap is on" in caplog.text


def test_a_source_cannot_say_that_a_frame_is_larger_than_its_buffer() -> None:
    maker = WorkerSource(f"{sources.__name__}:LyingSource", None, name="liar")
    with serving(maker) as (_, session), Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        frame = stream.next_frame()
        assert frame.error
        assert frame.bytesused == (0,)


def test_a_stuck_process_is_killed_and_reaped() -> None:
    maker = bad("fill block")
    pidfd = os.pidfd_open(maker.pid)
    with serving(maker) as (_, session):
        stream_until_error(session)
        assert not maker.alive
        assert select.select([pidfd], [], [], 20)[0]
    os.close(pidfd)
    assert not running(maker.pid)


@pytest.mark.parametrize(
    ("argument", "kind", "why"),
    [
        ("init value", ValueError, "colour 'x': not a colour"),
        ("init raise", WorkerError, "bad one: RuntimeError: the lens cap is on"),
        ("init missing", WorkerError, "bad one: it needs the module cv2, which is not installed"),
        ("init refuse", WorkerError, "bad one: EBUSY: somebody else has it"),
        ("init exit", WorkerError, "bad one: its process ended with exit code 9"),
    ],
)
def test_a_source_that_cannot_be_made_says_why(
    argument: str, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind) as failed:
        bad(argument)
    assert str(failed.value) == why


def test_a_source_that_never_says_what_it_is_is_not_waited_for() -> None:
    with pytest.raises(WorkerError, match=r"bad one: its process gave no answer in 0\.5 s"):
        bad("init block", start_limit=0.5)


@pytest.mark.parametrize(
    ("target", "argument", "why"),
    [
        ("PerSession", None, "it has a state for each session, which needs a source inside"),
        ("RangedSource", "bent", "NV12: the layout at .* declare the sizes one by one"),
        ("no_source", 5, "TypeError: 5 is no VideoSource"),
        ("nothing", None, "AttributeError: module .* has no attribute 'nothing'"),
    ],
)
def test_what_cannot_be_served_from_outside_is_refused_in_one_line(
    target: str, argument: object, why: str
) -> None:
    with pytest.raises((ValueError, WorkerError), match=why) as refused:
        WorkerSource(f"{sources.__name__}:{target}", argument, name="it")
    assert "\n" not in str(refused.value)
