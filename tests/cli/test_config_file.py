"""Defaults: the configuration file, then the environment, then the command line."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from vmedia_bench.cli.exit_codes import ExitCode


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bench.toml"
    monkeypatch.setenv("VMEDIA_BENCH_CONFIG", str(path))
    return path


def test_the_file_gives_a_commands_options(command: Command, config: Path) -> None:
    config.write_text('[vmm-args]\nqemu = "no-such-qemu"\nmemory = "3G"\n')
    assert "size=3G" in command("vmm-args", "qemu").out


def test_the_environment_beats_the_file_and_the_command_line_beats_both(
    command: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[vmm-args]\nqemu = "no-such-qemu"\nmemory = "3G"\n')
    monkeypatch.setenv("VMEDIA_BENCH_VMM_ARGS_MEMORY", "4G")
    assert "size=4G" in command("vmm-args", "qemu").out
    assert "size=5G" in command("vmm-args", "qemu", "--memory", "5G").out


def test_a_key_outside_tables_holds_for_all_commands_that_can(
    command: Command, config: Path
) -> None:
    config.write_text('format = "json"\n')
    assert command("doctor").out.startswith("[")
    assert not command("vmm-args", "crosvm").out.startswith("{")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[sreve]\nsize = "1x1"', "sreve: there is no such key; near it: serve"),
        ("[serve]\nfsp = 3", "[serve] fsp: there is no such key; near it: fps"),
        (
            "[trace.record]\nkeept = true",
            "[trace.record] keept: there is no such key; near it: kept",
        ),
        ('fromat = "json"', "near it: format"),
        ('format = "jsno"', "format: 'jsno' is none of table, json, jsonl"),
        ("serve = 3", "serve is a command"),
        ("format = 1", "format: 1 is none of table, json, jsonl"),
        ('format = ["json"]', "format: ['json'] is none of table, json, jsonl"),
        ("[serve]\nfps = [25]", "[serve] fps: text, a number"),
        ("[trace.show]\nlimit = 2021-01-01", "[trace.show] limit: text, a number"),
        ('[serve]\nset = "fps=25"', "[serve] set: a list of texts"),
        ("[serve\n", "bench.toml"),
    ],
)
def test_what_makes_no_sense_is_said_with_what_is_near(
    command: Command, config: Path, text: str, says: str
) -> None:
    config.write_text(text)
    result = command("version")
    assert result.code == ExitCode.USAGE
    assert says in result.err
    assert result.err.count("\n") == 1


def test_a_value_that_an_option_does_not_take(command: Command, config: Path) -> None:
    config.write_text('[guest.stream]\nframes = "many"\n')
    result = command("guest", "stream")
    assert result.code == ExitCode.USAGE
    assert "many" in result.err


def test_a_file_that_was_named_has_to_be_there(command: Command, config: Path) -> None:
    result = command("version")
    assert result.code == ExitCode.MISSING
    assert f"there is no {config}" in result.err


def test_a_file_that_never_ends_is_no_configuration(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMEDIA_BENCH_CONFIG", "/dev/zero")
    result = command("version")
    assert result.code == ExitCode.USAGE
    assert "/dev/zero: it has more than 1,048,576 bytes" in result.err


def test_underscores_are_as_good_as_dashes(command: Command, config: Path) -> None:
    config.write_text('[vmm-args]\nqemu = "no-such-qemu"\nvirtio_id = 42\n')
    assert "virtio-id=42" in command("vmm-args", "qemu").out


def test_config_file_shows_what_is_in_force(
    command: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('bench = "cam7"\n[serve]\nfps = 60\n')
    monkeypatch.setenv("VMEDIA_BENCH_SERVE_FPS", "25")
    out = command("config-file").out
    assert f"{config} (in force)" in out
    assert "serve.fps" in out
    assert "cam7" in out
    assert "VMEDIA_BENCH_SERVE_FPS" in out


def test_the_example_is_a_file_that_works(command: Command, config: Path) -> None:
    config.write_text("")
    config.write_text(command("config-file", "--example").out)
    assert command("version").code == 0
