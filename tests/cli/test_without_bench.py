"""What backends there are can be asked before there is a bench."""

import json

from tests.cli.conftest import Command
from vmedia_bench.backends import backends
from vmedia_bench.cli.exit_codes import ExitCode


def test_backends_are_listed(command: Command) -> None:
    result = command("backends", "--format", "json")
    rows = json.loads(result.out)["backends"]
    assert result.code == ExitCode.OK
    assert [row["name"] for row in rows] == list(backends())
    assert not any(row["active"] for row in rows)
    assert all(row["usable"] == (not row["reason"]) for row in rows)


def test_one_is_shown_with_its_options(command: Command) -> None:
    result = command("backend", "show", "pattern", "--format", "json")
    assert "size" in {option["name"] for option in json.loads(result.out)["options"]}


def test_an_unknown_one_has_near_names(command: Command) -> None:
    result = command("backend", "show", "patern")
    assert (result.code, result.out) == (ExitCode.MISSING, "")
    assert "did you mean pattern" in result.err


def test_a_bench_that_was_named_has_to_be_there(command: Command) -> None:
    result = command("backends", "--bench", "nowhere")
    assert (result.code, result.out) == (ExitCode.UNREACHABLE, "")
