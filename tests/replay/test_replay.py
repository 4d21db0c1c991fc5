"""A recorded guest played again: the same back-end answers the same, another one does not."""

from pathlib import Path
from typing import Any

import pytest

from tests.tracing import Played, Recorded, traced_bench
from vmedia_bench.guest.errors import BackendUnreachableError
from vmedia_bench.guest.probe import probe
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.replay.player import replay
from vmedia_bench.replay.report import Difference, ReplayReport, Verdict
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import BufType, EventSubFlag, EventType, Memory

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAPTURE_MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)


def streams(session: Session, kind: int = CAPTURE, **options: Any) -> None:
    """Ten frames, each buffer queued again at once."""
    with Stream(session, kind, **options) as stream:
        stream.queue_all()
        stream.stream_on()
        for _ in stream.frames(10):
            pass
        stream.stream_off()


def subscribes(session: Session) -> None:
    """A control's value by SEND_INITIAL, and how it changes by another session's doing."""
    flags = int(EventSubFlag.SEND_INITIAL)
    session.subscribe(int(EventType.CTRL), int(Cid.BRIGHTNESS), flags)
    assert session.next_event(5.0) is not None
    with session.driver.open() as other:
        other.set_control(int(Cid.BRIGHTNESS), 77)
    assert session.next_event(5.0) is not None


def differing(report: ReplayReport) -> set[tuple[str, str]]:
    return {(each.name, each.what) for each in report.differences}


@pytest.mark.parametrize("mplane", [False, True])
def test_a_stream_against_the_same_camera_is_the_same(
    recorded: Recorded, played: Played, mplane: bool
) -> None:
    kind = CAPTURE_MPLANE if mplane else CAPTURE
    records = recorded(lambda session: streams(session, kind), mplane=mplane)
    report = played(records, mplane=mplane)
    assert (report.verdict, report.differences) == (Verdict.SAME, [])
    assert report.commands == sum(record.kind == Kind.COMMAND for record in records)
    assert report.events >= 10
    assert report.skipped == []


def test_a_stream_by_the_clock_waits_for_its_frames(recorded: Recorded, played: Played) -> None:
    records = recorded(streams, fps=60)
    assert played(records, fps=60).differences == []


def test_scattered_guest_memory_is_found_anew(recorded: Recorded, played: Played) -> None:
    userptr = int(Memory.USERPTR)
    records = recorded(lambda session: streams(session, memory=userptr, scatter=3))
    report = played(records, order="crosvm")
    assert report.differences == []
    assert report.events >= 10


def test_events_of_controls_are_waited_for_where_the_guest_had_them(
    recorded: Recorded, played: Played
) -> None:
    report = played(recorded(subscribes))
    assert (report.differences, report.events) == ([], 2)


def test_everything_a_probe_asks_is_answered_the_same(
    tmp_path: Path, played: Played, recorded: Recorded
) -> None:
    with traced_bench(tmp_path) as bench:
        probe(bench.socket)
        bench.guest_left()
        records = bench.records()
    report = played(records)
    assert report.differences == []
    assert report.commands > 1000


def test_another_picture_size_shows_in_the_fields_that_hold_it(
    recorded: Recorded, played: Played
) -> None:
    def guest(session: Session) -> None:
        session.get_format(CAPTURE)
        streams(session)

    report = played(recorded(guest), size=(320, 240))
    assert report.verdict is Verdict.DIFFERENT
    assert report.differences[0] == Difference(
        2, 1, "G_FMT", "response.format.fmt.pix.width", "160", "320"
    )
    assert differing(report) == {
        ("G_FMT", "response.format.fmt.pix.width"),
        ("G_FMT", "response.format.fmt.pix.height"),
        ("G_FMT", "response.format.fmt.pix.bytesperline"),
        ("G_FMT", "response.format.fmt.pix.sizeimage"),
        ("QUERYBUF", "response.buffer.length"),
        ("MMAP", "response.len"),
        ("QBUF", "response.buffer.length"),
        ("DQBUF", "event.bytesused"),
        ("DQBUF", "event.length"),
    }
    queued = next(each for each in report.differences if each.name == "QBUF")
    assert queued.times >= 10, "what differs again and again is listed once"
    assert report.different == sum(each.times for each in report.differences)


def test_another_kind_of_queue_shows_in_the_status(recorded: Recorded, played: Played) -> None:
    report = played(recorded(lambda session: session.get_format(CAPTURE)), mplane=True)
    (difference,) = report.differences
    assert str(difference) == "#2 session 1 G_FMT: status was 0, is EINVAL"


def test_an_event_that_does_not_come_is_a_difference_and_does_not_hang(
    recorded: Recorded, played: Played
) -> None:
    report = played(recorded(streams), fps=1, event_limit_s=0.1)
    assert ("DQBUF", "event") in differing(report)
    assert report.aborted == ""


def test_a_fault_in_the_recording_explains_a_difference(recorded: Recorded, played: Played) -> None:
    records = recorded(lambda session: session.get_format(CAPTURE))
    refused = records[1]._replace(response=(5).to_bytes(8, "little"), used=8)
    fault = Record(100, Kind.FAULT, refused.start_ns, refused.start_ns, note="rule 1: EIO", rule=1)
    (difference,) = played((records[0], fault, refused, *records[2:])).differences
    assert (difference.recorded, difference.replayed) == ("EIO", "0")
    assert difference.fault == "rule 1: EIO"
    assert str(difference).endswith("(recorded with a fault: rule 1: EIO)")


def test_what_a_trace_lacks_is_left_out_and_said(recorded: Recorded, played: Played) -> None:
    records = recorded(lambda session: session.get_format(CAPTURE))
    report = played(records[1:])
    assert report.differences == []
    assert report.skipped[0].name == "G_FMT"
    assert report.skipped[0].why == "session 1 was opened before the trace begins"


def test_a_second_recorded_guest_finds_a_fresh_device(recorded: Recorded, played: Played) -> None:
    records = recorded(streams)
    without_close = tuple(record for record in records if summarize(record).name != "CLOSE")
    report = played(without_close + without_close)
    assert report.differences == []


def test_session_ids_of_the_recording_need_not_be_given_again(
    recorded: Recorded, played: Played
) -> None:
    def elsewhere(data: bytes, at: int) -> bytes:
        return data[:at] + (0x5000).to_bytes(4, "little") + data[at + 4 :]

    def shifted(record: Record) -> Record:
        if record.kind == Kind.EVENT:
            return record._replace(response=elsewhere(record.response, 4))
        if summarize(record).name == "OPEN":
            return record._replace(response=elsewhere(record.response, 8))
        if summarize(record).session:
            return record._replace(request=elsewhere(record.request, 8))
        return record

    records = tuple(map(shifted, recorded(streams)))
    assert {summarize(record).session for record in records} == {0, 0x5000}
    report = played(records)
    assert (report.differences, report.skipped) == ([], [])
    assert report.events >= 10


def test_the_configuration_space_is_compared_where_the_trace_has_it(played: Played) -> None:
    report = played((), metadata={"config": "00" * 40}, card="another")
    (difference,) = report.differences
    assert (difference.what, difference.recorded) == ("config", "00" * 40)
    assert b"another".hex() in difference.replayed


def test_nobody_on_the_socket_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(BackendUnreachableError):
        replay((), tmp_path / "nobody.sock")


def test_a_report_is_plain_data(recorded: Recorded, played: Played) -> None:
    report = played(recorded(lambda session: session.get_format(CAPTURE)), mplane=True)
    shown = report.to_json()
    assert shown["verdict"] == "different"
    assert shown["differences"][0]["recorded"] == "0"
    assert report.summary() == "3 commands and 0 events replayed, 1 differences"
