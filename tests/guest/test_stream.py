"""Streaming and what a strict driver notices, over a scripted camera."""

from __future__ import annotations

import struct
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guest.camera import ScriptedCamera
    from tests.guest.rig import FakeBackend
    from vmedia_bench.guest.session import Session

CAPTURE = BufType.VIDEO_CAPTURE
PICTURE = bytes(range(12))


@pytest.fixture
def session(backend: FakeBackend, camera: ScriptedCamera) -> Iterator[Session]:
    with Vmm.connect(backend.path, memory_size=4 << 20) as vmm, Driver(vmm).open() as opened:
        yield opened


def run(session: Session, frames: int = 6) -> list[str]:
    """Stream some frames; the violations."""
    with Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        for _ in stream.frames(frames):
            pass
        stream.stream_off()
        return stream.violations


def test_mapped_frames_come_in_sequence_with_their_picture(session: Session) -> None:
    with Stream(session, CAPTURE, count=3) as stream:
        assert stream.count == 3
        stream.queue_all()
        stream.stream_on()
        seen = [(f.sequence, f.bytesused, bytes(f.planes[0])) for f in stream.frames(7)]
        assert seen == [(number, (12,), PICTURE) for number in range(7)]
        assert stream.violations == []


def test_userptr_frames_land_along_the_sg_list(backend: FakeBackend, session: Session) -> None:
    with Stream(session, CAPTURE, memory=Memory.USERPTR, sizes=(8192 + 12,), scatter=3) as stream:
        spans = stream.spans_of(0)[0]
        assert len(spans) == 3
        stream.queue_all()
        assert backend.chains[-1] == ([16, 88, 48], [8, 88])
        stream.stream_on()
        frame = stream.next_frame()
        assert stream.copy(frame) == (PICTURE,)
        assert stream.violations == []


def test_multi_planar_frames_have_their_planes_behind_the_buffer(
    backend: FakeBackend, session: Session
) -> None:
    with Stream(session, BufType.VIDEO_CAPTURE_MPLANE, count=2) as stream:
        stream.queue_all()
        assert backend.chains[-1] == ([16, 88, 64], [8, 88, 64])
        stream.stream_on()
        assert [bytes(f.planes[0]) for f in stream.frames(5)] == [PICTURE] * 5
        assert stream.violations == []


def test_a_ring_of_eight_streams_too(backend: FakeBackend, camera: ScriptedCamera) -> None:
    vmm = Vmm.connect(backend.path, queue_size=8, features=1 << 32)
    with vmm, Driver(vmm).open() as opened:
        assert run(opened) == []


def test_an_answer_to_qbuf_without_its_planes(camera: ScriptedCamera, session: Session) -> None:
    camera.writes_planes = False
    with Stream(session, BufType.VIDEO_CAPTURE_MPLANE) as stream:
        stream.queue(0)
        assert stream.violations == ["QBUF of buffer 0 answered without its planes"]


def test_closing_gives_everything_back(camera: ScriptedCamera, session: Session) -> None:
    left = session.ram.free_bytes
    with Stream(session, CAPTURE, memory=Memory.USERPTR, scatter=2):
        assert session.ram.free_bytes < left
    assert camera.buffers == 0


def test_a_gap_in_the_sequence(camera: ScriptedCamera, session: Session) -> None:
    camera.sequence_step = 2
    assert "sequence 2 came, 1 was due" in run(session, 2)


def test_frames_dropped_for_want_of_a_buffer_are_counted_and_not_held_against_the_device(
    camera: ScriptedCamera, session: Session
) -> None:
    """Sequence counts them, and the timestamps leave room for them."""
    camera.sequence_step = camera.clock_step = 3
    with Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        assert [frame.sequence for frame in stream.frames(3)] == [0, 3, 6]
        assert (stream.missed, stream.violations) == (4, [])


def test_first_frames_that_a_busy_device_made_nothing_of(
    camera: ScriptedCamera, session: Session
) -> None:
    """They were due after STREAMON and before the first that came: a minute has room for three."""
    camera.first_sequence, camera.clock = 3, camera.rate * (int(monotonic()) + 60)
    with Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        assert stream.next_frame().sequence == 3
        assert (stream.missed, stream.violations) == (3, [])


def test_a_sequence_that_does_not_begin_at_0(camera: ScriptedCamera, session: Session) -> None:
    """At STREAMON itself no frame can have been due before the first."""
    camera.first_sequence, camera.clock = 1, camera.rate * int(monotonic())
    assert run(session, 1) == ["sequence 1 came, 0 was due"]


@pytest.mark.parametrize("step", [0, -1])
def test_a_sequence_that_stands_still_or_goes_back(
    camera: ScriptedCamera, session: Session, step: int
) -> None:
    camera.sequence, camera.sequence_step, camera.clock_step = 0, step, 100
    assert any("was due" in line for line in run(session, 2))


def test_a_buffer_dequeued_twice(camera: ScriptedCamera, session: Session) -> None:
    camera.repeat = 2
    with Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        assert [stream.next_frame().index for _ in range(2)] == [0, 1]
        assert stream.violations[0] == "buffer 0 was dequeued twice"


@pytest.mark.parametrize("bytesused", [0, 4097])
def test_bytesused_beyond_sense(camera: ScriptedCamera, session: Session, bytesused: int) -> None:
    camera.bytesused = bytesused
    assert f"buffer 0 plane 0: bytesused {bytesused} of length 4096" in run(session, 2)


def test_a_mapping_of_another_length(camera: ScriptedCamera, session: Session) -> None:
    camera.map_length = 2048
    assert "MMAP of buffer 0 plane 0 answered 2048 bytes, QUERYBUF says 4096" in run(session, 2)


def test_a_userptr_that_comes_back_changed(camera: ScriptedCamera, session: Session) -> None:
    camera.userptr_answer = 0xDEAD
    with Stream(session, CAPTURE, memory=Memory.USERPTR) as stream:
        stream.queue(0)
        assert "to 0xdead" in stream.violations[0]


def test_a_buffer_after_streamoff(camera: ScriptedCamera, session: Session) -> None:
    camera.late = True
    with Stream(session, CAPTURE) as stream:
        stream.queue_all()
        stream.stream_on()
        stream.stream_off()
        session.driver.vmm.read_config()
        stream.check_silence(0.05)
        assert stream.violations == ["buffer 0 was dequeued after the answer to STREAMOFF"]


def refused(session: Session) -> None:
    """Ask for what cannot be, in the middle of a stream."""
    with Stream(session, CAPTURE):
        session.ioctl("QBUF", bytes([77, 0, 0, 0, 1]).ljust(88, b"\0"))


def test_what_is_refused_to_a_session_that_has_ended_says_why_it_ended(
    backend: FakeBackend, camera: ScriptedCamera, session: Session
) -> None:
    driver = session.driver
    backend.late_events.append(struct.pack("<IIII", 0, session.id, 5, 0))
    session.ioctl("G_FMT", struct.pack("<I", 1))
    assert driver.vmm.wait_for(lambda: driver.collect() > 0 or session.error > 0, 5.0)
    with pytest.raises(BackendError, match="ended the session with EIO"):
        refused(session)


def test_what_is_refused_to_a_session_that_lives_is_the_askers_mistake(session: Session) -> None:
    with pytest.raises(GuestIoctlError, match="QBUF: EINVAL"):
        refused(session)


def test_no_frame_is_a_timeout(session: Session) -> None:
    with Stream(session, CAPTURE) as stream:
        stream.stream_on()
        with pytest.raises(BackendTimeoutError, match=r"no frame back in 0.01 s"):
            stream.next_frame(0.01)
