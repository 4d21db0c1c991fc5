"""live.subscribe: what happens, told in batches; a client that is too slow loses, and is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode

Item = dict[str, Any]


@pytest.fixture
def follower(bench: Bench) -> Iterator[Client]:
    """A second client, to follow with."""
    with Client.connect(str(bench.control)) as follower:
        yield follower


def items_of(batches: Iterator[Item], topic: str) -> Iterator[Item]:
    """The items of one topic, for as long as they come."""
    for batch in batches:
        if batch["topic"] == topic:
            assert batch["lost"] == 0
            yield from batch["items"]


def test_the_vm_comes_and_goes(bench: Bench, follower: Client) -> None:
    states = items_of(follower.follow(["vm"], interval_ms=10), "vm")
    with session_of(bench):
        pass
    assert [next(states)["state"] for _ in range(3)] == ["connected", "ready", "gone"]


def test_sessions_open_fail_and_close(bench: Bench, client: Client, follower: Client) -> None:
    changes = items_of(follower.follow(["session"], interval_ms=10), "session")
    with session_of(bench) as session:
        client.call("faults.inject_error", session=session.id, errno="EIO")
        assert session.driver.wait_event(5)
    seen = [next(changes) for _ in range(3)]
    assert [(each["what"], each["errno"]) for each in seen] == [
        ("opened", ""),
        ("failed", "EIO"),
        ("closed", ""),
    ]
    assert {each["session"] for each in seen} == {session.id}


def test_commands_and_events_come_as_trace_records(bench: Bench, follower: Client) -> None:
    batches = follower.follow(["command", "event"], interval_ms=10)
    kinds: set[str] = set()
    seqs: list[int] = []
    with streaming_guest(bench):
        while kinds != {"command", "event"}:
            batch = next(batches)
            kinds.add(batch["topic"])
            for item in batch["items"]:
                assert item["kind"] == batch["topic"]
            seqs += [item["seq"] for item in batch["items"] if batch["topic"] == "command"]
    assert seqs == sorted(set(seqs))


def test_a_rule_that_fires_is_told(bench: Bench, client: Client, follower: Client) -> None:
    faults = items_of(follower.follow(["fault"], interval_ms=10), "fault")
    rule = {
        "match": {"on": "command", "ioctl": "G_FMT"},
        "action": {"do": "errno", "errno": "EBUSY"},
        "schedule": {"count": 1},
    }
    number = client.call("faults.add", rule=rule)["id"]
    with session_of(bench) as session, pytest.raises(Exception, match="EBUSY"):
        session.ioctl("G_FMT", (1).to_bytes(4, "little"))
    fault = next(faults)
    assert (fault["rule"], fault["session"]) == (number, session.id)
    assert "EBUSY" in fault["note"]


def test_queues_are_told_when_they_change(bench: Bench, follower: Client) -> None:
    queues = items_of(follower.follow(["buffer"], interval_ms=10), "buffer")
    with streaming_guest(bench) as (session, _stream):
        state = next(queues)
        while not (state["streaming"] and state["frames"] >= 3):
            state = next(queues)
        assert state["session"] == session.id
        assert len(state["buffers"]) == 4


def test_a_snapshot_is_told_at_once_and_again_each_interval(bench: Bench, follower: Client) -> None:
    with streaming_guest(bench) as (session, _stream):
        at_once = next(items_of(follower.follow(["snapshot"], interval_ms=10_000), "snapshot"))
        assert at_once["status"]["vm"] == "ready"
        assert [row["id"] for row in at_once["sessions"]] == [session.id]
        assert len(at_once["queues"][0]["buffers"]) == 4
        snapshots = items_of(follower.follow(["snapshot"], interval_ms=10), "snapshot")
        times = [next(snapshots)["at_ns"] for _ in range(5)]
        assert times == sorted(set(times))


def test_a_snapshot_of_one_session_has_no_others_and_outlives_it(
    bench: Bench, follower: Client
) -> None:
    with session_of(bench) as first:
        with first.driver.open() as second:
            snapshots = items_of(
                follower.follow(["snapshot"], session=second.id, interval_ms=10), "snapshot"
            )
            assert [row["id"] for row in next(snapshots)["sessions"]] == [second.id]
        while next(snapshots)["sessions"]:
            pass


def test_the_log_is_told_as_it_is_written(bench: Bench, follower: Client) -> None:
    lines = items_of(follower.follow(["log"], interval_ms=10), "log")
    with session_of(bench):
        text = ""
        while "front-end connected" not in text:
            text = next(lines)["text"]


def test_only_the_session_asked_for_is_told(bench: Bench, follower: Client) -> None:
    with session_of(bench) as first:
        topics = ["session", "command"]
        batches = follower.follow(topics, session=first.id, interval_ms=10)
        with first.driver.open() as second:
            second.request_buffers(0, 1, 1)
        first.request_buffers(0, 1, 1)
        batch = next(batches)
        assert batch["topic"] == "command"
        assert len(batch["items"]) == 1


def test_each_subscription_replaces_the_one_before(bench: Bench, follower: Client) -> None:
    follower.follow(["command", "vm"], interval_ms=10)
    batches = follower.follow(["session"], interval_ms=10)
    with session_of(bench):
        pass
    assert next(batches)["topic"] == "session"
    assert follower.call("live.subscribe", topics=[]) == {"topics": []}


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"topics": ["nope"]}, "topics"),
        ({"topics": ["vm"], "interval_ms": 5}, "interval_ms"),
        ({"topics": ["vm"], "interval_ms": 20_000}, "interval_ms"),
        ({}, "topics"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(
    client: Client, params: Item, field: str
) -> None:
    with pytest.raises(OperationFailedError, match=field) as caught:
        client.call("live.subscribe", **params)
    assert caught.value.code == ErrorCode.INVALID_PARAMS


def test_every_command_is_told_to_a_client_that_reads(
    bench: Bench, client: Client, follower: Client
) -> None:
    with session_of(bench) as session:
        batches = follower.follow(["command"], session=session.id, interval_ms=10)
        for _ in range(700):
            session.ioctl("G_FMT", (1).to_bytes(4, "little"))
        told: list[int] = []
        while len(told) < 700:
            batch = next(batches)
            assert batch["lost"] == 0
            assert len(batch["items"]) <= 500
            told += [item["seq"] for item in batch["items"]]
    assert told == list(range(told[0], told[0] + 700))
