"""Clients that mean harm: an error or a closed connection, and a guest that never notices."""

import errno
import json
import os
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import pytest

from tests.control.raw import RawClient
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of, streaming
from vmedia_bench.control.client import Client
from vmedia_bench.control.rpc import MAX_LINE, ErrorCode

FRAMES = 60
MOST_CLIENTS = 128
SETTLE_LIMIT_S = 30.0
IDLE_SOCKETS = 5
"""Two that listen, a pair that wakes the loop, and one client."""
STATUS = b'{"jsonrpc": "2.0", "id": 1, "method": "bench.status"}\n'


@pytest.fixture
def undisturbed(bench: Bench) -> Iterator[Bench]:
    """A bench whose guest streams on through whatever the test does, and that leaks nothing."""
    with Client.connect(str(bench.control)) as client:
        settled_sockets(bench, client)
        with session_of(bench) as session, streaming(session, count=4) as stream:
            for _ in stream.frames(3):
                pass
            yield bench
            for _ in stream.frames(FRAMES):
                pass
        settled_sockets(bench, client)


def settled_sockets(bench: Bench, client: Client) -> None:
    """See the bench part with everybody who has left, so that only `client` is there."""
    end = monotonic() + SETTLE_LIMIT_S
    while monotonic() < end:
        client.call("bench.status")
        with suppress(FileNotFoundError):
            if bench.open_files().count("socket") == IDLE_SOCKETS:
                return
    raise AssertionError(f"sockets are left: {bench.open_files()}")


def test_a_line_without_an_end_is_cut_off(undisturbed: Bench) -> None:
    with RawClient(undisturbed.control) as raw:
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(64):
                raw.send(b'{"jsonrpc": "2.0", ' * 5000)
        error = raw.line()["error"]
        assert error["code"] == ErrorCode.INVALID_REQUEST
        assert str(MAX_LINE) in error["message"]
        assert raw.at_end()


def test_requests_before_a_line_without_an_end_are_answered(undisturbed: Bench) -> None:
    with RawClient(undisturbed.control) as raw:
        with suppress(BrokenPipeError, ConnectionResetError):
            raw.send(STATUS + b"x" * (MAX_LINE + 1))
        answers = [raw.line(), raw.line()]
        assert sorted("result" in answer for answer in answers) == [False, True]
        assert raw.at_end()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"jsonrpc": "2.0", "params": ['])
def test_nesting_without_an_end_is_a_parse_error(undisturbed: Bench, opening: bytes) -> None:
    with RawClient(undisturbed.control) as raw:
        raw.send(opening * (MAX_LINE // len(opening) - 1) + b"\n")
        assert raw.line()["error"]["code"] == ErrorCode.PARSE_ERROR
        assert raw.request("bench.status")["result"]


def test_a_number_of_a_million_digits_is_an_error(undisturbed: Bench) -> None:
    with RawClient(undisturbed.control) as raw:
        raw.send(b'{"jsonrpc": "2.0", "method": "bench.status", "id": ' + b"9" * 1_000_000 + b"}\n")
        assert "error" in raw.line()
        raw.send(
            b'{"jsonrpc": "2.0", "id": 1, "method": "sessions.show", "params": {"session": '
            + b"9" * 1_000_000
            + b"}}\n"
        )
        assert "error" in raw.line()


def test_bytes_at_random_are_errors_and_nothing_else(undisturbed: Bench) -> None:
    generator = random.Random(1)
    with RawClient(undisturbed.control) as raw:
        for _ in range(300):
            line = generator.randbytes(generator.randrange(1, 200)).replace(b"\n", b" ")
            if line.strip():
                raw.send(line + b"\n")
                assert raw.line()["error"]["code"] == ErrorCode.PARSE_ERROR
        assert raw.request("bench.status")["result"]


def test_a_client_that_never_reads_is_bounded_and_hurts_nobody(undisturbed: Bench) -> None:
    before = undisturbed.private_bytes()
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "controls.list"}).encode() + b"\n"
    with RawClient(undisturbed.control) as raw:
        raw.sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                raw.sock.send(call * 100)
        with Client.connect(str(undisturbed.control)) as client:
            for _ in range(20):
                client.call("bench.snapshot")
        assert undisturbed.private_bytes() - before < 16 << 20


def test_calls_that_wait_are_limited(undisturbed: Bench) -> None:
    params = {"condition": "paused", "timeout_s": 1000}
    with RawClient(undisturbed.control) as raw:
        for number in range(40):
            wait = {"jsonrpc": "2.0", "id": number, "method": "bench.wait", "params": params}
            raw.send(json.dumps(wait).encode() + b"\n")
        refused = [raw.line() for _ in range(8)]
        assert {answer["error"]["code"] for answer in refused} == {ErrorCode.REFUSED}
        assert [answer["id"] for answer in refused] == list(range(32, 40))


def test_clients_beyond_the_limit_are_told_and_turned_away(undisturbed: Bench) -> None:
    """The fixture's client is the first one."""
    with ExitStack() as stack:
        inside = [
            stack.enter_context(RawClient(undisturbed.control)) for _ in range(MOST_CLIENTS - 1)
        ]
        assert inside[-1].request("bench.status")["result"]
        with RawClient(undisturbed.control) as outside:
            assert outside.line()["error"]["code"] == ErrorCode.REFUSED
            assert outside.at_end()
        assert inside[0].request("bench.status")["result"]


def test_ten_thousand_connections_at_once_are_turned_away(undisturbed: Bench) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10_100, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    path = str(undisturbed.control)
    crowd: list[socket.socket] = []
    try:
        while len(crowd) < wanted - 100:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(path)
            crowd.append(sock)
        files = Path(f"/proc/{undisturbed.pid}/fd")
        assert len(list(files.iterdir())) < MOST_CLIENTS + 100
    finally:
        for sock in crowd:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_bench_without_file_descriptors_left_goes_on(undisturbed: Bench) -> None:
    number = len(undisturbed.open_files())
    limits = resource.prlimit(undisturbed.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(undisturbed.pid, resource.RLIMIT_NOFILE, (number + 2, limits[1]))
    try:
        with ExitStack() as stack:
            crowd = [stack.enter_context(RawClient(undisturbed.control)) for _ in range(8)]
            assert crowd[0].request("bench.status")["result"]
    finally:
        resource.prlimit(undisturbed.pid, resource.RLIMIT_NOFILE, limits)


def test_a_client_that_hangs_up_in_the_middle_is_forgotten(undisturbed: Bench) -> None:
    for _ in range(50):
        with RawClient(undisturbed.control) as raw:
            raw.send(STATUS * 20 + b'{"jsonrpc"')


def test_file_descriptors_that_a_client_sends_are_not_kept(undisturbed: Bench) -> None:
    with RawClient(undisturbed.control) as raw:
        read, write = os.pipe()
        for _ in range(50):
            socket.send_fds(raw.sock, [STATUS], [read] * 20)
            assert raw.line()["result"]
        os.close(read)
        # Nobody else has the pipe's reading end any more.
        with pytest.raises(OSError) as caught:
            os.write(write, b"x")
        assert caught.value.errno == errno.EPIPE
        os.close(write)


def test_a_flood_of_requests_leaves_the_guest_its_turns(undisturbed: Bench) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(RawClient(undisturbed.control)) for _ in range(8)]
        for raw in crowd:
            raw.send(STATUS * 200)
        for raw in crowd:
            for _ in range(200):
                assert raw.line()["result"]["name"] == "cam0"


def test_the_files_a_path_names_are_not_overwritten(undisturbed: Bench, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("mine")
    with RawClient(undisturbed.control) as raw:
        answer = raw.request("trace.record", {"path": str(path)})
        assert answer["error"]["code"] == ErrorCode.REFUSED
        answer = raw.request("trace.record", {"path": "relative"})
        assert answer["error"]["data"] == {"field": "path"}
        answer = raw.request("trace.record", {"path": "/\0/x"})
        assert "error" in answer
    assert path.read_text() == "mine"
