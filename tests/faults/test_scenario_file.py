"""Scenario files: what a step becomes, and what is said of a wrong one."""

import pytest

from vmedia_bench.faults.expectations import Expectation, is_missing, look_up
from vmedia_bench.faults.scenario import ScenarioError, Step, parse_scenario, replaced, variables_in


def step(text: str) -> Step:
    """The only step of a scenario."""
    (parsed,) = parse_scenario(f"[[steps]]\n{text}\n").steps
    return parsed


@pytest.mark.parametrize(
    ("text", "method", "params"),
    [
        ('call = "bench.status"', "bench.status", {}),
        ('call = "frames.get"\nparams = { session = 3 }', "frames.get", {"session": 3}),
        (
            'wait = "frames"\ncount = 3\ntimeout_s = 2.5',
            "bench.wait",
            {"condition": "frames", "count": 3, "timeout_s": 2.5},
        ),
        (
            'preset = "freeze"\nsession = 2\nmay_crash_guest = true',
            "faults.use_preset",
            {"preset": "freeze", "session": 2, "may_crash_guest": True},
        ),
        (
            'fault = { match = { on = "now" }, action = { do = "eos" } }',
            "faults.add",
            {"rule": {"match": {"on": "now"}, "action": {"do": "eos"}}},
        ),
        (
            'inject_error = "EIO"',
            "faults.inject_error",
            {"session": "${session}", "errno": "EIO"},
        ),
        ("inject_error = 5\nsession = 7", "faults.inject_error", {"session": 7, "errno": 5}),
        ('remove = "${fault}"', "faults.remove", {"id": "${fault}"}),
        ("arm = 3", "faults.arm", {"id": 3}),
        ("disarm = 3", "faults.disarm", {"id": 3}),
        ("clear_faults = true", "faults.clear", {}),
        (
            'control = "brightness"\nvalue = 7',
            "controls.set",
            {"control": "brightness", "value": 7},
        ),
        ('config = { card = "X" }', "config.set", {"card": "X"}),
        (
            'backend = "pattern"\noptions = { size = "64x64" }\nmode = "hot"',
            "backends.use",
            {"backend": "pattern", "options": {"size": "64x64"}, "mode": "hot"},
        ),
    ],
)
def test_every_kind_of_step_is_one_call(text: str, method: str, params: dict[str, object]) -> None:
    parsed = step(text)
    assert (parsed.method, parsed.params) == (method, params)


def test_what_else_a_step_may_say() -> None:
    parsed = step(
        'call = "sessions.list"\ntitle = "look"\nwithin_s = 3\nalways = true\n'
        'save = { n = "length" }\n'
        'expect = { "sessions.0.id" = 1, "sessions.length" = { ge = 1, lt = 9 } }'
    )
    assert (parsed.title, parsed.within_s, parsed.always) == ("look", 3.0, True)
    assert parsed.save == (("n", "length"),)
    assert parsed.expect == (
        Expectation("sessions.0.id", "eq", 1),
        Expectation("sessions.length", "ge", 1),
        Expectation("sessions.length", "lt", 9),
    )


def test_paths_may_be_nested_tables() -> None:
    parsed = step('call = "a.b"\n[steps.expect.vm]\nstate = "ready"\ncount = { gt = 1 }')
    assert {found.path for found in parsed.expect} == {"vm.state", "vm.count"}


def test_a_step_without_a_title_is_called_by_what_it_does() -> None:
    assert step('wait = "streaming"').title == "wait streaming"
    assert step("fault = {}").title == "fault"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = 3", "it does nothing; give call, wait"),
        ('wait = "x"\npreset = "y"', "it does wait and preset at once"),
        ('wait = "x"\ncuont = 3', "cuont is no key of wait; there are count"),
        ('call = "x"\ncount = 3', "count is no key of call"),
        ("wait = 3", "wait: 3 is not of type str"),
        ("arm = true", "arm: True is not of type str or int"),
        ('wait = "x"\nwithin_s = "long"', "within_s: 'long' is not of type int or float"),
        ('wait = "x"\nsession = "${sesion}"', "${sesion} is no variable; there are ${session}"),
        ('call = "x"\nexpect = 3', "expect: it is no table"),
        ('call = "x"\nexpect = { "a..b" = 3 }', "'a..b' is no path"),
        ('call = "x"\nexpect = { a = { matches = "(" } }', "'(' is no pattern"),
        ('call = "x"\nexpect_error = "REFUSE"', "REFUSE is no error code; there are REFUSED"),
        ('call = "x"\nexpect_error = { text = "x" }', "text is no key of expect_error"),
        ('call = "x"\nexpect_error = true\nsave = "a"', "no result to expect or save"),
        ('call = "x"\nsave = { session = "id" }', "a variable cannot be called 'session'"),
        ('call = "x"\nsave = { a = "" }', "'' is no path"),
        ('call = "x"\nsave = 3', "give a name, or a table"),
    ],
)
def test_a_wrong_step_is_told_with_its_line_and_number(text: str, says: str) -> None:
    file = f'name = "x"\n\n[[steps]]\nwait = "ready"\n\n[[steps]]\n{text}\n'
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(file)
    assert str(caught.value).startswith("line 6, step 2: ")
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.step) == (6, 2)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ('name = "x"\nsteps = [', "line 2: "),
        ("", "there are no steps"),
        ("steps = 3", "there are no steps"),
        ("steps = [3]", "step 1: it is no table"),
        ('nmae = "x"\n[[steps]]\nwait = "x"', "nmae is no key of the file; there are name"),
        ('variables = 3\n[[steps]]\nwait = "x"', "variables: it is no table"),
    ],
)
def test_a_wrong_file_is_told(file: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(file)
    assert says in str(caught.value)


def test_a_file_knows_its_name_and_variables() -> None:
    file = 'description = "d"\n[variables]\nn = 3\n[[steps]]\nwait = "frames"\ncount = "${n}"'
    scenario = parse_scenario(file, "by default")
    assert (scenario.name, scenario.description, scenario.variables) == (
        "by default",
        "d",
        {"n": 3},
    )
    assert not scenario.may_crash_guest


def test_variables_keep_their_type_where_they_stand_alone() -> None:
    value = {"a": "${n}", "b": ["${n} of ${m}", 4], "c": 1}
    assert sorted(variables_in(value)) == ["m", "n", "n"]
    known = {"n": 3, "m": "x"}
    assert replaced(value, known.__getitem__) == {"a": 3, "b": ["3 of x", 4], "c": 1}


RESULT = {
    "faults": [{"id": 4, "fired": 2, "text": "drop"}, {"id": 9, "fired": 0, "text": ""}],
    "name": "cam0",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "cam0"),
        ("faults.0.id", 4),
        ("faults.-1.id", 9),
        ("faults.length", 2),
        ("name.length", 4),
        ("faults.[id=9].fired", 0),
        ("faults[id=4].text", "drop"),
    ],
)
def test_places_in_a_result(path: str, value: object) -> None:
    assert look_up(RESULT, path) == value


@pytest.mark.parametrize(
    "path", ["x", "faults.2", "faults.x", "faults.[id=5].fired", "name.x", "name.[a=b]"]
)
def test_places_that_are_not_there(path: str) -> None:
    assert is_missing(look_up(RESULT, path))


@pytest.mark.parametrize(
    ("path", "operator", "value", "failure"),
    [
        ("name", "eq", "cam0", ""),
        ("name", "eq", "cam1", "name: cam1 was expected, cam0 was seen"),
        ("name", "ne", "cam0", "name: not cam0 was expected, cam0 was seen"),
        ("faults.0.fired", "ge", 2, ""),
        ("faults.0.fired", "gt", 2, "faults.0.fired: > 2 was expected, 2 was seen"),
        ("faults.0.fired", "lt", 3, ""),
        ("faults.0.fired", "le", 1, "faults.0.fired: <= 1 was expected, 2 was seen"),
        ("name", "contains", "cam", ""),
        ("name", "lacks", "cam", "name: something without cam was expected, cam0 was seen"),
        ("name", "matches", r"^cam\d$", ""),
        ("name", "one_of", ["a", "b"], "name: one of ['a', 'b'] was expected, cam0 was seen"),
        ("name", "exists", True, ""),
        ("nam", "exists", False, ""),
        ("nam", "exists", True, "nam: it is not there"),
        ("nam", "eq", 3, "nam: it is not there, 3 was expected"),
        ("name", "lt", 3, "name: cam0 cannot be compared ('<' not supported between instances of "),
    ],
)
def test_expectations(path: str, operator: str, value: object, failure: str) -> None:
    seen = Expectation(path, operator, value).failure(RESULT)
    assert seen == failure or (failure and seen.startswith(failure))
