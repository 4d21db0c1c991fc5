"""frames.get: the guest's picture, in a sealed memfd beside the answer."""

import fcntl
import mmap
import os
from typing import Any

import pytest

from tests.control.guests import streaming_guest
from tests.control.raw import RawClient
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of, streaming
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode

WIDTH, HEIGHT = 160, 120
SIZE = WIDTH * HEIGHT * 3 // 2


def frame_of(client: Client, **params: Any) -> tuple[dict[str, Any], bytes]:
    """A frame's description and its bytes."""
    frame, fd = client.call_with_fd("frames.get", **params)
    assert fd is not None
    with os.fdopen(fd, "rb") as file:
        return frame, file.read()


def test_the_bytes_are_those_that_the_guest_got(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, stream):
        seen = stream.next_frame()
        frame, data = frame_of(client, session=session.id, buffer=seen.index)
        assert data == stream.copy(seen)[0]
        assert (frame["session"], frame["buffer"]) == (session.id, seen.index)
        assert frame["sequence"] == seen.sequence
        assert frame["timestamp_ns"] == seen.timestamp_ns // 1000 * 1000
        assert (frame["fourcc"], frame["width"], frame["height"]) == ("NV12", WIDTH, HEIGHT)
        assert frame["planes"] == [
            {"offset": 0, "length": SIZE, "bytesperline": WIDTH, "rows": HEIGHT}
        ]
        assert (frame["colorspace"], frame["quantization"]) == ("SRGB", "LIM_RANGE")


def test_without_a_session_it_is_the_newest_frame_of_all(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, _stream):
        frame, data = frame_of(client)
        assert frame["session"] == session.id
        assert len(data) == SIZE


def test_a_preview_has_every_nth_row_of_luma_and_chroma(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, stream):
        seen = stream.next_frame()
        whole = stream.copy(seen)[0]
        frame, data = frame_of(client, session=session.id, buffer=seen.index, row_step=4)
        rows = [whole[at : at + WIDTH] for at in range(0, SIZE, WIDTH)]
        assert data == b"".join(rows[0:HEIGHT:4] + rows[HEIGHT::4])
        assert frame["row_step"] == 4
        (plane,) = frame["planes"]
        assert (plane["rows"], plane["length"]) == (HEIGHT // 4, SIZE // 4)


def test_nobody_can_change_it(bench: Bench, client: Client) -> None:
    with streaming_guest(bench):
        _frame, fd = client.call_with_fd("frames.get")
        assert fd is not None
        with os.fdopen(fd, "rb+", buffering=0) as file:
            seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
            assert seals & fcntl.F_SEAL_WRITE
            assert seals & fcntl.F_SEAL_SHRINK
            with pytest.raises(PermissionError):
                file.write(b"x")
            with pytest.raises(PermissionError):
                mmap.mmap(fd, SIZE, prot=mmap.PROT_WRITE)
            with mmap.mmap(fd, SIZE, prot=mmap.PROT_READ) as view:
                assert len(view) == SIZE


def test_a_frame_that_was_seen_is_not_given_again(bench: Bench, client: Client) -> None:
    rule = {"match": {"on": "frame"}, "action": {"do": "drop"}}
    with streaming_guest(bench):
        client.call("faults.add", rule=rule)
        frame, _data = frame_of(client)
        again, nothing = frame_of(client, newer_than=frame["serial"])
        assert (again["serial"], nothing) == (0, b"")


def test_the_frame_stays_to_be_seen_when_its_buffer_is_queued_again(
    bench: Bench, client: Client
) -> None:
    rule = {"match": {"on": "frame"}, "action": {"do": "drop"}}
    with streaming_guest(bench) as (_session, stream):
        seen = stream.next_frame()
        before = stream.copy(seen)[0]
        client.call("faults.add", rule=rule)
        stream.requeue(seen)
        frame, data = frame_of(client, buffer=seen.index)
        assert frame["sequence"] == seen.sequence
        assert data == before


@pytest.mark.parametrize("params", [{}, {"buffer": 0}])
def test_before_the_first_frame_there_is_none(
    bench: Bench, client: Client, params: dict[str, int]
) -> None:
    with session_of(bench) as session:
        session.request_buffers(4, 1, 1)
        with pytest.raises(OperationFailedError, match="there is no frame") as caught:
            client.call("frames.get", session=session.id, **params)
        assert caught.value.code == ErrorCode.NOT_FOUND


def test_buffers_that_are_gone_have_no_frame(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        with streaming(session, count=4) as stream:
            stream.next_frame()
            assert frame_of(client)[0]["session"] == session.id
        with pytest.raises(OperationFailedError) as caught:
            client.call("frames.get")
        assert caught.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("params", [{"row_step": 0}, {"row_step": -1}])
def test_rows_are_counted_from_one(client: Client, params: dict[str, int]) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("frames.get", **params)
    assert caught.value.code == ErrorCode.INVALID_PARAMS


def test_a_notification_brings_no_file(bench: Bench, raw: RawClient) -> None:
    with streaming_guest(bench):
        raw.send(b'{"jsonrpc": "2.0", "method": "frames.get"}\n')
        assert raw.request("bench.status", request_id=1)["id"] == 1


def test_many_files_in_a_row_keep_their_order(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (_session, stream):
        seen = stream.next_frame()
        for step in (1, 2, 3, 4) * 5:
            frame, data = frame_of(client, buffer=seen.index, row_step=step)
            assert len(data) == sum(plane["length"] for plane in frame["planes"])
