"""The reference is what the commands say."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from vmedia_bench.cli.app import build
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.reference import reference

PROJECT = Path(__file__).parents[2]


def test_the_reference_is_up_to_date() -> None:
    page = PROJECT / "docs" / "cli.md"
    assert page.read_text() == reference(), "run: make docs"


def test_the_readme_has_the_exit_codes_as_they_are() -> None:
    readme = (PROJECT / "README.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} | {code.meaning} |" in readme


PAGES = sorted(
    str(page.relative_to(PROJECT))
    for pattern in ("*.md", "docs/**/*.md", "plugins/**/*.md")
    for page in PROJECT.glob(pattern)
)


@pytest.mark.parametrize("page", PAGES)
def test_every_line_that_a_page_shows_is_a_command(page: str) -> None:
    tree = build()
    text = (PROJECT / page).read_text()
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in re.findall(r"^vmedia-bench (.*?)$", block.replace("\\\n", ""), re.MULTILINE):
            plain = re.sub(r"\"\$\w+\"", "1", re.split(r" (?:2>|>|&|[|])", line)[0])
            words = shlex.split(plain, comments=True)
            assert _parsed(tree, words) is not None, line


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/cli.md"])
def test_every_command_that_a_page_speaks_of_is_there(page: str) -> None:
    text = (PROJECT / page).read_text()
    for line in re.findall(r"`vmedia-bench ([a-z-][^`|]*)", text):
        command, rest = build(), line.split()
        while hasattr(command, "commands") and rest and rest[0].islower() and rest[0][0] != "-":
            command, rest = command.commands[rest[0]], rest[1:]
        options = {name for p in command.params for name in p.opts}
        assert {word.strip("[]") for word in rest if word.startswith(("-", "[-"))} <= options, line
        takes = any(p.param_type_name == "argument" for p in command.params)
        assert takes or not rest or rest[0].startswith(("-", "[-")), line


def test_everything_that_can_be_given_is_described() -> None:
    commands = [build()]
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        for parameter in command.params:
            assert parameter.help, (command.name, parameter.name)
            assert parameter.help.endswith("."), (command.name, parameter.name)


def _parsed(tree: Any, words: list[str]) -> Any:
    command, rest = tree, words
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    return command.make_context(command.name, rest)
