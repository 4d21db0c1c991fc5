"""Every action, on a real bench whose guest streams."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from textual.command import CommandList
from textual.widgets import Button

from tests.tui.conftest import Bench, Open, Seen
from vmedia_bench.tui.app import Wishes, Workbench
from vmedia_bench.tui.model.form import FormField
from vmedia_bench.tui.panes.faults import OneShot
from vmedia_bench.tui.screens.confirm import ConfirmScreen
from vmedia_bench.tui.screens.form import FormScreen
from vmedia_bench.tui.screens.help import HelpScreen
from vmedia_bench.tui.screens.lines import LinesScreen
from vmedia_bench.tui.screens.switch import SwitchScreen
from vmedia_bench.tui.widgets.form_fields import FieldRow
from vmedia_bench.tui.widgets.table import RowTable


async def form_rows(seen: Seen, least: int = 1) -> dict[str, FieldRow]:
    """The rows of the open form by the names of their fields, once they can be filled."""

    def rows() -> list[FieldRow]:
        return list(seen.app.screen.query(FieldRow))

    await seen.until(lambda: len(rows()) >= least and all(row.is_mounted for row in rows()))
    return {row.field.name: row for row in rows()}


def fill(row: FieldRow, text: str) -> None:
    """Put a text into a field of a form."""
    from textual.widgets import Input

    row.query_one(Input).value = text


def _is_there(app: Workbench, pane: str) -> bool:
    return pane == app.pane.NAME


async def test_failing_a_session_asks_first_and_no_is_the_default(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("e")
        await seen.until_seen("EVT_ERROR goes to session")
        await seen.press("enter")
        await seen.until(lambda: not isinstance(seen.app.screen, ConfirmScreen))
        assert all(not s["failed_with"] for s in streaming.call("sessions.list")["sessions"])
        await seen.press("e")
        await seen.until(lambda: isinstance(seen.app.screen, ConfirmScreen))
        await seen.press("y")
        await seen.until(lambda: seen.app.deeds.lines)
        assert seen.app.deeds.lines[0].startswith("vmedia-bench inject-error --session")
    streaming.stop_guest()


async def test_presets_act_once_and_the_header_warns(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, (120, 34)) as seen:
        await seen.press("f")
        await seen.until(lambda: len(seen.app.query(OneShot)) > 10)
        button = next(b for b in seen.app.query(OneShot) if b.preset.name == "s-fmt-busy")
        button.press()
        await seen.until_seen("FAULT ARMED")
        await seen.until(lambda: streaming.call("faults.list")["faults"])
        await seen.press("K")
        await seen.until(lambda: not streaming.call("faults.list")["faults"])
        await seen.until(lambda: "FAULT ARMED" not in seen.screen())


async def test_a_rule_is_added_by_form_disarmed_armed_and_removed(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("9")
        await seen.until(lambda: isinstance(seen.app.focused, RowTable))
        await seen.press("n")
        await seen.until(lambda: isinstance(seen.app.screen, FormScreen))
        rows = await form_rows(seen, 11)
        await seen.until(lambda: not rows["rule.action.card"].display)
        await seen.press("f2")
        await seen.until_seen("errno needs errno")
        fill(rows["rule.match.ioctl"], "S_FMT")
        fill(rows["rule.action.errno"], "EBUSY")
        await seen.press("f2")
        await seen.until(lambda: streaming.call("faults.list")["faults"])
        await seen.until_seen("armed")
        await seen.until(lambda: seen.app.deeds.lines)
        assert "faults add" in seen.app.deeds.lines[0]
        await seen.until(lambda: seen.app.query_one("#faults-table", RowTable).row_count == 1)
        await seen.press("enter")
        await seen.until(lambda: not streaming.call("faults.list")["faults"][0]["armed"])
        await seen.until_seen("○ off")
        await seen.press("enter")
        await seen.until(lambda: streaming.call("faults.list")["faults"][0]["armed"])
        await seen.press("delete")
        await seen.until(lambda: not streaming.call("faults.list")["faults"])


async def refused_form(seen: Seen, name: str, text: str, problem: str) -> dict[str, FieldRow]:
    """Type a text into the open form and have it refused; the rows of the form that came back."""
    await seen.until(lambda: isinstance(seen.app.screen, FormScreen))
    first = seen.app.screen
    fill((await form_rows(seen))[name], text)
    await seen.press("f2")
    await seen.until(
        lambda: isinstance(seen.app.screen, FormScreen) and seen.app.screen is not first
    )
    await seen.until_seen(problem)
    return await form_rows(seen)


async def test_a_rule_that_is_refused_is_not_typed_twice(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("9")
        await seen.until(lambda: isinstance(seen.app.focused, RowTable))
        await seen.press("n")
        rows = await form_rows(seen, 11)
        fill(rows["rule.match.ioctl"], "QBUFF")
        rows = await refused_form(seen, "rule.action.errno", "EBUSY", "QBUFF")
        assert rows["rule.action.errno"].text == "EBUSY"
        fill(rows["rule.match.ioctl"], "S_FMT")
        await seen.press("f2")
        await seen.until(lambda: streaming.call("faults.list")["faults"])


async def test_options_that_are_refused_are_not_typed_twice(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("b")
        table = seen.app.query_one("#backend-table", RowTable)
        await seen.until(lambda: table.row_count > 2)
        table.go_to("file")
        await seen.press("enter")
        rows = await refused_form(seen, "path", "/no/such/clip.mp4", "✖ ")
        assert rows["path"].text == "/no/such/clip.mp4"
        await seen.press("escape")
        await seen.until(lambda: len(seen.app.screen_stack) == 1)


async def test_what_an_operation_refuses_is_not_typed_twice(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        seen.app.ask_and_carry_out("controls.get")
        rows = await refused_form(seen, "control", "brightnes", "✖ ")
        assert rows["control"].text == "brightnes"


async def test_what_may_crash_the_guest_is_asked_for_and_not_done_on_no(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name, (120, 34)) as seen:
        await seen.press("f")
        await seen.until(lambda: len(seen.app.query(OneShot)) > 10)
        button = next(b for b in seen.app.query(OneShot) if b.preset.name == "twice-buffer")
        button.press()
        await seen.until(lambda: isinstance(seen.app.screen, ConfirmScreen))
        await seen.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen, ConfirmScreen))
        assert not streaming.call("faults.list")["faults"]


async def test_the_backend_changes_after_its_consequences_were_shown(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("b")
        table = seen.app.query_one("#backend-table", RowTable)
        await seen.until(lambda: table.row_count > 2)
        table.go_to("loopback")
        await seen.press("enter")
        await seen.until_seen("Options of loopback")
        await seen.press("f2")
        await seen.until(lambda: isinstance(seen.app.screen, SwitchScreen))
        await seen.until_seen("ends with EVT_ERROR ENODEV")
        assert seen.app.screen.focused is seen.app.screen.query_one("#mode-none", Button)
        seen.app.screen.query_one("#mode-force", Button).press()
        await seen.until(lambda: streaming.call("bench.status")["backend"] == "loopback")
        await seen.until_seen("loopback · ")


async def test_a_backend_that_cannot_run_says_why(streaming: Bench, workbench: Open) -> None:
    unusable = [b for b in streaming.call("backends.list")["backends"] if not b["usable"]]
    async with workbench(streaming.name) as seen:
        await seen.press("b")
        table = seen.app.query_one("#backend-table", RowTable)
        await seen.until(lambda: table.row_count > 2)
        for backend in unusable:
            assert "✖ cannot" in seen.screen()
            table.go_to(backend["name"])
            await seen.press("enter")
            await seen.until_seen("cannot run here")


async def test_the_newest_frame_is_saved_as_png(
    streaming: Bench, workbench: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with workbench(streaming.name) as seen:
        await seen.until_seen("● streaming")
        await seen.press("s")
        await seen.until(lambda: list(tmp_path.glob("*.png")) and seen.app.deeds.lines)
        (path,) = tmp_path.glob("*.png")
        with Image.open(path) as image:
            assert image.size == (640, 480)
        assert f"vmedia-bench snapshot {path}" in seen.app.deeds.lines[0]


async def test_c_shows_and_copies_the_line_for_what_was_done(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("c")
        await seen.until_seen("Nothing done yet")
        await seen.press("escape", "K")
        await seen.until(lambda: seen.app.deeds.lines)
        await seen.press("c")
        await seen.until(lambda: isinstance(seen.app.screen, LinesScreen))
        await seen.until_seen("vmedia-bench faults clear --bench shared")
        assert seen.app.clipboard == "vmedia-bench faults clear --bench shared"


async def test_help_says_what_the_pane_is_and_its_keys(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, (100, 45)) as seen:
        for name, pane in seen.app.panes.items():
            await seen.press(pane.KEY)
            await seen.until(partial(_is_there, seen.app, name))
            await seen.press("question_mark")
            await seen.until(lambda: isinstance(seen.app.screen, HelpScreen))
            await seen.until_seen("Keys everywhere")
            await seen.press("escape")
            await seen.until(lambda: len(seen.app.screen_stack) == 1)


async def test_the_palette_has_every_operation(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("ctrl+p")
        await seen.type("faults.clear")
        await seen.until_seen("Remove all rules and let go")
        await seen.press("down")
        await seen.until(lambda: seen.app.screen.query_one(CommandList).highlighted is not None)
        await seen.press("enter")
        await seen.until(lambda: seen.app.deeds.lines)
        assert seen.app.deeds.lines[0].startswith("vmedia-bench faults clear")


async def test_an_operation_asks_for_what_it_needs(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        seen.app.ask_and_carry_out("controls.get")
        await seen.until(lambda: isinstance(seen.app.screen, FormScreen))
        rows = await form_rows(seen)
        fields: list[FormField] = [row.field for row in rows.values()]
        assert [field.name for field in fields] == ["control", "session"]
        await seen.press("f2")
        await seen.until_seen("control is needed")
        fill(seen.app.screen.query(FieldRow).first(), "brightness")
        await seen.press("f2")
        await seen.until_seen("key: brightness")


async def test_d_starts_the_guest_and_stops_it(idle: Bench, workbench: Open) -> None:
    async with workbench(idle.name) as seen:
        await seen.until_seen("aiting for")
        await seen.press("d")
        await seen.until_seen("● streaming")
        await seen.press("3", "d")
        await seen.until_seen("The VM has gone")


async def test_while_waiting_the_lines_for_each_vmm_can_be_copied(
    idle: Bench, workbench: Open
) -> None:
    async with workbench(idle.name, (120, 50)) as seen:
        for text in ("QEMU", "-chardev socket", "crosvm", "--vhost-user type=media", "libkrun"):
            await seen.until_seen(text)
        await seen.press("3")
        await seen.until(lambda: seen.app.focused is not None)
        await seen.press("enter")
        await seen.until(lambda: idle.socket in seen.app.clipboard)


async def test_one_pane_alone_and_all_again(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, (160, 45)) as seen:
        await seen.press("4", "z")
        await seen.until(lambda: not seen.app.panes["sessions"].display)
        assert seen.app.panes["commands"].display
        await seen.press("z")
        await seen.until(lambda: seen.app.panes["sessions"].display)


async def test_panes_are_reached_by_mouse(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, (160, 45)) as seen:
        await seen.until(lambda: seen.app.panes["commands"].display)
        await seen.pilot.click("#tabs", offset=(60, 0))
        await seen.until(lambda: not seen.app.panes["commands"].display)


async def test_keys_can_be_others(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, wishes=Wishes({"app.help": "f1"})) as seen:
        await seen.press("question_mark")
        assert len(seen.app.screen_stack) == 1
        await seen.press("f1")
        await seen.until(lambda: isinstance(seen.app.screen, HelpScreen))


async def test_a_lost_bench_is_said_and_found_again(
    own_bench: Callable[[str], Bench], workbench: Open
) -> None:
    bench = own_bench("lost")
    async with workbench("lost") as seen:
        await seen.until_seen("Waiting for a VM")
        bench.process.stop()
        await seen.until_seen("✖ bench lost")
        assert "Waiting for a VM" in seen.screen()
        own_bench("lost")
        await seen.until_seen("is back")
        await seen.until_seen("○ waiting")


async def test_another_bench_of_that_name_shows_its_own_log_and_trace(
    own_bench: Callable[[str], Bench], workbench: Open
) -> None:
    bench = own_bench("again")
    async with workbench("again", (120, 34)) as seen:

        def first(table: str, before: object = None) -> object:
            row = seen.app.query_one(table, RowTable).row_at(0)
            return row and row.cells != before and row.cells

        for key, table in (("l", "#log-table"), ("4", "#commands-table")):
            await seen.press(key)
            await seen.until(partial(first, table))
            before = first(table)
            bench.process.stop()
            await seen.until_seen("✖ bench lost")
            assert first(table) == before
            bench = own_bench("again")
            await seen.until(partial(first, table, before))
