"""Plain reads go past Typer, and only what is certainly right does."""

from pathlib import Path

import pytest

from vmedia_bench.cli.config_file import config_path
from vmedia_bench.cli.fast import config_file_guess, parse_read

NOTHING = {"HOME": "/nonexistent"}


@pytest.mark.parametrize(
    ("line", "operation", "values"),
    [
        ("sessions", "sessions.list", {}),
        ("session show 3", "sessions.show", {"session": 3}),
        ("buffers --session 3", "buffers.list", {"session": 3}),
        ("buffers --session=3", "buffers.list", {"session": 3}),
        (
            "controls get brightness --session 0",
            "controls.get",
            {"control": "brightness", "session": 0},
        ),
        ("faults presets", "faults.presets", {}),
    ],
)
def test_a_read_is_understood(line: str, operation: str, values: dict[str, object]) -> None:
    read = parse_read(line.split(), NOTHING)
    assert read is not None
    assert (read.command.operation, read.values) == (operation, values)
    assert (read.bench, read.form, read.quiet) == (None, "table", False)


def test_what_all_commands_take_is_understood_in_any_order() -> None:
    read = parse_read(["session", "show", "--format", "jsonl", "-q", "3", "--bench=cam1"], NOTHING)
    assert read is not None
    assert (read.bench, read.form, read.quiet) == ("cam1", "jsonl", True)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sessions --help",
        "sessions extra",
        "sessions --format yaml",
        "sessions --format",
        "sessions --quiet=1",
        "sessions --frmat json",
        "sessions --session 3",
        "session show",
        "session show three",
        "session show -1",
        "buffers --session",
        "buffers --session 1 --session 2",
        "buffers -s 1",
        "status --all",
        "stop",
        "inject-error --session 3",
    ],
)
def test_anything_else_is_typers(line: str) -> None:
    assert parse_read(line.split(), NOTHING) is None


@pytest.mark.parametrize(
    "variable",
    ["VMEDIA_BENCH_FORMAT", "VMEDIA_BENCH_SESSIONS_QUIET", "VMEDIA_BENCH_CONFIG"],
)
def test_defaults_from_the_environment_are_typers(variable: str) -> None:
    assert parse_read(["sessions"], {**NOTHING, variable: "json"}) is None


def test_a_configuration_file_is_typers(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert parse_read(["sessions"], environment) is not None
    (tmp_path / "vmedia-bench").mkdir()
    (tmp_path / "vmedia-bench" / "config.toml").touch()
    assert parse_read(["sessions"], environment) is None


@pytest.mark.parametrize("folder", [None, "", "/tmp/elsewhere"])
def test_the_file_is_looked_for_where_platformdirs_puts_it(
    monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    monkeypatch.delenv("VMEDIA_BENCH_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", folder or "")
    environment = {} if folder is None else {"XDG_CONFIG_HOME": folder}
    assert config_file_guess(environment) == config_path(environment)
