"""Wrong parameters are refused with the field's name and what was wrong."""

from typing import Any

import pytest

from vmedia_bench.control.operations.backends import BackendUseParams, SwitchMode
from vmedia_bench.control.operations.faults import FaultAddParams
from vmedia_bench.control.operations.live import SubscribeParams, Topic
from vmedia_bench.control.operations.sessions import SessionParams
from vmedia_bench.control.operations.trace import TraceReadParams
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.params import decode_params
from vmedia_bench.faults.rule import Do, On

RULE = {"match": {"on": "command"}, "action": {"do": "errno", "errno": "EIO"}}


def test_objects_become_dataclasses() -> None:
    assert decode_params(SessionParams, {"session": 3}) == SessionParams(session=3)


def test_enums_and_tuples_are_read() -> None:
    params = decode_params(SubscribeParams, {"topics": ["vm", "log"]})
    assert params.topics == (Topic.VM, Topic.LOG)
    use = decode_params(BackendUseParams, {"backend": "file", "mode": "hot"})
    assert use.mode is SwitchMode.HOT


def test_a_rule_is_read_whole() -> None:
    rule = decode_params(FaultAddParams, {"rule": RULE}).rule
    assert (rule.match.on, rule.action.do, rule.schedule.count) == (On.COMMAND, Do.ERRNO, None)


@pytest.mark.parametrize(
    ("kind", "given", "field", "what"),
    [
        (SessionParams, {}, "session", "it is required"),
        (SessionParams, {"session": "3"}, "session", "expected int, got str"),
        (SessionParams, {"session": 3.5}, "session", "expected int, got float"),
        (SessionParams, {"session": True}, "session", "expected int, got bool"),
        (SessionParams, {"session": None}, "session", "expected int, got null"),
        (SessionParams, {"sesion": 3}, "sesion", "did you mean session?"),
        (SessionParams, {"session": 3, "zzz": 1}, "zzz", "known: session"),
        (SubscribeParams, {"topics": ["vm", "nope"]}, "topics[1]", "nope"),
        (TraceReadParams, {"limit": [1]}, "limit", "expected int, got array"),
        (FaultAddParams, {"rule": 1}, "rule", "expected object, got int"),
        (FaultAddParams, {"rule": {"match": {}}}, "rule", "it is required"),
        (
            FaultAddParams,
            {"rule": RULE | {"match": {"on": "command", "ioctI": "QBUF"}}},
            "rule.match.ioctI",
            "did you mean ioctl?",
        ),
        (
            FaultAddParams,
            {"rule": RULE | {"schedule": {"count": "one"}}},
            "rule.schedule.count",
            "expected int",
        ),
    ],
)
def test_the_field_is_named(kind: type[Any], given: dict[str, Any], field: str, what: str) -> None:
    with pytest.raises(RpcError) as caught:
        decode_params(kind, given)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert caught.value.message.startswith(f"{field}")
    assert what in caught.value.message
