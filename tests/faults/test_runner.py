"""Running a scenario: order, variables, retries, cleanup, reports."""

import asyncio
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from vmedia_bench.faults.errors import CrashRefusedError
from vmedia_bench.faults.junit import junit_xml
from vmedia_bench.faults.runner import Report, run
from vmedia_bench.faults.scenario import parse_scenario


class ApiError(Exception):
    """As clients of the control API raise it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """A control API that answers what a test put in, and notes what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"sessions.list": {"sessions": []}}
        self.answers |= {name.replace("__", "."): answer for name, answer in answers.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, method: str, params: dict[str, Any]) -> Any:
        self.asked.append((method, params))
        answer = self.answers.get(method, {})
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer


class HandClock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def play(text: str, api: Api, **options: Any) -> Report:
    return asyncio.run(run(parse_scenario(text), api, HandClock(), **options))


def messages(report: Report) -> list[str]:
    return [step.message for step in report.steps]


def test_steps_run_in_their_order_and_pass() -> None:
    api = Api()
    report = play('[[steps]]\nwait = "ready"\n[[steps]]\ncontrol = "gain"\nvalue = 3', api)
    assert report.passed
    assert [step.passed for step in report.steps] == [True, True]
    assert [method for method, _ in api.asked] == ["bench.wait", "controls.set"]


def test_after_a_failure_only_cleanup_runs() -> None:
    api = Api(bench__wait=ApiError(3, "it did not come"))
    report = play(
        '[[steps]]\nwait = "ready"\n[[steps]]\narm = 1\n'
        "[[steps]]\nclear_faults = true\nalways = true",
        api,
    )
    assert not report.passed
    assert [(s.passed, s.skipped) for s in report.steps] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert messages(report) == ["it did not come", "", ""]
    assert [method for method, _ in api.asked] == ["bench.wait", "faults.clear"]


def test_an_expectation_that_is_not_met_says_what_was_seen() -> None:
    api = Api(bench__status={"sessions": 2})
    report = play('[[steps]]\ncall = "bench.status"\nexpect = { sessions = 1 }', api)
    assert messages(report) == ["sessions: 1 was expected, 2 was seen"]


def test_a_step_with_time_is_tried_again() -> None:
    counts = iter(range(100))
    api = Api(bench__status=lambda: {"n": next(counts)})
    report = play('[[steps]]\ncall = "bench.status"\nexpect = { n = 5 }\nwithin_s = 1', api)
    assert report.passed
    assert len(api.asked) == 6
    report = play('[[steps]]\ncall = "bench.status"\nexpect = { n = 5 }\nwithin_s = 1', api)
    assert not report.passed
    assert report.seconds == pytest.approx(1, abs=0.05)


def test_the_newest_session_and_the_last_rule_are_variables() -> None:
    sessions = [{"id": 9, "age_s": 5.0}, {"id": 4, "age_s": 1.0}]
    api = Api(sessions__list={"sessions": sessions}, faults__use_preset={"id": 31})
    report = play(
        '[[steps]]\npreset = "freeze"\nsession = "${session}"\n[[steps]]\nremove = "${fault}"', api
    )
    assert report.passed
    assert api.asked[1] == ("faults.use_preset", {"preset": "freeze", "session": 4})
    assert api.asked[2] == ("faults.remove", {"id": 31})


def test_a_step_with_time_waits_for_a_session() -> None:
    lists: list[list[dict[str, Any]]] = [[], [{"id": 4, "age_s": 0.0}]]
    api = Api(sessions__list=lambda: {"sessions": lists.pop(0)})
    assert play('[[steps]]\ninject_error = "EIO"\nwithin_s = 1', api).passed
    assert api.asked[-1] == ("faults.inject_error", {"session": 4, "errno": "EIO"})


def test_what_a_step_saves_later_ones_use_in_paths_too() -> None:
    api = Api(a__b={"deep": {"er": [7, 8]}}, c__d={"rows": [{"id": 8, "n": 7}]})
    report = play(
        '[[steps]]\ncall = "a.b"\nsave = { x = "deep.er.1", y = "deep.er.0" }\n'
        '[[steps]]\ncall = "c.d"\nparams = { n = "${x}" }\n'
        'expect = { "rows.[id=${x}].n" = "${y}" }',
        api,
    )
    assert report.passed
    assert api.asked[1] == ("c.d", {"n": 8})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('wait = "frames"\nsession = "${session}"', "${session}: no session is open"),
        ('remove = "${fault}"', "${fault} has no value yet"),
        ('call = "a.b"\nsave = { x = "nothing" }', "save.x: there is no nothing in the result"),
        ('call = "a.b"\nexpect_error = true', "an error was expected, and it succeeded"),
        (
            'arm = 1\nexpect_error = "REFUSED"',
            "error REFUSED was expected, NOT_FOUND came: no fault",
        ),
        (
            'arm = 1\nexpect_error = { message = "x" }',
            "an error with 'x' was expected, no fault came",
        ),
        ("disarm = 1", "the connection was lost"),
    ],
)
def test_what_fails_a_step(text: str, says: str) -> None:
    api = Api(
        faults__arm=ApiError(1, "no fault"), faults__disarm=OSError("the connection was lost")
    )
    assert messages(play(f"[[steps]]\n{text}", api)) == [says]


@pytest.mark.parametrize("wanted", ["true", "1", '"NOT_FOUND"', '{ code = 1, message = "no fa" }'])
def test_an_expected_error_passes(wanted: str) -> None:
    api = Api(faults__arm=ApiError(1, "no fault"))
    assert play(f"[[steps]]\narm = 1\nexpect_error = {wanted}", api).passed


def test_a_lost_connection_is_no_expected_error() -> None:
    api = Api(faults__arm=OSError("gone"))
    assert messages(play("[[steps]]\narm = 1\nexpect_error = true", api)) == ["gone"]


def test_nothing_is_done_where_a_crash_is_asked_for_and_not_allowed() -> None:
    text = '[[steps]]\nwait = "ready"\n[[steps]]\npreset = "hang-up"\nmay_crash_guest = true'
    api = Api()
    with pytest.raises(CrashRefusedError, match=r"step 2 \(preset hang-up\)"):
        play(text, api)
    assert api.asked == []
    assert play(text, api, may_crash_guest=True).passed


def test_a_report_as_junit_xml() -> None:
    api = Api(faults__arm=ApiError(1, 'no <fault> & no "name"\x00'))
    text = 'name = "a & b"\n[[steps]]\nwait = "ready"\n[[steps]]\narm = 1\n[[steps]]\narm = 2'
    report = play(text, api)
    plain = {
        "name": report.name,
        "passed": report.passed,
        "seconds": report.seconds,
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "passed": step.passed,
                "skipped": step.skipped,
                "seconds": step.seconds,
                "message": step.message,
            }
            for step in report.steps
        ],
    }
    suite = ET.fromstring(junit_xml(plain).split("\n", 1)[1])[0]
    assert suite.attrib | {"time": ""} == {
        "name": "a & b",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "",
    }
    assert [case.get("name") for case in suite] == ["1. wait ready", "2. arm 1", "3. arm 2"]
    assert suite[1][0].get("message") == 'no <fault> & no "name"?'
    assert suite[2][0].tag == "skipped"
