"""What a slow client loses is counted, topic by topic, and bounded."""

import logging

from vmedia_bench.control.server.feeds import (
    MAX_BEHIND,
    MAX_NEWS,
    LogFeed,
    NewsFeed,
    TraceFeed,
    session_of,
)
from vmedia_bench.control.server.log_buffer import LogBuffer
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.wire import media


def test_news_that_nobody_fetches_are_bounded() -> None:
    feed = NewsFeed()
    for number in range(MAX_NEWS + 7):
        feed.add({"number": number})
    items, lost = feed.take(MAX_NEWS)
    assert lost == 7
    assert (items[0], len(items)) == ({"number": 7}, MAX_NEWS)
    assert feed.take(10) == ((), 0)


def test_records_come_in_order_and_as_many_as_were_asked_for() -> None:
    trace = TraceRing()
    trace.note("before")
    feed = TraceFeed(trace, Kind.NOTE)
    for number in range(25):
        trace.note(str(number))
        trace.fault("not asked for")
    notes = []
    while items := feed.take(10)[0]:
        notes += [item.note for item in items]
    assert notes == [str(number) for number in range(25)]


def test_a_client_that_is_too_far_behind_loses_the_oldest_of_its_kind() -> None:
    trace = TraceRing()
    feed = TraceFeed(trace, Kind.NOTE)
    for number in range(MAX_BEHIND):
        trace.note(str(number))
        trace.fault("counts for the distance, and for another topic")
    feed.keep_up()
    items, lost = feed.take(MAX_BEHIND)
    assert lost == MAX_BEHIND // 2
    assert len(items) == MAX_BEHIND // 2
    assert items[0].note == str(MAX_BEHIND // 2)
    assert feed.take(10) == ((), 0)


def test_nothing_is_counted_twice_when_time_passes() -> None:
    trace = TraceRing()
    feed = TraceFeed(trace, Kind.NOTE)
    for number in range(3 * MAX_BEHIND):
        trace.note(str(number))
        if number % 1000 == 0:
            feed.keep_up()
    feed.keep_up()
    told, lost = feed.take(MAX_BEHIND)
    assert lost + len(told) == 3 * MAX_BEHIND


def test_log_lines_that_fell_out_are_lost() -> None:
    log = LogBuffer(kept=10)
    feed = LogFeed(log)
    for number in range(25):
        log.handle(logging.makeLogRecord({"name": "vmedia_bench.vhost.x", "msg": str(number)}))
    lines, lost = feed.take(100)
    assert lost == 15
    assert [line.text for line in lines] == [str(number) for number in range(15, 25)]
    assert lines[0].room == "vhost"
    assert feed.take(100) == ((), 0)


def test_the_log_is_read_from_a_line_on_or_from_the_end() -> None:
    log = LogBuffer(kept=10)
    for number in range(15):
        log.handle(logging.makeLogRecord({"name": "vmedia_bench", "msg": str(number)}))
    assert [line.seq for line in log.read(0, 3)] == [6, 7, 8]
    assert [line.seq for line in log.read(13, 100)] == [14, 15]
    assert [line.seq for line in log.read(-2, 100)] == [14, 15]
    assert log.read(15, 10) == ()
    assert len(log.read(-(10**30), 10**30)) == len(log.read(0, 100))
    assert log.read(0, 0) == ()


def test_the_session_of_a_record_is_in_its_bytes() -> None:
    ioctl = media.CMD_SESSION.pack(media.CMD_IOCTL, 7, 4)
    assert session_of(Record(1, Kind.COMMAND, 0, 0, request=ioctl)) == 7
    opened = media.CMD_HEADER.pack(media.CMD_OPEN, 0)
    answer = media.RESP_OPEN.pack(0, 8)
    assert session_of(Record(1, Kind.COMMAND, 0, 0, request=opened, response=answer)) == 8
    assert session_of(Record(1, Kind.COMMAND, 0, 0, request=opened)) == 0
    unmap = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, 1 << 20)
    assert session_of(Record(1, Kind.COMMAND, 0, 0, request=unmap)) == 0
    event = media.EVENT_ERROR.pack(media.EVT_ERROR, 9, 5)
    assert session_of(Record(1, Kind.EVENT, 0, 0, response=event)) == 9
    assert session_of(Record(1, Kind.EVENT, 0, 0, response=b"")) == 0
    assert session_of(Record(1, Kind.FAULT, 0, 0, session=3)) == 3
