"""Each operation of the registry, over the real socket, while a guest streams."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.client import Client
from vmedia_bench.control.operation import Operation
from vmedia_bench.control.registry import operation, operations

RULE = {"match": {"on": "command", "ioctl": "QUERYCAP"}, "action": {"do": "errno", "errno": "EIO"}}
SCENARIO = """
[[steps]]
call = "sessions.list"
expect = { "sessions.0.phase" = "streaming" }
"""

CALLS: dict[str, dict[str, Any]] = {
    "bench.status": {},
    "bench.snapshot": {"controls": True},
    "bench.wait": {"condition": "streaming"},
    "sessions.list": {},
    "sessions.show": {"session": "$session"},
    "subscriptions.list": {"session": "$session"},
    "buffers.list": {"session": "$session"},
    "formats.list": {},
    "controls.list": {},
    "controls.get": {"control": "brightness"},
    "controls.set": {"control": "brightness", "value": 100},
    "controls.change": {"control": "brightness", "grabbed": False},
    "config.get": {},
    "config.set": {"card": "Another name"},
    "backends.list": {},
    "backends.show": {"backend": "pattern"},
    "backends.use": {"backend": "pattern", "mode": "force", "dry_run": True},
    "faults.list": {},
    "faults.add": {"rule": RULE},
    "faults.disarm": {"id": "$fault"},
    "faults.arm": {"id": "$fault"},
    "faults.remove": {"id": "$fault"},
    "faults.clear": {},
    "faults.presets": {},
    "faults.use_preset": {"preset": "qbuf-error"},
    "scenarios.run": {"toml": SCENARIO},
    "trace.status": {},
    "trace.read": {"after": -10},
    "trace.record": {"path": "$path"},
    "trace.stop": {},
    "trace.clear": {},
    "frames.get": {},
    "live.subscribe": {"topics": ["vm"]},
    "log.read": {},
    "faults.inject_error": {"session": "$session", "errno": "EIO"},
    "bench.shutdown": {"force": True},
}
"""Parameters with which each succeeds, in an order that makes sense."""


def test_the_table_has_every_operation() -> None:
    assert set(CALLS) == {each.name for each in operations()}


@pytest.fixture(scope="module")
def own_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench that may be shut down."""
    options = ("--size", "160x120", "--fps", "120")
    with Bench(tmp_path_factory.mktemp("own") / "vm.sock", *options) as bench:
        yield bench


def test_each_operation_gives_the_result_it_declares(own_bench: Bench, tmp_path: Path) -> None:
    with Client.connect(str(own_bench.control)) as client:
        with streaming_guest(own_bench) as (session, _stream):
            values = {"$session": session.id, "$path": str(tmp_path / "t.vmtrace"), "$fault": 0}
            for name, params in CALLS.items():
                if operation(name).danger.value == "ends" and name != "backends.use":
                    continue
                given = {key: values.get(str(value), value) for key, value in params.items()}
                result = client.call(name, **given)
                check_result(operation(name), result)
                if name == "faults.add":
                    values["$fault"] = result["id"]
        for name in ("faults.inject_error", "bench.shutdown"):
            end_with(own_bench, client, name)


def check_result(called: Operation, result: dict[str, Any]) -> None:
    """The result has the fields that are declared, of the declared types, and no others."""
    typed = msgspec.json.decode(json.dumps(result), type=called.result)
    assert json.loads(msgspec.json.encode(typed)) == result


def end_with(bench: Bench, client: Client, name: str) -> None:
    """Those that end something come last."""
    if name == "bench.shutdown":
        check_result(operation(name), client.call(name, **CALLS[name]))
        assert bench.process.wait(20) == 0
        return
    with session_of(bench) as session:
        result = client.call(name, session=session.id, errno="EIO")
        check_result(operation(name), result)
        assert session.driver.wait_event(5)
        assert session.error == 5
