"""sessions.*, subscriptions.*, buffers.*, formats.*: what the guest works with."""

import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import driver_of, session_of, streaming
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2_controls import EventType


def test_a_session_goes_from_open_to_streaming(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        (row,) = client.call("sessions.list")["sessions"]
        assert (row["id"], row["phase"], row["buffers"], row["queue"]) == (
            session.id,
            "open",
            0,
            "",
        )
        session.request_buffers(3, 1, 1)
        (row,) = client.call("sessions.list")["sessions"]
        assert (row["phase"], row["buffers"], row["queue"]) == ("buffers", 3, "VIDEO_CAPTURE")
        with streaming(session, count=4) as stream:
            for _ in stream.frames(3):
                pass
            (row,) = client.call("sessions.list")["sessions"]
            assert row["phase"] == "streaming"
            assert row["frames"] >= 3
            assert row["preview"]
            assert row["commands"] > 8
            assert (row["format"], row["width"], row["height"]) == ("NV12", 160, 120)


def test_the_rate_is_that_of_the_last_second(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (_session, stream):
        for _ in stream.frames(120):
            pass
        (row,) = client.call("sessions.list")["sessions"]
        assert 0 < row["fps"] < 200
        stream.stream_off()
        (row,) = client.call("sessions.list")["sessions"]
        assert row["fps"] == 0


def test_the_last_errno_of_a_session_is_named(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        with pytest.raises(GuestIoctlError):
            session.ioctl("STREAMON", (1).to_bytes(4, "little"))
        (row,) = client.call("sessions.list")["sessions"]
        assert row["last_errno"] == "EINVAL"


def test_a_failed_session_stays_until_the_guest_closes_it(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        client.call("faults.inject_error", session=session.id, errno="ENODEV")
        assert session.driver.wait_event(5)
        (row,) = client.call("sessions.list")["sessions"]
        assert (row["phase"], row["failed_with"]) == ("failed", "ENODEV")
        detail = client.call("sessions.show", session=session.id)
        assert detail["session"]["phase"] == "failed"


def test_a_session_in_full(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, _stream):
        session.subscribe(EventType.CTRL, Cid.BRIGHTNESS)
        session.subscribe(EventType.EOS)
        detail = client.call("sessions.show", session=session.id)
        assert detail["session"]["id"] == session.id
        assert detail["interval_s"] == pytest.approx(1 / 120)
        assert (detail["bytesperline"], detail["sizeimage"]) == ([160], [28800])
        assert (detail["field"], detail["colorspace"], detail["memory"]) == (
            "NONE",
            "SRGB",
            "MMAP",
        )
        names = [(each["type"], each["name"]) for each in detail["subscriptions"]]
        assert names == [("EOS", ""), ("CTRL", "V4L2_CID_BRIGHTNESS")]
        everybody = client.call("subscriptions.list")["subscriptions"]
        assert everybody == detail["subscriptions"]


@pytest.mark.parametrize(
    "method", ["sessions.show", "subscriptions.list", "buffers.list", "formats.list"]
)
def test_an_unknown_session_is_answered_with_the_open_ones(
    bench: Bench, client: Client, method: str
) -> None:
    with session_of(bench) as session:
        with pytest.raises(OperationFailedError) as caught:
            client.call(method, session=session.id + 1)
        assert caught.value.code == ErrorCode.NOT_FOUND
        assert caught.value.data == {"open": [session.id]}
        assert str(session.id) in caught.value.message


def test_buffers_are_shown_in_every_state(bench: Bench, client: Client) -> None:
    with session_of(bench) as session, streaming(session, count=4) as stream:
        frame = stream.next_frame()
        (queue,) = client.call("buffers.list", session=session.id)["queues"]
        assert (queue["session"], queue["type"], queue["memory"]) == (
            session.id,
            "VIDEO_CAPTURE",
            "MMAP",
        )
        assert (queue["format"], queue["fps"]) == ("NV12", 120.0)
        states = {buffer["index"]: buffer for buffer in queue["buffers"]}
        taken = states[frame.index]
        assert taken["state"] == "dequeued"
        assert taken["sequence"] == frame.sequence
        assert taken["timestamp_ns"] // 1000 == frame.timestamp_ns // 1000
        assert taken["mapped"]
        assert "TIMESTAMP_MONOTONIC" in taken["flags"]
        (plane,) = taken["planes"]
        assert (plane["bytesused"], plane["length"]) == (28800, 28800)
        stream.stream_off()
        (queue,) = client.call("buffers.list", session=session.id)["queues"]
        assert {buffer["state"] for buffer in queue["buffers"]} == {"dequeued"}


def test_a_buffer_whose_dqbuf_waits_is_done(bench: Bench, client: Client) -> None:
    """Nothing leaves the held event ring, so that the events wait in the bench."""
    rule = {"match": {"on": "now"}, "action": {"do": "stop-ring", "ring": 1}}
    with session_of(bench) as session, streaming(session, count=4):
        client.call("faults.add", rule=rule, may_crash_guest=True)
        client.call("bench.wait", condition="frames")
        states: list[str] = []
        while "done" not in states:
            (queue,) = client.call("buffers.list")["queues"]
            states = [buffer["state"] for buffer in queue["buffers"]]
        (row,) = client.call("sessions.list")["sessions"]
        assert row["done"] >= 1
        assert client.call("bench.status")["events_waiting"] >= 1
        client.call("faults.clear")


def test_queues_without_an_owner_are_shown_too(client: Client) -> None:
    (queue,) = client.call("buffers.list")["queues"]
    assert (queue["session"], queue["buffers"], queue["memory"]) == (None, [], "")


def test_formats_with_sizes_and_rates(bench: Bench, client: Client) -> None:
    formats = client.call("formats.list")["formats"]
    current = next(row for row in formats if row["current"])
    assert (current["fourcc"], current["queue"], current["planes"]) == ("NV12", "VIDEO_CAPTURE", 1)
    assert "1920x1080" in current["sizes"]
    assert 30.0 in current["fps"]
    assert current["flags"] == []
    assert {"MJPG", "YUYV"} <= {row["fourcc"] for row in formats}
    compressed = next(row for row in formats if row["fourcc"] == "MJPG")
    assert compressed["flags"] == ["COMPRESSED"]
    assert client.call("bench.wait", condition="no-session")["condition"] == "no-session"


def test_sessions_of_several_drivers_are_told_apart(bench: Bench, client: Client) -> None:
    with driver_of(bench) as driver, driver.open() as first, driver.open() as second:
        first.request_buffers(2, 1, 1)
        rows = {row["id"]: row for row in client.call("sessions.list")["sessions"]}
        assert (rows[first.id]["buffers"], rows[second.id]["buffers"]) == (2, 0)
        assert client.call("buffers.list", session=second.id)["queues"] == []
