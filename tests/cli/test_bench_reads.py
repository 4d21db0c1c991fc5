"""Looking at a bench that runs, from another process."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.streaming_guest import BUFFERS, StreamingGuest
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.fast import parse_read

READS = [
    "status",
    "status --all",
    "sessions",
    "session show 3",
    "subscriptions",
    "buffers",
    "buffers --session 3",
    "formats",
    "controls list",
    "controls get brightness",
    "config get",
    "backends",
    "backend show pattern",
    "faults list",
    "faults presets",
    "trace status",
    "trace stats",
    "trace show",
    "commands",
    "events",
    "log",
]


def data(ask: Command, line: str) -> Any:
    result = ask(*line.split(), "--format", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.parametrize("line", READS)
def test_every_read_prints_for_people_and_for_programs(ask: Command, line: str) -> None:
    table = ask(*line.split())
    assert (table.code, table.err) == (0, "")
    assert table.out.strip()
    assert "\x1b" not in table.out
    assert json.loads(ask(*line.split(), "--format", "json").out)
    for one in ask(*line.split(), "--format", "jsonl").out.splitlines():
        assert json.loads(one) is not None


@pytest.mark.parametrize("line", [line for line in READS if parse_read(line.split(), {})])
@pytest.mark.parametrize("form", ["--format=table", "--format=json", "--format=jsonl", "--quiet"])
def test_the_short_way_prints_what_typer_prints(
    ask: Command, monkeypatch: pytest.MonkeyPatch, line: str, form: str
) -> None:
    # Rates and ages go on between two looks.
    monkeypatch.setattr("vmedia_bench.cli.asking.ask", _steady(monkeypatch))
    short = ask(*line.split(), form)
    monkeypatch.setattr("vmedia_bench.cli.fast.parse_read", lambda *_: None)
    assert ask(*line.split(), form) == short
    assert short.code == 0


def _steady(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`ask` that gives the first answer again."""
    from vmedia_bench.cli import asking

    real, kept = asking.ask, {}

    def ask(bench: str | None, method: str, params: dict[str, Any]) -> dict[str, Any]:
        key = (bench, method, json.dumps(params))
        if key not in kept:
            kept[key] = real(bench, method, params)
        return kept[key]

    return ask


def test_sessions_say_what_each_is_at(ask: Command) -> None:
    rows = data(ask, "sessions")["sessions"]
    assert [(row["id"], row["phase"]) for row in rows] == [
        (1, "open"),
        (2, "open"),
        (3, "streaming"),
    ]
    assert ask("sessions", "--quiet").out.split() == ["1", "2", "3"]


def test_buffers_are_as_the_guest_has_them(ask: Command, shared_guest: StreamingGuest) -> None:
    shared_guest.take(1)
    (queue,) = data(ask, "buffers --session 3")["queues"]
    assert (queue["memory"], queue["format"], queue["width"]) == ("MMAP", "YUYV", 320)
    assert len(queue["buffers"]) == BUFFERS
    assert all(buffer["mapped"] for buffer in queue["buffers"])


def test_status_names_the_features_and_rings(ask: Command) -> None:
    status = data(ask, "status")
    assert status["vm"] == "ready"
    assert "VERSION_1" in " ".join(status["features"])
    assert [ring["name"] for ring in status["rings"]] == ["commandq", "eventq"]


def test_commands_are_filtered_and_counted(ask: Command) -> None:
    rows = data(ask, "commands --limit 0 --filter name==STREAMON")
    assert [(row["name"], row["session"], row["status"]) for row in rows] == [("STREAMON", 3, "0")]
    assert len(data(ask, "commands --limit 3")) == 3


def test_fields_give_all_of_a_command(ask: Command) -> None:
    (row,) = data(ask, "commands --fields --filter name==REQBUFS")
    assert row["fields"]["request"]["requestbuffers"]["memory"] == "MMAP"
    shown = ask("trace", "show", "--record", str(row["seq"]))
    assert "request[16] request.requestbuffers.count = 4" in shown.out


def test_events_of_one_session(ask: Command) -> None:
    rows = data(ask, "events --session 3")
    assert {row["name"] for row in rows} == {"DQBUF"}


def test_quiet_prints_nothing_where_nothing_is_recorded(ask: Command) -> None:
    assert ask("trace", "status", "--quiet").out == ""


def test_stats_know_the_stream(ask: Command) -> None:
    stats = data(ask, "trace stats")
    assert [(queue["session"], queue["queue"]) for queue in stats["queues"]] == [
        (3, "VIDEO_CAPTURE")
    ]
    assert {row["name"] for row in stats["commands"]} >= {"OPEN", "REQBUFS", "QBUF", "STREAMON"}


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("session show 9", ExitCode.MISSING, "1, 2, 3"),
        ("buffers --session 9", ExitCode.MISSING, "1, 2, 3"),
        ("controls get brightnes", ExitCode.MISSING, "brightness"),
        ("backend show patern", ExitCode.MISSING, "pattern"),
        ("trace show --record 999999", ExitCode.MISSING, "no record"),
        ("trace show nowhere.vmtrace", ExitCode.MISSING, "nowhere.vmtrace"),
        ("commands --filter nonsense===1", ExitCode.USAGE, "--filter"),
        ("commands --filter status!!=0", ExitCode.USAGE, "'not' cannot stand here"),
        ("events --session 3 --filter seq>0)or(seq>0", ExitCode.USAGE, "')' cannot stand here"),
        ("session show three", ExitCode.USAGE, "three"),
        ("sessions --format yaml", ExitCode.USAGE, "yaml"),
        ("sesions", ExitCode.USAGE, "sessions"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    ask: Command, line: str, code: ExitCode, says: str
) -> None:
    result = ask(*line.split())
    assert result.code == code
    assert says in result.err
    assert result.out == ""
