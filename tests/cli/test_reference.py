"""The reference is what the commands say."""

from pathlib import Path

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
