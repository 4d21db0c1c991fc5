"""JSON-RPC 2.0 as the standard has it, one object a line."""

import json
from typing import Any

import pytest

from tests.control.raw import RawClient
from vmedia_bench.control.rpc import MAX_BATCH, ErrorCode

STATUS = {"jsonrpc": "2.0", "method": "bench.status"}


def error_of(answer: Any) -> Any:
    """The error of an answer that has one and is an answer."""
    assert answer["jsonrpc"] == "2.0"
    assert "result" not in answer
    return answer["error"]


def test_a_request_is_answered_with_its_id(raw: RawClient) -> None:
    answer = raw.request("bench.status", request_id="one")
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", "one")
    assert answer["result"]["name"] == "cam0"


@pytest.mark.parametrize("request_id", [0, -7, 1.5, "text", "", None])
def test_ids_are_numbers_text_or_null(raw: RawClient, request_id: object) -> None:
    answer = raw.request("bench.status", request_id=request_id)
    assert answer["id"] == request_id
    assert "result" in answer


def test_requests_of_one_write_are_answered_in_order(raw: RawClient) -> None:
    lines = [json.dumps(STATUS | {"id": number}).encode() + b"\n" for number in range(40)]
    raw.send(b"".join(lines))
    assert [raw.line()["id"] for _ in lines] == list(range(40))


def test_a_request_may_come_byte_by_byte(raw: RawClient) -> None:
    for byte in json.dumps(STATUS | {"id": 1}).encode() + b"\n":
        raw.send(bytes([byte]))
    assert raw.line()["id"] == 1


def test_a_notification_is_not_answered_even_if_it_fails(raw: RawClient) -> None:
    raw.send(json.dumps(STATUS).encode() + b"\n")
    raw.send(b'{"jsonrpc": "2.0", "method": "no.such"}\n')
    assert raw.request("bench.status", request_id=2)["id"] == 2


@pytest.mark.parametrize(
    "line",
    [b"{", b"nonsense", b'{"a": 1} x', b"\xff\xfe", b'"\xc3\x28"', b"[1,]", b"{" * 5000, b"[" * 9],
)
def test_what_is_no_json_is_a_parse_error(raw: RawClient, line: bytes) -> None:
    raw.send(line + b"\n")
    answer = raw.line()
    assert error_of(answer)["code"] == ErrorCode.PARSE_ERROR
    assert answer["id"] is None
    assert raw.request("bench.status")["result"]


@pytest.mark.parametrize(
    "value",
    [
        1,
        "text",
        None,
        True,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "bench.status"},
        {"id": 1, "method": "bench.status"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": {"a": 1}, "method": "bench.status"},
        {"jsonrpc": "2.0", "id": [1], "method": "bench.status"},
        {"jsonrpc": "2.0", "id": True, "method": "bench.status"},
        {"jsonrpc": "2.0", "id": 1, "method": "bench.status", "params": "all"},
        {"jsonrpc": "2.0", "id": 1, "method": "bench.status", "params": None},
    ],
)
def test_json_that_is_no_request_is_invalid(raw: RawClient, value: object) -> None:
    assert error_of(raw.ask(value))["code"] == ErrorCode.INVALID_REQUEST
    assert raw.request("bench.status")["result"]


def test_an_unknown_method_is_answered_with_near_names(raw: RawClient) -> None:
    error = error_of(raw.request("session.list"))
    assert error["code"] == ErrorCode.METHOD_NOT_FOUND
    assert "sessions.list" in error["message"]
    assert "sessions.list" in error["data"]["near"]


def test_a_method_of_a_megabyte_is_not_echoed_whole(raw: RawClient) -> None:
    assert len(error_of(raw.request("x" * 1_000_000))["message"]) < 300


def test_parameters_go_by_name(raw: RawClient) -> None:
    error = error_of(raw.request("sessions.show", [1]))
    assert error["code"] == ErrorCode.INVALID_PARAMS


def test_wrong_parameters_name_the_field(raw: RawClient) -> None:
    error = error_of(raw.request("sessions.show", {"session": "one"}))
    assert error["code"] == ErrorCode.INVALID_PARAMS
    assert error["data"] == {"field": "session"}
    assert error["message"] == "session: expected int, got str"


def test_a_batch_is_answered_by_a_batch_without_its_notifications(raw: RawClient) -> None:
    batch = [STATUS | {"id": 1}, STATUS, 7, {"jsonrpc": "2.0", "id": 2, "method": "no.such"}]
    answers = raw.ask(batch)
    assert sorted(answer["id"] or 0 for answer in answers) == [0, 1, 2]
    by_id = {answer["id"]: answer for answer in answers}
    assert by_id[1]["result"]["name"] == "cam0"
    assert by_id[2]["error"]["code"] == ErrorCode.METHOD_NOT_FOUND
    assert by_id[None]["error"]["code"] == ErrorCode.INVALID_REQUEST


def test_a_batch_waits_for_those_of_its_calls_that_wait(raw: RawClient) -> None:
    wait = {
        "jsonrpc": "2.0",
        "id": "wait",
        "method": "bench.wait",
        "params": {"condition": "paused", "timeout_s": 0.05},
    }
    answers = raw.ask([wait, STATUS | {"id": "status"}])
    assert [answer["id"] for answer in answers] == ["status", "wait"]


def test_a_batch_of_notifications_is_not_answered(raw: RawClient) -> None:
    raw.send(json.dumps([STATUS, STATUS]).encode() + b"\n")
    assert raw.request("bench.status", request_id=3)["id"] == 3


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1, 100_000])
def test_an_empty_batch_and_one_too_long_are_one_error(raw: RawClient, size: int) -> None:
    answer = raw.ask([1] * size)
    assert error_of(answer)["code"] == ErrorCode.INVALID_REQUEST


def test_what_passes_a_file_descriptor_does_not_go_in_a_batch(raw: RawClient) -> None:
    (answer,) = raw.ask([{"jsonrpc": "2.0", "id": 1, "method": "frames.get"}])
    assert error_of(answer)["code"] == ErrorCode.INVALID_REQUEST
    assert "batch" in answer["error"]["message"]


def test_other_requests_are_served_while_one_waits(raw: RawClient) -> None:
    params = {"condition": "paused", "timeout_s": 30}
    wait = {"jsonrpc": "2.0", "id": "wait", "method": "bench.wait", "params": params}
    raw.send(json.dumps(wait).encode() + b"\n")
    assert raw.request("bench.status", request_id="now")["id"] == "now"


def test_a_client_that_sends_no_more_still_gets_its_answers(raw: RawClient) -> None:
    raw.send(json.dumps(STATUS | {"id": 1}).encode() + b"\n")
    raw.send(json.dumps(STATUS | {"id": 2}).encode())
    raw.sock.shutdown(1)
    assert [raw.line()["id"], raw.line()["id"]] == [1, 2]
    assert raw.at_end()


def test_a_request_of_a_client_that_hangs_up_at_once_is_done(raw: RawClient) -> None:
    name = {"control": "brightness", "value": 7}
    call = {"jsonrpc": "2.0", "method": "controls.set", "params": name}
    with RawClient(raw.sock.getpeername()) as other:
        other.send(json.dumps(call).encode() + b"\n")
    value = None
    while value != 7:
        value = raw.request("controls.get", {"control": "brightness"})["result"]["value"]
