"""trace.* and scenarios.*: the handlers' part; the rest is tested beside trace and faults."""

from base64 import b64decode
from pathlib import Path

import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.trace.file import TraceReader
from vmedia_bench.wire import media


def test_records_are_read_on_from_where_one_was(bench: Bench, client: Client) -> None:
    last = client.call("trace.status")["last"]
    with session_of(bench) as session:
        for _ in range(300):
            session.ioctl("G_FMT", (1).to_bytes(4, "little"))
        read = client.call("trace.read", after=last, kinds=["command"])
    seqs = [record["seq"] for record in read["records"]]
    assert seqs == sorted(seqs)
    assert len(seqs) > 300
    assert read["lost"] == 0
    first = b64decode(read["records"][0]["request"])
    assert media.CMD_HEADER.unpack_from(first)[0] == media.CMD_OPEN
    rest = client.call("trace.read", after=seqs[-1], kinds=["command"])["records"]
    assert [record["seq"] for record in rest if record["seq"] <= seqs[-1]] == []


def test_a_page_is_as_long_as_was_asked_for(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        for _ in range(300):
            session.ioctl("G_FMT", (1).to_bytes(4, "little"))
        read = client.call("trace.read", after=0, limit=257, kinds=["command"])
        assert len(read["records"]) == 257
        newest = client.call("trace.read", after=-257, limit=200, kinds=["command"])["records"]
        assert len(newest) == 200
        assert {record["kind"] for record in newest} == {"command"}
        everything = client.call("trace.read", after=-3)["records"]
        assert [record["seq"] for record in everything] == [
            everything[-1]["seq"] - 2,
            everything[-1]["seq"] - 1,
            everything[-1]["seq"],
        ]


def test_what_is_forgotten_counts_as_lost(bench: Bench, client: Client) -> None:
    with session_of(bench):
        pass
    last = client.call("trace.clear")["last"]
    read = client.call("trace.read", after=0)
    assert read["lost"] >= last
    assert client.call("trace.status")["last"] >= last


def test_an_answer_that_grows_too_long_is_cut_and_says_so(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        for _ in range(300):
            session.driver.submit_bytes(bytes(60_000), 8)
        first = client.call("trace.read", after=-300, kinds=["command"])
        last = first["records"][-1]["seq"]
        assert first["more"]
        assert 0 < len(first["records"]) < 300
        rest = client.call("trace.read", after=last, kinds=["command"])
        assert len(first["records"]) + len(rest["records"]) == 300
        assert not rest["more"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_pages_have_a_limit(client: Client, limit: int) -> None:
    with pytest.raises(OperationFailedError, match="limit") as caught:
        client.call("trace.read", limit=limit)
    assert caught.value.code == ErrorCode.INVALID_PARAMS


def test_a_recording_is_written_until_it_is_stopped(
    bench: Bench, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "guest.vmtrace"
    status = client.call("trace.record", path=str(path))
    assert status["recording"] == str(path)
    with pytest.raises(OperationFailedError, match="trace stop") as caught:
        client.call("trace.record", path=str(tmp_path / "other"))
    assert caught.value.code == ErrorCode.REFUSED
    with streaming_guest(bench):
        pass
    client.call("bench.wait", condition="gone")
    status = client.call("trace.stop")
    assert status["recording"] == ""
    assert status["recorded"] > 20
    assert status["record_error"] == ""
    assert path.stat().st_size == status["recorded_bytes"]


def test_a_file_that_is_there_is_overwritten_only_when_that_is_said(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "precious"
    path.write_text("mine")
    with pytest.raises(OperationFailedError, match="--overwrite") as caught:
        client.call("trace.record", path=str(path))
    assert caught.value.code == ErrorCode.REFUSED
    client.call("trace.record", path=str(path), overwrite=True)
    client.call("trace.stop")
    assert path.read_bytes() != b"mine"


def test_a_folder_that_is_not_there_is_said_to_be(client: Client, tmp_path: Path) -> None:
    with pytest.raises(OperationFailedError, match="No such file") as caught:
        client.call("trace.record", path=str(tmp_path / "no" / "file"))
    assert caught.value.code == ErrorCode.UNUSABLE


def test_a_scenario_runs_in_the_bench_and_reports(bench: Bench, client: Client) -> None:
    toml = """
    [[steps]]
    title = "a guest is there"
    call = "sessions.list"
    expect = { "sessions.0.phase" = "open" }

    [[steps]]
    title = "and streams"
    call = "sessions.list"
    expect = { "sessions.0.phase" = "streaming" }
    """
    with session_of(bench):
        report = client.call("scenarios.run", toml=toml, name="two steps")
    assert (report["name"], report["passed"]) == ("two steps", False)
    first, second = report["steps"]
    assert (first["passed"], second["passed"]) == (True, False)
    assert "streaming" in second["message"]


def test_a_scenario_that_makes_no_sense_says_where(client: Client) -> None:
    with pytest.raises(OperationFailedError, match="line 2") as caught:
        client.call("scenarios.run", toml="\n[[steps]]\nnonsense = 1\n")
    assert caught.value.code == ErrorCode.INVALID_PARAMS


def test_what_is_being_recorded_is_whole_when_the_bench_ends(tmp_path: Path) -> None:
    path = tmp_path / "guest.vmtrace"
    with Bench(tmp_path / "vm.sock") as bench, Client.connect(str(bench.control)) as client:
        client.call("trace.record", path=str(path))
        with session_of(bench) as session:
            for _ in range(200):
                session.ioctl("G_FMT", (1).to_bytes(4, "little"))
        client.call("bench.shutdown")
        assert bench.process.wait(20) == 0
    with path.open("rb") as file:
        commands = [each for each in TraceReader(file) if each.kind == "command"]
    assert len(commands) >= 202
