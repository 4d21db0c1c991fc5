"""After a process has died the next session has a new one, but not again and again in a row."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENODEV
from pathlib import Path

import pytest

from tests.backends.worker import sources
from tests.backends.worker.sources import AT_FRAME, SIZE, STAMP
from vmedia_bench.backends.worker.comeback import (
    FIRST_WAIT_NS,
    LONG_LIFE_NS,
    LONGEST_WAIT_NS,
    Comeback,
)
from vmedia_bench.backends.worker.source import WorkerSource
from vmedia_bench.device.switching import switch
from vmedia_bench.guest.errors import BackendError, GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.testing import Served, guest_session
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, fourcc

CAPTURE = int(BufType.VIDEO_CAPTURE)
RESTS = "camera: 2 failures in a row: it rests 1.0 s"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.ns = 1

    def __call__(self) -> int:
        return self.ns


def remote(kind: str, argument: object, clock: Callable[[], int]) -> WorkerSource:
    target = f"{sources.__name__}:{kind}"
    return WorkerSource(target, argument, name="camera", now=clock)


@contextmanager
def serving(maker: WorkerSource) -> Iterator[tuple[Served, Session]]:
    with Served(maker) as served:
        with guest_session(served) as session:
            yield served, session
        assert served.failures == []


def begin(session: Session) -> Stream:
    stream = Stream(session, CAPTURE)
    stream.queue_all()
    stream.stream_on()
    return stream


def stream_until_error(session: Session) -> int:
    """How many frames came before EVT_ERROR with ENODEV."""
    stream, count = begin(session), 0
    try:
        for _ in stream.frames(1000):
            count += 1
    except (BackendError, GuestIoctlError):
        # It may have ended between a frame and its QBUF.
        session.driver.collect()
    assert session.error == ENODEV
    return count


def lives(maker: WorkerSource) -> bool:
    return maker.alive


def kill(maker: WorkerSource, session: Session) -> None:
    """The process dies, and the bench has noticed."""
    os.kill(maker.pid, signal.SIGKILL)
    while lives(maker):
        session.driver.wait_event(0.01)


def test_the_next_session_has_a_new_process(caplog: pytest.LogCaptureFixture) -> None:
    maker = remote("BadSource", "fill exit", Clock())
    first = maker.pid
    with caplog.at_level(logging.INFO), serving(maker) as (_, session):
        assert stream_until_error(session) <= AT_FRAME
        assert not lives(maker)
        with session.driver.open() as other:
            assert lives(maker)
            assert maker.pid != first
            assert 0 < stream_until_error(other) <= AT_FRAME
    said = [record.getMessage() for record in caplog.records if record.name.endswith("r.source")]
    died = "camera: its process ended with exit code 9; its sessions get ENODEV"
    assert said == [died, "camera: its process is started anew", died]


def test_one_that_keeps_dying_is_given_a_rest(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    maker = remote("BadSource", "fill exit", clock)
    with serving(maker) as (_, session):
        stream_until_error(session)
        with session.driver.open() as other:
            stream_until_error(other)
        with session.driver.open() as third:
            assert not lives(maker)
            with pytest.raises(GuestIoctlError, match="ENODEV"):
                begin(third)
            assert caplog.text.count(RESTS) == 1
        clock.ns += FIRST_WAIT_NS
        with session.driver.open() as fourth:
            assert lives(maker)
            assert stream_until_error(fourth) > 0


def test_it_has_the_settings_of_the_one_before() -> None:
    maker = remote("NumberedSource", None, Clock())
    with serving(maker) as (_, session):
        session.set_format(VideoFormat(CAPTURE, *SIZE, fourcc("YUYV")))
        session.set_control(session.control_info(Cid.BRIGHTNESS), 7)
        with begin(session) as stream:
            for _ in stream.frames(4):
                pass
        kill(maker, session)
        assert not session.error
        # The session that was open all the while needs no other one to open.
        with begin(session) as stream:
            frame = stream.next_frame()
            assert len(frame.planes[0]) == 2 * SIZE[0] * SIZE[1]
            assert STAMP.unpack_from(frame.planes[0])[2] == 7
            stream.requeue(frame)
        assert stream.violations == []


def test_what_is_set_while_there_is_none_is_set_in_the_next() -> None:
    maker = remote("NumberedSource", None, Clock())
    with serving(maker) as (_, session):
        info = session.control_info(Cid.BRIGHTNESS)
        kill(maker, session)
        session.set_control(info, 9)
        with begin(session) as stream:
            assert STAMP.unpack_from(stream.next_frame().planes[0])[2] == 9


def test_a_control_that_it_died_of_is_not_set_again() -> None:
    maker = remote("BadSource", "control exit", Clock())
    with serving(maker) as (_, session):
        session.set_control(session.control_info(Cid.BRIGHTNESS), 9)
        while lives(maker):
            session.driver.wait_event(0.01)
        with begin(session) as stream:
            assert len(list(stream.frames(2 * AT_FRAME))) == 2 * AT_FRAME


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("gone", "camera: it cannot begin anew: the camera is gone; its sessions get ENODEV"),
        ("another", "camera: begun anew it is another device; use the backend anew"),
    ],
)
def test_one_that_does_not_come_back_is_said_to_be_gone(
    kind: str, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    state.write_text("the same")
    maker = remote("ChangingSource", state, Clock())
    with serving(maker) as (served, session):
        kill(maker, session)
        state.write_text(kind)
        assert stream_until_error(session) == 0
        assert caplog.text.count(why) == 1
        state.write_text("the same")
        served.call(lambda device: switch(device, remote("NumberedSource", 0, Clock()), "force"))
        with session.driver.open() as other, begin(other) as stream:
            assert len(list(stream.frames(3))) == 3


def test_one_that_says_nothing_is_killed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    state.write_text("the same")
    maker = remote("ChangingSource", state, time.monotonic_ns)
    with serving(maker) as (_, session):
        kill(maker, session)
        state.write_text("stuck")
        maker.start_limit = 0.2
        with session.driver.open() as other:
            while lives(maker):
                other.driver.wait_event(0.01)
    assert "camera: its process has not answered for 0.2 s and is killed" in caplog.text


def test_deaths_in_a_row_take_longer_and_longer() -> None:
    clock = Clock()
    comeback = Comeback(clock)
    waits = []
    for _ in range(9):
        comeback.died()
        waits.append(comeback.wait_ns)
        clock.ns += comeback.wait_ns
        assert comeback.wait_ns == 0
        comeback.born()
    doubled = [FIRST_WAIT_NS << turn for turn in range(5)]
    assert waits == [0, *doubled, *[LONGEST_WAIT_NS] * 3]
    clock.ns += LONG_LIFE_NS
    comeback.died()
    assert (comeback.wait_ns, comeback.deaths) == (0, 1)
