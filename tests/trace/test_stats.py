"""The figures about a trace, from records whose figures are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.trace.stats import QueueStats, StatsCounter, nearest_rank, statistics
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.v4l2 import BufFlag, BufType

CAPTURE = int(BufType.VIDEO_CAPTURE)
MPLANE = int(BufType.VIDEO_CAPTURE_MPLANE)
MS = 1_000_000


def command(seq: int, number: int, took_ns: int = 1000, status: int = 0, start: int = 0) -> Record:
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, 3, number) + structs.U32.pack(CAPTURE)
    response = media.RESP_HEADER.pack(status)
    return Record(seq, Kind.COMMAND, start, start + took_ns, request=request, response=response)


def frame(seq: int, sequence: int, at_ns: int, kind: int = CAPTURE, flags: int = 0) -> Record:
    length = 2 if kind == MPLANE else 500
    buffer = structs.BUFFER.pack(
        0, kind, 0 if kind == MPLANE else 400, flags, 1, 0, 0, bytes(16), sequence, 1, 0, length, 0
    )
    planes = structs.PLANE.pack(100, 500, 0, 0) + structs.PLANE.pack(50, 500, 0, 0)
    data = media.EVENT_HEADER.pack(media.EVT_DQBUF, 3) + buffer + planes
    return Record(seq, Kind.EVENT, at_ns, at_ns, response=data.ljust(media.EVENT_DQBUF_SIZE, b"\0"))


def queue(*records: Record) -> QueueStats:
    (found,) = statistics(records).queues
    return found


def test_commands_are_counted_by_name_with_their_latencies_and_errors() -> None:
    records = [command(seq, ioctls.VIDIOC_QBUF, took_ns=seq * 1000) for seq in range(1, 101)]
    records.append(command(101, ioctls.VIDIOC_S_FMT, status=22))
    records.append(command(102, ioctls.VIDIOC_S_FMT, status=16))
    records.append(command(103, ioctls.VIDIOC_S_FMT, status=22))
    busiest, other = statistics(records).commands
    assert (busiest.name, busiest.count, busiest.errors) == ("QBUF", 100, 0)
    assert (busiest.p50_ns, busiest.p99_ns, busiest.max_ns) == (50_000, 99_000, 100_000)
    assert (other.name, other.errors) == ("S_FMT", 3)
    assert other.by_errno == {"EINVAL": 2, "EBUSY": 1}


def test_a_command_that_was_never_answered_is_an_error() -> None:
    record = command(1, ioctls.VIDIOC_G_FMT)._replace(response=b"")
    (found,) = statistics([record]).commands
    assert found.by_errno == {"no answer": 1}
    close = record._replace(request=media.CMD_SESSION.pack(media.CMD_CLOSE, 3, 0))
    assert statistics([close]).commands[0].errors == 0


def test_frames_have_a_rate_bytes_and_no_gaps() -> None:
    found = queue(*(frame(seq, seq, seq * 20 * MS) for seq in range(11)))
    assert (found.session, found.queue, found.frames) == (3, "VIDEO_CAPTURE", 11)
    assert (found.frames_per_second, found.bytes) == (50.0, 11 * 400)
    assert (found.gaps, found.missing, found.error_frames) == (0, 0, 0)


def test_skipped_sequence_numbers_are_gaps_and_missing_frames() -> None:
    found = queue(*(frame(1, sequence, MS) for sequence in (5, 6, 9, 10, 15, 14)))
    assert (found.gaps, found.missing) == (3, 6)


def test_a_sequence_number_may_wrap_around() -> None:
    found = queue(frame(1, 0xFFFF_FFFF, MS), frame(2, 0, 2 * MS))
    assert (found.gaps, found.missing) == (0, 0)


def test_a_stream_that_begins_anew_has_no_gap_and_no_slow_rate() -> None:
    first = [frame(seq, seq, seq * 10 * MS) for seq in range(3)]
    again = [frame(10 + seq, seq, 5000 * MS + seq * 10 * MS) for seq in range(3)]
    found = queue(*first, command(9, ioctls.VIDIOC_STREAMON), *again)
    assert (found.gaps, found.frames_per_second) == (0, 100.0)


def test_planes_add_up_and_bad_frames_are_told() -> None:
    found = queue(frame(1, 0, 0, MPLANE), frame(2, 1, MS, MPLANE, int(BufFlag.ERROR)))
    assert (found.queue, found.bytes) == ("VIDEO_CAPTURE_MPLANE", 300)
    assert found.error_frames == 1


def test_missing_records_faults_and_notes_are_told() -> None:
    told = statistics(
        [
            command(10, ioctls.VIDIOC_QBUF, start=1000),
            Record(12, Kind.FAULT, 5000, 5000, note="EIO"),
            Record(15, Kind.NOTE, 1_000_001_000, 1_000_001_000, note="reset"),
        ]
    )
    assert (told.records, told.lost, told.faults, told.notes) == (3, 3, 1, ("reset",))
    assert told.seconds == 1.0


def test_what_a_filter_leaves_out_is_not_missing() -> None:
    records = [command(seq, ioctls.VIDIOC_QBUF, start=seq) for seq in (1, 2, 3, 4, 6, 7)]
    told = statistics(records, lambda record: record.seq in {2, 6})
    assert (told.records, told.lost) == (2, 1)


def test_of_nothing_there_is_nothing_to_tell() -> None:
    told = statistics([])
    assert (told.records, told.lost, told.seconds, told.commands, told.queues) == (0, 0, 0, (), ())


def test_figures_may_be_asked_for_on_the_way() -> None:
    counter = StatsCounter()
    counter.add(frame(1, 0, 0))
    assert counter.result().queues[0].frames_per_second == 0
    counter.add(frame(2, 1, 100 * MS))
    assert counter.result().queues[0].frames_per_second == 10.0


def test_a_real_stream(userptr_trace: tuple[Record, ...]) -> None:
    told = statistics(userptr_trace)
    assert told.sessions == (1,)
    assert told.lost == 0
    assert told.queues[0].frames >= 10
    assert told.queues[0].missing == 0
    assert told.events["DQBUF"] == told.queues[0].frames


@given(st.lists(st.integers(0, 1000), min_size=1), st.sampled_from([50, 99, 100]))
def test_a_percentile_is_the_nearest_rank(values: list[int], percent: int) -> None:
    ordered = sorted(values)
    found = nearest_rank(ordered, percent)
    at_most = sum(value <= found for value in ordered)
    below = sum(value < found for value in ordered)
    assert at_most * 100 >= len(ordered) * percent
    assert below * 100 < len(ordered) * percent


@pytest.mark.parametrize("size", [0, 7, 100, 607])
def test_a_short_event_counts_as_an_event_only(size: int) -> None:
    short = frame(1, 0, 0)
    told = statistics([short._replace(response=short.response[:size])])
    assert told.queues == ()
