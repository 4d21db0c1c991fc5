"""From a line to requests, and from results to lines: JSON-RPC 2.0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vmedia_bench.control.rpc import LIVE_METHOD, MAX_BATCH, VERSION, ErrorCode, RpcError

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Id = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """One call; a notification wants no answer, not even an error."""

    method: str
    params: Mapping[str, Any]
    id: Id = None
    notification: bool = False


def decode(line: bytes) -> Any:
    """
    Give the JSON value of a line: a request to be, or a list of them.

    RpcError: PARSE_ERROR for what is no JSON, INVALID_REQUEST for an empty or too long batch.
    """
    try:
        value = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(ErrorCode.PARSE_ERROR, f"this is no JSON: {error}") from None
    if isinstance(value, list) and not 0 < len(value) <= MAX_BATCH:
        raise RpcError(
            ErrorCode.INVALID_REQUEST,
            f"a batch has 1 to {MAX_BATCH} requests, not {len(value)}",
        )
    return value


def check(value: Any) -> Request:
    """Give the request that a JSON value is; RpcError(INVALID_REQUEST) when it is none."""
    if not isinstance(value, dict):
        raise _invalid("a request is an object")
    if value.get("jsonrpc") != VERSION:
        raise _invalid(f'a request says "jsonrpc": "{VERSION}"')
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str):
        raise _invalid("a request has a method, which is text")
    request_id = value.get("id")
    if isinstance(request_id, bool | dict | list):
        raise _invalid("an id is text, a number or null")
    if isinstance(params, list):
        raise RpcError(ErrorCode.INVALID_PARAMS, "parameters go by name: an object, not an array")
    if not isinstance(params, dict):
        raise _invalid("params are an object")
    return Request(method, params, request_id, "id" not in value)


def id_of(value: Any) -> Id:
    """Give the id to answer with, as far as there is a sensible one."""
    request_id = value.get("id") if isinstance(value, dict) else None
    return None if isinstance(request_id, bool | dict | list) else request_id


def encode_result(request_id: Id, result: object) -> bytes:
    """Write an answer, without a newline."""
    return _encode({"jsonrpc": VERSION, "id": request_id, "result": result})


def encode_error(request_id: Id, error: RpcError) -> bytes:
    """Write an error, without a newline."""
    body: dict[str, object] = {"code": int(error.code), "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return _encode({"jsonrpc": VERSION, "id": request_id, "error": body})


def encode_live(params: object) -> bytes:
    """Write a `live` notification, with its newline."""
    return _encode({"jsonrpc": VERSION, "method": LIVE_METHOD, "params": params}) + b"\n"


def _invalid(why: str) -> RpcError:
    return RpcError(ErrorCode.INVALID_REQUEST, why)
