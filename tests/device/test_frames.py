"""Which frames are the newest, of a session, of a queue and of a buffer."""

from vmedia_bench.device.frames import FrameLog
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufType

CAPTURE, OUTPUT = int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT)


def note(log: FrameLog, session: int, index: int, buf_type: int = CAPTURE) -> None:
    buffer = structs.BUFFER.pack(index, buf_type, 10, 0, 1, 0, 0, bytes(16), 0, 1, 0, 10, 0)
    log.note(session, buffer, b"")


def test_each_queue_of_a_codec_has_its_newest_frame() -> None:
    log = FrameLog()
    note(log, 1, 0, CAPTURE)
    note(log, 1, 3, OUTPUT)
    note(log, 2, 5, CAPTURE)
    assert {(mark.type, mark.buffer) for mark in log.newest_of_queues(1)} == {
        (CAPTURE, 0),
        (OUTPUT, 3),
    }
    newest = log.newest(1)
    assert newest is not None
    assert newest.type == OUTPUT


def test_a_queue_that_lost_its_buffers_has_no_frame() -> None:
    log = FrameLog()
    note(log, 1, 0, CAPTURE)
    note(log, 1, 3, OUTPUT)
    log.forget(1, OUTPUT)
    assert [mark.type for mark in log.newest_of_queues(1)] == [CAPTURE]
    log.forget(1)
    assert log.newest() is None


def test_frames_are_counted_by_session_while_it_is_open() -> None:
    log = FrameLog()
    for index in range(3):
        note(log, 1, index)
    note(log, 2, 0)
    assert (log.count, log.count_of(1), log.count_of(2), log.count_of(3)) == (4, 3, 1, 0)
    log.forget(1, CAPTURE)
    assert log.count_of(1) == 3, "its buffers are gone, the session is not"
    log.forget(1)
    assert (log.count, log.count_of(1)) == (4, 0)
