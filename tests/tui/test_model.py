"""What the panes say, as plain functions of a snapshot."""

from dataclasses import replace
from typing import Any

import pytest

from tests.tui import constructed
from vmedia_bench.control.operations.backends import (
    BackendRow,
    BackendSwitch,
    DeviceRow,
    OptionRow,
    SwitchMode,
)
from vmedia_bench.control.operations.bench import Counters, Mapping, VmState
from vmedia_bench.control.operations.controls import ControlSetParams, ControlState
from vmedia_bench.control.operations.faults import FaultAddParams, FaultRow, InjectErrorParams
from vmedia_bench.control.operations.live import LogLine
from vmedia_bench.control.registry import operation
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule
from vmedia_bench.tui.beat import RUSH_BEAT, beat_of, rush_told_ns
from vmedia_bench.tui.layout import plan
from vmedia_bench.tui.model.backend_rows import about_lines, changed_options, consequences
from vmedia_bench.tui.model.buffers import buffer_cells, buffer_rows
from vmedia_bench.tui.model.cli_line import cli_line
from vmedia_bench.tui.model.connecting import how_to_connect
from vmedia_bench.tui.model.control_rows import Shape, control_shape, locked, value_text
from vmedia_bench.tui.model.fault_rows import (
    fault_rows,
    misfit,
    relevant_fields,
    schedule_text,
)
from vmedia_bench.tui.model.form import build, form_fields
from vmedia_bench.tui.model.header import header_parts
from vmedia_bench.tui.model.log_rows import log_rows
from vmedia_bench.tui.model.rates import RateMeter
from vmedia_bench.tui.model.ring_rows import arena_bar
from vmedia_bench.tui.model.rows import cell_text
from vmedia_bench.tui.model.rush import only_rush
from vmedia_bench.tui.model.sessions import session_rows
from vmedia_bench.tui.model.text import age_text, bars, rate_text, size_text, span_text
from vmedia_bench.tui.model.view import View

NS = 1_000_000_000


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (size_text(640), "640"),
        (size_text(4096), "4.0K"),
        (size_text(1 << 30), "1.0G"),
        (size_text(230_400), "225K"),
        (rate_text(0.0), "0"),
        (rate_text(59.94), "59.9"),
        (rate_text(412.3), "412"),
        (rate_text(20_100), "20.1k"),
        (age_text(8.9), "8 s"),
        (age_text(125), "2:05"),
        (age_text(3723), "1:02:03"),
        (age_text(300_000), "3 d"),
        (span_text(41_000), "41 µs"),
        (span_text(1_200_000), "1.2 ms"),
        (span_text(3_400_000_000), "3.4 s"),
        (bars([0, 1, 2, 4], 6), "▁▁▁▂▄█"),
        (bars([], 3), "▁▁▁"),
    ],
)
def test_numbers_are_short(said: str, expected: str) -> None:
    assert said == expected


def test_rates_are_those_of_the_last_second() -> None:
    meter = RateMeter()
    meter.feed(0, Counters())
    rates = meter.feed(NS // 2, Counters(commands=50, frames=30, frame_bytes=1_000_000))
    assert rates.commands.now == 100
    assert rates.frames.now == 60
    assert rates.megabytes.now == 2
    assert meter.feed(5 * NS, Counters(commands=50, frames=30)).commands.now == 0


def test_rates_change_every_half_second() -> None:
    meter = RateMeter()
    seen = [meter.feed(at * NS // 10, Counters(commands=at * at)) for at in range(11)]
    assert [rates.commands.now for rates in seen] == [0] * 5 + [50] * 5 + [100]
    assert seen[-1].commands.past == (0, 50, 100)


def test_commands_that_rush_by_are_known_by_their_number() -> None:
    now = constructed.snapshot()
    assert only_rush(now, constructed.after_commands(now, 201))
    assert not only_rush(now, constructed.after_commands(now, 200))
    assert not only_rush(now, now)
    assert not only_rush(constructed.after_commands(now, 201), now)


@pytest.mark.parametrize("changed", [{"sessions": ()}, {"queues": ()}, {"log_last": 77}])
def test_where_anything_else_happens_it_is_more_than_a_rush(changed: dict[str, Any]) -> None:
    now = constructed.snapshot()
    later = replace(constructed.after_commands(now, 2000), **changed)
    assert not only_rush(now, later)


def test_a_rush_is_told_on_the_beats_of_the_rates_and_of_the_rows() -> None:
    ms = 1_000_000
    beats = [beat_of(rush_told_ns(at * 100 * ms + 2 * ms)) for at in range(10)]
    assert beats == [RUSH_BEAT, RUSH_BEAT, 0, 0, 0] * 2
    assert all(0 < rush_told_ns(at * ms) - at * ms <= 305 * ms for at in range(0, 1000, 7))


def test_ages_change_when_the_rates_do() -> None:
    status = constructed.status(uptime_s=10.2)
    (session, *_) = constructed.snapshot().sessions

    def said(at_ns: int, passed_s: float) -> tuple[str, str]:
        snapshot = constructed.snapshot(
            at_ns=at_ns,
            status=replace(status, uptime_s=10.2 + passed_s),
            sessions=(replace(session, age_s=4.2 + passed_s),),
        )
        left, _right = header_parts(View(snapshot), 200)
        return left[4].text, cell_text(session_rows(View(snapshot))[0].cells[2])

    seen = [said(NS * tenth // 10, tenth / 10) for tenth in range(11)]
    assert seen == [said(0, 0)] * 10 + [said(NS, 1)]
    assert seen[0] != seen[-1]


def test_a_bench_that_began_anew_has_no_past() -> None:
    meter = RateMeter()
    meter.feed(10 * NS, Counters(commands=5000))
    assert meter.feed(NS, Counters(commands=3)).commands.past == (0.0,)


@pytest.mark.parametrize("width", [80, 100, 130, 160, 200])
def test_the_header_fits_and_keeps_what_matters(width: int) -> None:
    status = constructed.status(faults_armed=2)
    left, right = header_parts(View(constructed.snapshot(status=status)), width)
    text = "".join(part.text for part in (*left, *right))
    assert len(text) < width
    for needed in ("cam0", "● ready", "2 FAULTS ARMED", "pattern", "fps"):
        assert needed in text


def test_sessions_say_their_state_in_words() -> None:
    rows = session_rows(View(constructed.snapshot(), session=3))
    states = [cell_text(row.cells[3]) for row in rows]
    assert states == ["● streaming", "○ open", "✖ failed"]
    assert cell_text(rows[0].cells[0]) == "▸"
    assert cell_text(rows[2].cells[-1]) == "✖ EIO"


def test_buffers_are_cells_of_one_width_and_unfold() -> None:
    view = View(constructed.snapshot())
    cells = buffer_cells(constructed.queue())
    assert len({len(text) for text, _ in cells}) == 1
    assert len(buffer_rows(view, set())) == 4
    key = str(buffer_rows(view, set())[0].key)
    assert [row.key for row in buffer_rows(view, {key})][:2] == [key, f"{key}/0"]


def test_another_sessions_buffers_are_left_out() -> None:
    assert buffer_rows(View(constructed.snapshot(), session=5), set()) == []


def test_the_arena_is_a_bar_of_whole_width() -> None:
    status = constructed.status()
    _, bar, *_ = arena_bar(status, 60)
    assert sum(len(text) for text, _ in bar) == 58
    gone = Mapping(offset=0, length=1 << 20, mapped=1, in_use=False)
    lines = arena_bar(replace(status, mappings=(gone,)), 60)
    assert ("░" * 56, "warn") in lines[1]
    assert "nothing allocated" in arena_bar(replace(status, mappings=()), 60)[2][0][0]


def test_each_buffer_in_the_arenas_bar_has_its_own_beginning() -> None:
    """Lengths are those of QUERYBUF: between two of them is the rest of a page."""
    blocks = tuple(
        Mapping(offset=each * 0x152000, length=1382400, mapped=1, in_use=True) for each in range(6)
    )
    _, bar, *_ = arena_bar(replace(constructed.status(), mappings=blocks), 160)
    drawn = "".join(text for text, _tone in bar).strip()
    assert (len(drawn), drawn.count("▌"), "·" in drawn) == (156, 5, False)


def test_command_lines_have_what_was_chosen() -> None:
    inject = cli_line(operation("faults.inject_error"), InjectErrorParams(session=3), "cam0")
    assert inject == "vmedia-bench inject-error --session 3 --errno EIO --bench cam0"
    control = ControlSetParams(control="test_pattern", value="Colour bars")
    assert cli_line(operation("controls.set"), control) == (
        "vmedia-bench controls set test_pattern 'Colour bars'"
    )
    rule = Rule(
        match=Match(on=On.COMMAND, ioctl="QBUF"),
        action=Action(do=Do.ERRNO, errno="EIO"),
        schedule=Schedule(count=3),
    )
    line = cli_line(operation("faults.add"), FaultAddParams(rule=rule))
    assert line.startswith("vmedia-bench faults add --on command --do errno ")
    assert line.endswith("--ioctl QBUF --errno EIO --count 3")


def test_a_form_has_every_field_and_makes_the_value() -> None:
    names = {field.name: field for field in form_fields(FaultAddParams)}
    assert names["rule.match.on"].choices == tuple(place.value for place in On)
    assert names["rule.match.on"].required
    assert names["may_crash_guest"].kind == "bool"
    made = build(
        FaultAddParams,
        {
            "rule.match.on": "event",
            "rule.action.do": "flag",
            "rule.action.flags": "ERROR LAST",
            "rule.schedule.count": "0x2",
            "rule.armed": "off",
        },
    )
    assert made.rule.action.flags == ("ERROR", "LAST")
    assert made.rule.schedule.count == 2
    assert not made.rule.armed


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "rule.match.on is needed"),
        ({"rule.match.on": "there"}, "rule.match.on: 'there' is none of"),
        ({"rule.match.on": "event", "rule.match.session": "x"}, "no whole number"),
    ],
)
def test_a_form_says_which_field_is_wrong(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        build(FaultAddParams, texts)


def test_only_fields_that_count_are_shown() -> None:
    shown = relevant_fields({"rule.match.on": "shmem-map", "rule.action.do": "stall"})
    assert "rule.action.delay_ms" in shown
    assert "rule.match.ioctl" not in shown
    assert "rule.action.errno" not in shown
    assert misfit({"rule.match.on": "frame", "rule.action.do": "errno"})
    chosen = {"rule.match.on": "command", "rule.action.do": "errno"}
    assert misfit(chosen) == "errno needs errno"
    assert not misfit(chosen | {"rule.action.errno": "EIO"})


def test_faults_say_armed_spent_or_off() -> None:
    rule = Rule(match=Match(on=On.COMMAND), action=Action(do=Do.NEVER))
    fault = FaultRow(
        id=1,
        rule=rule,
        armed=True,
        spent=False,
        matched=7,
        fired=2,
        last_fired_ns=0,
        text="never answer",
        may_crash_guest="yes",
    )
    rows = fault_rows((fault, replace(fault, spent=True), replace(fault, armed=False)), NS)
    assert [cell_text(row.cells[1]) for row in rows] == ["⚑ armed", "✓ spent", "○ off"]
    assert cell_text(rows[0].cells[-1]).startswith("▲")
    assert schedule_text(Schedule()) == "always"
    assert schedule_text(Schedule(count=1, skip=2, probability=0.5)) == "once skip 2 50%"


def test_the_consequences_of_a_change_are_spelled_out() -> None:
    switch = BackendSwitch(
        backend="file",
        card="file",
        mode=SwitchMode.FORCE,
        sessions_kept=(),
        sessions_ended=(3, 5),
        config_changed=True,
    )
    text = " ".join(line for line, _ in consequences(switch))
    assert "sessions 3, 5 end with EVT_ERROR ENODEV" in text
    assert "configuration space changes" in text
    options = constructed.BACKENDS[0].options
    assert changed_options(options, {"size": "640x480"}) == {}
    assert changed_options(options, {"size": "320x240"}) == {"size": "320x240"}


def test_a_backend_is_described_with_its_devices_in_the_width_there_is() -> None:
    backend = BackendRow(
        name="v4l2",
        summary="A device of this system.",
        kind="any",
        origin="built in",
        usable=True,
        reason="",
        active=False,
        options=(OptionRow(name="device", type="path", default="", help="Which one it is. " * 5),),
        devices=(
            DeviceRow(
                path="/dev/video0",
                card="vivid",
                driver="vivid",
                bus="platform:vivid-000",
                kind="capture",
                problem="",
            ),
            DeviceRow(
                path="/dev/video1", card="", driver="", bus="", kind="", problem="no permission"
            ),
        ),
    )
    lines = ["".join(text for text, _ in line) for line in about_lines(backend, 76)]
    assert max(map(len, lines)) <= 76
    assert "  /dev/video0   capture vivid vivid platform:vivid-000" in lines
    assert "  /dev/video1   -       ✖ no permission" in lines
    assert lines[4].startswith("  device        -               Which one")
    assert lines[5].startswith(" " * 32)


def test_controls_have_the_widget_that_fits() -> None:
    control = ControlState(
        id=1,
        name="Brightness",
        key="brightness",
        type="INTEGER",
        minimum=0,
        maximum=255,
        step=5,
        default=128,
        value=128,
        flags=(),
    )
    assert control_shape(control) is Shape.SLIDER
    assert control_shape(replace(control, type="BOOLEAN")) is Shape.SWITCH
    assert control_shape(replace(control, type="U8")) is Shape.FIXED
    assert locked(replace(control, flags=("INACTIVE", "SLIDER"))) == "inactive"
    assert value_text(replace(control, type="BOOLEAN"), True) == "on"


def test_the_log_is_searched_by_words() -> None:
    lines = [
        LogLine(seq=1, time=0.0, level="INFO", room="vhost", text="listening"),
        LogLine(seq=2, time=1.0, level="WARNING", room="device", text="refused"),
    ]
    assert [row.key for row in log_rows(lines, "")] == [1, 2]
    assert [row.key for row in log_rows(lines, "warn Device")] == [2]


def test_every_vmm_gets_its_exact_line() -> None:
    shown = {each.title: each for each in how_to_connect("cam0", "/run/vm.sock", "no-such-qemu")}
    assert "path=/run/vm.sock" in shown["QEMU"].copied
    assert "-device vhost-user-test-device-pci" in shown["QEMU"].copied
    assert shown["crosvm"].copied == "--vhost-user type=media,socket=/run/vm.sock"
    assert shown["libkrun"].copied.startswith("krun_add_vhost_user_device")


NAMES = ("sessions", "buffers", "preview", "commands", "log")


@pytest.mark.parametrize(
    ("size", "active", "zoomed", "panes"),
    [
        ((160, 45), "preview", False, ("sessions", "buffers", "preview", "commands")),
        ((160, 45), "log", False, ("sessions", "buffers", "preview", "log")),
        ((80, 24), "log", False, ("sessions", "log")),
        ((80, 24), "sessions", False, ("sessions",)),
        ((200, 60), "log", True, ("log",)),
        ((79, 24), "log", False, ()),
        ((80, 23), "log", False, ()),
    ],
)
def test_panes_have_places_for_every_size(
    size: tuple[int, int], active: str, zoomed: bool, panes: tuple[str, ...]
) -> None:
    laid = plan(*size, NAMES, active, "commands", zoomed)
    assert laid.panes == panes
    assert laid.too_small == (not panes)


def test_a_view_without_vm_waits() -> None:
    assert View(constructed.snapshot(status=constructed.status(VmState.WAITING))).waiting
    assert not View(constructed.snapshot()).waiting
