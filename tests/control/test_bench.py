"""bench.*: the state of everything, waiting for things to happen, and the end."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import driver_of, session_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode


def test_a_connected_vm_is_shown_with_its_rings_and_memory(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        status = client.call("bench.status")
        assert status["vm"] == "ready"
        assert status["peer"].startswith("pid ")
        assert "VERSION_1" in status["features"]
        assert "SHMEM" in status["protocol_features"]
        assert status["sessions"] == 1
        commandq, eventq = status["rings"]
        assert commandq["name"] == "commandq"
        assert commandq["running"]
        assert commandq["used_index"] == commandq["avail_index"]
        assert eventq["offered"] > 0
        assert eventq["in_flight"] == 0
        (region,) = status["regions"]
        assert region == {"guest_address": 0, "size": session.ram.size, "mapped": True}
    status = client.call("bench.wait", condition="gone")
    assert status["condition"] == "gone"
    status = client.call("bench.status")
    assert (status["vm"], status["rings"], status["peer"]) == ("gone", [], "")


def test_counters_count(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (_session, stream):
        # With every buffer here, the device makes a frame only for one that it gets again.
        while len(stream.idle) < stream.count:
            frame = stream.next_frame()
        before = client.call("bench.status")["counters"]
        for _ in range(5):
            stream.requeue(frame)
            frame = stream.next_frame()
        after = client.call("bench.status")["counters"]
        assert after["frames"] - before["frames"] == 5
        assert after["frame_bytes"] - before["frame_bytes"] == 5 * 160 * 120 * 3 // 2
        assert after["events"] - before["events"] == 5
        # One QBUF a frame.
        assert after["commands"] - before["commands"] == 5


def test_mapped_buffers_are_shown_until_the_last_mapping_is_gone(
    bench: Bench, client: Client
) -> None:
    with session_of(bench) as session:
        session.request_buffers(1, 1, 1)
        buffer = session.query_buffer(0, 1, 1)
        session.mmap(buffer.m)
        (mapping,) = client.call("bench.status")["mappings"]
        assert mapping == {
            "offset": buffer.m,
            "length": 160 * 120 * 3 // 2,
            "mapped": 1,
            "in_use": True,
        }
        session.request_buffers(0, 1, 1)
        (mapping,) = client.call("bench.status")["mappings"]
        assert (mapping["mapped"], mapping["in_use"]) == (1, False)
        session.munmap(buffer.m)
        assert client.call("bench.status")["mappings"] == []


def test_a_ring_that_the_operator_holds_says_so(bench: Bench, client: Client) -> None:
    rule = {"match": {"on": "now"}, "action": {"do": "stop-ring", "ring": 1}}
    with session_of(bench):
        client.call("faults.add", rule=rule, may_crash_guest=True)
        commandq, eventq = client.call("bench.status")["rings"]
        assert not commandq["stopped_by_operator"]
        assert eventq["stopped_by_operator"]
        client.call("faults.clear")
        assert not client.call("bench.status")["rings"][1]["stopped_by_operator"]


def test_a_snapshot_is_all_of_it_at_once(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, _stream):
        picture = client.call("bench.snapshot", controls=True)
        assert [row["id"] for row in picture["sessions"]] == [session.id]
        assert [queue["session"] for queue in picture["queues"]] == [session.id]
        assert picture["controls"]
        assert picture["trace_last"] > 0
        assert picture["log_last"] > 0
        assert client.call("bench.snapshot")["controls"] == []


def test_a_snapshot_of_one_session_leaves_others_out(bench: Bench, client: Client) -> None:
    with driver_of(bench) as driver, driver.open() as first, driver.open() as second:
        picture = client.call("bench.snapshot", session=second.id)
        assert [row["id"] for row in picture["sessions"]] == [second.id]
        with pytest.raises(OperationFailedError) as caught:
            client.call("bench.snapshot", session=99999)
        assert caught.value.code == ErrorCode.NOT_FOUND
        assert caught.value.data == {"open": [first.id, second.id]}


# Waiting


def test_what_holds_already_is_not_waited_for(bench: Bench, client: Client) -> None:
    assert client.call("bench.wait", condition="no-session", timeout_s=0)["waited_s"] < 10


@pytest.mark.parametrize("condition", ["paused", "session", "streaming", "frames", "faults"])
def test_what_does_not_come_is_a_timeout(client: Client, condition: str) -> None:
    with pytest.raises(OperationFailedError, match="did not come in") as caught:
        client.call("bench.wait", condition=condition, timeout_s=0.05)
    assert caught.value.code == ErrorCode.TIMEOUT


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"condition": "session", "session": 4}, "session 4"),
        ({"condition": "streaming", "session": 4}, "streaming of session 4"),
        ({"condition": "frames", "count": 3}, "frames (3)"),
    ],
)
def test_a_timeout_says_what_did_not_come(
    client: Client, params: dict[str, object], said: str
) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("bench.wait", timeout_s=0.0099999, **params)
    assert caught.value.message == f"{said} did not come in 0.01 s"


def test_waits_end_when_a_guest_does_what_is_waited_for(bench: Bench, client: Client) -> None:
    conditions = ("connected", "ready", "session", "streaming", "frames", "commands")
    with ThreadPoolExecutor(len(conditions)) as pool:
        waits = [pool.submit(_wait, bench, condition) for condition in conditions]
        with streaming_guest(bench) as (session, stream):
            while not all(wait.done() for wait in waits):
                stream.requeue(stream.next_frame())
            assert [wait.result() for wait in waits] == list(conditions)
            gone = pool.submit(_wait, bench, "gone")
            over = pool.submit(_wait, bench, "no-session", session.id)
    assert (gone.result(), over.result()) == ("gone", "no-session")


def test_a_session_is_waited_for_by_its_id(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        client.call("bench.wait", condition="session", session=session.id)
        with pytest.raises(OperationFailedError):
            client.call("bench.wait", condition="session", session=session.id + 1, timeout_s=0)
        with pytest.raises(OperationFailedError):
            client.call("bench.wait", condition="streaming", session=session.id, timeout_s=0)


def test_frames_of_one_session_are_not_those_of_another(bench: Bench, client: Client) -> None:
    with (
        streaming_guest(bench) as (session, stream),
        session.driver.open() as other,
        ThreadPoolExecutor(1) as pool,
    ):
        mine = pool.submit(_wait, bench, "frames", session.id, 3)
        while not mine.done():
            stream.requeue(stream.next_frame())
        with pytest.raises(OperationFailedError, match=f"frames of session {other.id} did not"):
            client.call("bench.wait", condition="frames", session=other.id, timeout_s=0.2)


@pytest.mark.parametrize("condition", ["ready", "commands", "errors", "faults"])
def test_what_is_about_no_session_is_not_waited_for_by_one(client: Client, condition: str) -> None:
    with pytest.raises(OperationFailedError, match="is about the whole bench") as caught:
        client.call("bench.wait", condition=condition, session=1, timeout_s=0)
    assert caught.value.code == ErrorCode.INVALID_PARAMS


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_is_nothing_to_wait_for(client: Client, count: int) -> None:
    with pytest.raises(OperationFailedError, match="count: at least 1") as caught:
        client.call("bench.wait", condition="frames", count=count, timeout_s=0)
    assert caught.value.code == ErrorCode.INVALID_PARAMS


def test_several_are_counted_from_now_on(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (_session, stream), ThreadPoolExecutor(1) as pool:
        before = client.call("bench.status")["counters"]["frames"]
        wait = pool.submit(_wait, bench, "frames", None, 20)
        while not wait.done():
            stream.requeue(stream.next_frame())
        assert client.call("bench.status")["counters"]["frames"] - before >= 20


def _wait(
    bench: Bench, condition: str, session: int | None = None, count: int | None = None
) -> str:
    with Client.connect(str(bench.control)) as other:
        done = other.call("bench.wait", condition=condition, session=session, count=count)
        return str(done["condition"])


# The end


def test_a_bench_with_a_vm_ends_only_by_force(tmp_path: Path) -> None:
    with (
        Bench(tmp_path / "vm.sock") as bench,
        Client.connect(str(bench.control)) as client,
        session_of(bench),
    ):
        with pytest.raises(OperationFailedError, match=r"QEMU aborts.*--force") as caught:
            client.call("bench.shutdown")
        assert caught.value.code == ErrorCode.REFUSED
        assert bench.alive


def test_a_bench_without_one_ends_at_once(tmp_path: Path) -> None:
    with Bench(tmp_path / "vm.sock") as bench:
        control = bench.control
        with Client.connect(str(control)) as client:
            assert client.call("bench.shutdown") == {}
        assert bench.process.wait(20) == 0
        assert not control.exists()
        assert not bench.socket.exists()
