"""The synchronous client: which bench it finds, and what it says when there is none."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from tests.end_to_end.bench import Bench
from vmedia_bench.control.client import (
    BenchLostError,
    BenchNotFoundError,
    Client,
    OperationFailedError,
    SeveralBenchesError,
    find_bench,
)
from vmedia_bench.control.rpc import ErrorCode


@pytest.fixture
def benches(folder: Path) -> Iterator[Path]:
    """Two sockets where somebody listens, and one where nobody does."""
    folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        for name in ("cam0", "cam1", "stale"):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            sock.bind(str(folder / f"{name}.sock"))
            if name != "stale":
                sock.listen()
        yield folder


def test_the_only_bench_is_found(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(folder / "only.sock"))
        sock.listen()
        assert find_bench() == folder / "only.sock"


def test_of_several_one_has_to_be_named(benches: Path) -> None:
    with pytest.raises(SeveralBenchesError, match=r"cam0, cam1.*--bench") as caught:
        find_bench()
    assert caught.value.running == ("cam0", "cam1")


def test_a_name_a_path_or_the_environment_names_it(
    benches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_bench("cam1") == benches / "cam1.sock"
    assert find_bench("/run/x.sock") == Path("/run/x.sock")
    monkeypatch.setenv("VMEDIA_BENCH", "cam1")
    assert find_bench() == benches / "cam1.sock"
    assert find_bench("cam0") == benches / "cam0.sock"


def test_where_none_runs_it_says_how_to_start_one(folder: Path) -> None:
    with pytest.raises(BenchNotFoundError, match="vmedia-bench serve"):
        find_bench()


@pytest.mark.parametrize("name", ["cam7", "stale", "../x", "no name"])
def test_a_bench_that_does_not_run_is_answered_with_those_that_do(benches: Path, name: str) -> None:
    if "/" in name:
        name = str(benches / "missing.sock")
    with pytest.raises(BenchNotFoundError) as caught:
        Client.connect(name)
    assert caught.value.running == ("cam0", "cam1")


def test_a_call_after_another_goes_through_one_connection(client: Client) -> None:
    assert client.call("bench.status")["name"] == client.name == "cam0"
    assert client.call("sessions.list") == {"sessions": []}


def test_what_is_none_is_left_to_its_default(client: Client) -> None:
    assert client.call("buffers.list", session=None)["queues"]


def test_an_error_has_code_message_and_data(client: Client) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("sessions.show", session=5)
    assert caught.value.code == 1
    assert caught.value.data == {"open": []}
    assert str(caught.value) == caught.value.message


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"condition": "gone", "timeout_s": float("nan")}, "timeout_s"),
        ({"condition": "gone", "timeout_s": float("inf")}, "timeout_s"),
        ({"condition": "\udcff"}, "condition"),
        ({"rule": {"action": {"delay_ms": float("nan")}}}, "rule.action.delay_ms"),
    ],
)
def test_what_json_cannot_say_is_named(
    client: Client, params: dict[str, object], named: str
) -> None:
    with pytest.raises(OperationFailedError, match=f"^{named}: ") as caught:
        client.call("bench.wait", **params)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert client.call("bench.status")["name"] == "cam0"


def test_a_wait_may_be_longer_than_a_socket_can(client: Client) -> None:
    done = client.call("bench.wait", condition="listening", timeout_s=1e300)
    assert done["condition"] == "listening"


def test_a_bench_that_ends_is_lost(tmp_path: Path) -> None:
    with Bench(tmp_path / "vm.sock") as bench, Client.connect(str(bench.control)) as client:
        client.call("bench.status")
        batches = client.follow(["vm"])
        bench.stop()
        with pytest.raises(BenchLostError, match="cam0 has ended"):
            next(batches)
        with pytest.raises(BenchLostError):
            client.call("bench.status")


def test_an_answer_in_pieces_is_put_together(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    answer = b'{"jsonrpc": "2.0", "method": "live", "params": {}}\n{"id": 1, "result": {"a": 1}}\n'

    def serve() -> None:
        theirs.recv(1000)
        for byte in answer:
            theirs.send(bytes([byte]))

    with theirs, Client(ours, tmp_path / "x.sock") as client:
        thread = Thread(target=serve)
        thread.start()
        assert client.call("bench.status") == {"a": 1}
        thread.join()


def test_a_client_that_is_turned_away_hears_why(bench: Bench, client: Client) -> None:
    client.call("bench.status")
    with ExitStack() as stack:
        others = [stack.enter_context(Client.connect(str(bench.control))) for _ in range(128)]
        others[0].call("bench.status")
        with pytest.raises(OperationFailedError, match="clients are connected"):
            others[-1].call("bench.status")


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, vmedia_bench.control.client; "
        "print([m for m in sys.modules if m.partition('.')[0] in "
        "('msgspec', 'asyncio', 'numpy', 'construct', 'typer', 'textual', 'typing_extensions')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert os.environ
