"""Every pane, on a real bench whose guest streams."""

from pathlib import Path

import pytest
from textual.widget import Widget
from textual.widgets import Input

from tests.tui.conftest import Bench, Open, Seen
from vmedia_bench.tui.panes.preview import PreviewPane
from vmedia_bench.tui.panes.trace_pane import TracePane
from vmedia_bench.tui.screens.record import RecordScreen
from vmedia_bench.tui.widgets.control_row import ControlRow
from vmedia_bench.tui.widgets.hex_view import HexView
from vmedia_bench.tui.widgets.slider import Slider
from vmedia_bench.tui.widgets.table import RowTable


async def test_the_header_says_bench_vm_backend_and_rates(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.until(lambda: seen.app.view and seen.app.view.rates.frames.now > 20)
        head = seen.screen().splitlines()[0]
        for part in ("shared", "● ready", "pattern", "fps", "MB/s", "cmd/s"):
            assert part in head


async def test_sessions_are_listed_and_one_chosen_narrows_the_panes(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.until_seen("● streaming")
        await seen.press("1", "enter")
        await seen.until(lambda: seen.app.session is not None)
        await seen.until_seen("chosen · a for all")
        await seen.press("4")
        await seen.until_seen("Commands · session")
        await seen.press("a")
        await seen.until(lambda: seen.app.session is None)


async def test_buffers_move_through_their_states_and_unfold(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("2")
        await seen.until_seen("4 in 1 queue")
        await seen.until_seen("0 ◆ queued")
        table = seen.app.query_one("#buffers-table", RowTable)
        assert table.row_count == 4
        await seen.press("u")
        await seen.until(lambda: table.row_count == 8)
        await seen.press("home", "enter")
        await seen.until(lambda: table.row_count == 7)
        assert "data_offset 0" in seen.screen()


async def test_the_preview_shows_the_newest_frame_in_its_aspect(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        pane = seen.app.query_one(PreviewPane)
        await seen.until(lambda: pane.picture is not None)
        assert pane.picture is not None
        serial = pane.picture.frame.serial
        await seen.until(lambda: pane.picture and pane.picture.frame.serial > serial)
        await seen.until_seen("NV12 640x480")
        await seen.until_seen("▀")


async def test_the_preview_pauses_steps_zooms_and_probes(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        pane = seen.app.query_one(PreviewPane)
        await seen.press("3")
        await seen.until(lambda: pane.picture is not None)
        await seen.press("space")
        await seen.until(lambda: pane.paused)
        assert pane.picture is not None
        serial = pane.picture.frame.serial
        await seen.press("full_stop")
        await seen.until(lambda: pane.picture and pane.picture.frame.serial > serial)
        assert pane.paused
        await seen.press("plus", "plus", "right", "down")
        assert pane.look.zoom == 4
        await seen.until_seen("4x")
        await seen.press("p", "right")
        await seen.until_seen("#")
        assert pane.look.probe is not None
        await seen.press("r", "space")
        assert pane.look.zoom == 1
        assert not pane.paused


async def test_a_click_probes_the_pixel_under_it(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        pane = seen.app.query_one(PreviewPane)
        await seen.until(lambda: pane.picture is not None)
        await seen.until_seen("▀")
        await seen.pilot.click("#picture", offset=(30, 10))
        await seen.until(lambda: pane.look.probe is not None)


async def test_the_preview_follows_the_format(streaming: Bench, workbench: Open) -> None:
    streaming.stop_guest()
    streaming.call("backends.use", backend="pattern", options={"format": "MJPG"})
    streaming.stream()
    async with workbench(streaming.name) as seen:
        pane = seen.app.query_one(PreviewPane)
        await seen.until(lambda: pane.picture is not None)
        assert pane.picture is not None
        assert pane.picture.frame.fourcc == "MJPG"
    streaming.stop_guest()
    streaming.call("backends.use", backend="pattern", options={"format": "NV12"})


async def test_commands_follow_until_scrolled_and_again(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4")
        table = seen.app.query_one("#commands", TracePane).table
        await seen.until(lambda: table.row_count > 30 and table.chosen)
        await seen.press("pageup")
        await seen.until(lambda: not table.following)
        first, last = table.scroll_offset.y, table.trace.last
        await seen.until(lambda: table.trace.last > last + 10)
        assert table.scroll_offset.y == first
        await seen.press("home")
        await seen.until(lambda: table.row_at(0) is not None)
        await seen.press("end")
        await seen.until(lambda: table.following)


async def test_a_filter_keeps_what_fits_and_says_what_is_wrong(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4", "slash")
        await seen.type("ioctl == QBUF")
        await seen.press("enter")
        pane = seen.app.query_one("#commands", TracePane)
        await seen.until(lambda: pane.filter.text and pane.table.row_count > 3)
        for place in range(3):
            item = pane.table.trace.item(place)
            assert item is not None
            assert item.entry.name == "QBUF"
        assert seen.app.deeds.lines[0].startswith("vmedia-bench commands --filter 'ioctl == QBUF'")
        await seen.press("slash")
        await seen.type(" and")
        await seen.press("enter")
        await seen.until_seen("✖")
        await seen.press("escape")
        await seen.until(lambda: not pane.filter.text)


async def test_a_filter_completes_and_remembers(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4", "slash")
        await seen.type("ioctl == STREAMO")
        line = seen.app.screen.focused
        await seen.until(lambda: getattr(line, "_suggestion", ""), "nothing is suggested")
        await seen.press("tab", "enter")
        pane = seen.app.query_one("#commands", TracePane)
        await seen.until(lambda: "STREAMO" in pane.filter.text and len(pane.filter.text) > 16)
        text = pane.filter.text
        await seen.press("slash")
        await seen.until(lambda: isinstance(seen.app.screen.focused, Input))
        await seen.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen.focused, Input))
        await seen.press("slash")
        await seen.until(lambda: isinstance(seen.app.screen.focused, Input))
        await seen.press("up", "enter")
        await seen.until(lambda: pane.filter.text == text)


async def test_rows_are_marked_and_found_again(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4", "home")
        table = seen.app.query_one("#commands", TracePane).table
        await seen.until(lambda: table.chosen is not None)
        first = table.chosen
        assert first is not None
        await seen.press("m", "down", "down", "down", "n")
        await seen.until(lambda: table.chosen == first)
        assert "1 marked" in seen.screen()


async def test_a_record_shows_fields_and_bytes_lit_in_each_other(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4", "slash")
        await seen.type("ioctl == QBUF")
        await seen.press("enter")
        pane = seen.app.query_one("#commands", TracePane)
        await seen.until(lambda: pane.table.row_count > 3)
        await seen.press("home")
        await seen.until(lambda: pane.table.chosen is not None)
        await seen.press("enter")
        await seen.until_seen("Request")
        hexes = seen.app.screen.query_one("#side-request HexView", HexView)
        await seen.until(lambda: list(hexes.lit) == [0, 1, 2, 3])
        await seen.press("down", "down", "down", "down")
        await seen.until(lambda: list(hexes.lit) == [16, 17, 18, 19])
        hexes.focus()
        await seen.press("right", "right", "right", "right")
        fields = seen.app.screen.query_one("#side-request RowTable", RowTable)
        await seen.until(lambda: list(hexes.lit) == [20, 21, 22, 23])
        assert fields.cursor == 5
        await seen.press("right_square_bracket", "escape")
        await seen.until(lambda: len(seen.app.screen_stack) == 1)


async def test_from_a_record_all_others_are_a_key_away(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("4")
        pane = seen.app.query_one("#commands", TracePane)
        await seen.until(lambda: pane.table.row_count > 100 and pane.table.chosen is not None)
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, RecordScreen))
        record = seen.app.screen
        assert isinstance(record, RecordScreen)
        seq = record.item.record.seq
        await seen.press(*("left_square_bracket",) * 60)
        await seen.until(lambda: record.item.record.seq == seq - 60)
        await seen.press(*("right_square_bracket",) * 80)
        await seen.until(lambda: record.item.record.seq == seq + 20)


async def test_what_is_filtered_is_exported(
    streaming: Bench, workbench: Open, tmp_path: Path
) -> None:
    from vmedia_bench.trace.entry import summarize
    from vmedia_bench.trace.source import open_trace

    path = tmp_path / "some.jsonl"
    async with workbench(streaming.name) as seen:
        await seen.press("4", "slash")
        await seen.type("ioctl == REQBUFS")
        await seen.press("enter", "x")
        await seen.press("ctrl+u")
        await seen.type(str(path))
        await seen.press("enter")
        await seen.until(path.exists)
        await seen.until_seen("records in")
    with open_trace(path) as reader:
        names = {summarize(record).name for record in reader}
    assert names == {"REQBUFS"}


async def test_events_show_what_went_to_the_guest(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("5")
        table = seen.app.query_one("#events", TracePane).table
        await seen.until(lambda: table.row_count > 5)
        item = table.trace.item(0)
        assert item is not None
        assert item.entry.name in {"DQBUF", "EVENT"}
        await seen.until_seen("event buffers free")


async def test_the_config_space_is_shown_changed_and_reset(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("6")
        await seen.until_seen("VIDEO_CAPTURE")
        await seen.press("end")
        await seen.until(lambda: list(seen.app.query_one("#config-hex", HexView).lit) != [])
        await seen.press("enter", "ctrl+u")
        await seen.type("Another camera")
        await seen.press("enter")
        await seen.until(lambda: streaming.call("config.get")["card"] == "Another camera")
        await seen.until_seen("changed by you")
        await seen.press("r")
        await seen.until(lambda: not streaming.call("config.get")["overridden"])


async def test_bytes_of_the_config_space_are_checked_before_they_go(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("6")
        await seen.until_seen("VIDEO_CAPTURE")
        await seen.press("h", "ctrl+u")
        await seen.type("0102")
        await seen.press("enter")
        await seen.until_seen("40 bytes, 80 hexadecimal digits")
        await seen.press("escape")
        assert not streaming.call("config.get")["overridden"]


async def control_row(seen: Seen, key: str) -> ControlRow:
    """The row of a control, once its pane has the keys."""
    await seen.press("7")
    await seen.until(lambda: any(row.has_focus_within for row in seen.app.query(ControlRow)))
    return next(row for row in seen.app.query(ControlRow) if row.control.key == key)


async def focus(seen: Seen, widget: Widget) -> None:
    """Give the keys to a widget."""
    widget.focus()
    await seen.until(lambda: widget.has_focus)


async def test_controls_are_live_both_ways(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        row = await control_row(seen, "brightness")
        slider = row.query_one(Slider)
        await focus(seen, slider)
        await seen.press("end")
        await seen.until(lambda: _value(streaming, "brightness") == 255)
        await seen.until(lambda: seen.app.deeds.lines)
        assert seen.app.deeds.lines[0].startswith("vmedia-bench controls set brightness 255")
        await seen.press("D")
        await seen.until(lambda: _value(streaming, "brightness") == row.control.default)
        streaming.call("controls.set", control="brightness", value=77)
        await seen.until(lambda: slider.value == 77)
        streaming.call("controls.set", control="brightness", value=row.control.default)


async def test_a_control_with_another_range_gets_another_slider(
    streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name) as seen:
        await control_row(seen, "brightness")
        streaming.call("controls.change", control="brightness", maximum=200, grabbed=True)
        await seen.until_seen("0 to 200,")
        await seen.until_seen("grabbed")
        row = await control_row(seen, "brightness")
        assert row.query_one(Slider).disabled
        streaming.call("controls.change", control="brightness", grabbed=False)
        await seen.until(lambda: not row.query_one(Slider).disabled)
        await focus(seen, row.query_one(Slider))
        await seen.press("end")
        await seen.until(lambda: seen.app.deeds.lines)
        assert seen.app.deeds.lines[0].startswith("vmedia-bench controls set brightness 200")
        streaming.call("controls.change", control="brightness", maximum=255)
        streaming.call("controls.set", control="brightness", value=row.control.default)


@pytest.mark.parametrize("key", ["horizontal_flip", "test_pattern"])
async def test_switches_and_menus_set_their_control(
    key: str, streaming: Bench, workbench: Open
) -> None:
    before = _value(streaming, key)
    async with workbench(streaming.name) as seen:
        row = await control_row(seen, key)
        await focus(seen, row.query("Switch, Select").first())
        await seen.press("enter")
        if key == "test_pattern":
            await seen.press("down", "enter")
        await seen.until(lambda: _value(streaming, key) != before)
    streaming.call("controls.set", control=key, value=before)


async def test_rings_and_memory_are_drawn(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("8")
        for text in ("commandq", "● runs", "EVENT_IDX", "● mapped", "in buffers", "█"):
            await seen.until_seen(text)


async def test_the_log_is_shown_and_filtered(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name) as seen:
        await seen.press("l")
        await seen.until_seen("listening on")
        await seen.press("slash")
        await seen.type("vhost connected")
        await seen.press("enter")
        await seen.until(lambda: "listening on" not in seen.screen())
        await seen.until_seen("front-end connected")


def _value(bench: Bench, key: str) -> object:
    return bench.call("controls.get", control=key)["value"]
