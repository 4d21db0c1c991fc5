"""Screens of a bench of values: what they say where little fits, and what their keys do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from tests.tui import constructed
from tests.tui.cells import screen_text
from tests.tui.constructed import ConstructedBench
from vmedia_bench.control.operations.bench import Snapshot, VmState
from vmedia_bench.control.operations.controls import ControlState, MenuItem
from vmedia_bench.control.operations.live import Topic
from vmedia_bench.control.operations.trace import TraceRead
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.picture.format import PictureError
from vmedia_bench.tui.app import Workbench
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.buffers import buffer_rows
from vmedia_bench.tui.model.rows import cell_text
from vmedia_bench.tui.model.sessions import queue_text
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.preview import PreviewPane
from vmedia_bench.tui.remembered import Remembered
from vmedia_bench.tui.screens.ask import AskScreen
from vmedia_bench.tui.widgets.control_row import ControlRow

ROUNDS = 100


@asynccontextmanager
async def shown(
    pane: str = "preview",
    snapshot: Snapshot | None = None,
    size: tuple[int, int] = (160, 45),
    bench: ConstructedBench | None = None,
) -> AsyncIterator[tuple[Workbench, Pilot[None]]]:
    """The workbench on a bench of values."""
    values = bench or ConstructedBench(snapshot)

    async def connect() -> ConstructedBench:
        return values

    app = Workbench(connect, remembered=Remembered(active=pane, deck="backend"))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until_seen(app, pilot, "cam0")
        yield app, pilot


@pytest.mark.parametrize(("commands", "rests"), [(2000, True), (20, False)])
async def test_while_commands_rush_by_it_wakes_up_for_what_it_draws(
    commands: int, rests: bool
) -> None:
    bench = ConstructedBench()
    async with shown(bench=bench) as (app, pilot):
        for _ in range(10):
            bench.snapshot = constructed.after_commands(bench.snapshot, commands)
            asked = bench.snapshot.at_ns
            while app.view is None or app.view.snapshot.at_ns < asked:
                await pilot.pause(0.01)
            if bench.rests:
                break
        assert bool(bench.rests) == rests
        assert all(0 < when - asked / 1e9 < 0.31 for when in bench.rests)


async def until_seen(app: Workbench, pilot: Pilot[None], text: str) -> str:
    """Wait until it is on screen; gives the screen."""
    for _ in range(ROUNDS):
        if text in screen_text(app):
            return screen_text(app)
        await pilot.pause(0.1)
    raise AssertionError(f"{text} did not come:\n{screen_text(app)}")


class Traced(ConstructedBench):
    """With one record in its trace."""

    async def call(self, name: str, params: object) -> Any:
        """Answer for the trace, too."""
        if name == "trace.read":
            return TraceRead(records=(constructed.note(1),), first=1, last=1, lost=0)
        return await super().call(name, params)


WAITING = constructed.snapshot(
    status=constructed.status(VmState.WAITING, rings=(), regions=(), mappings=()),
    sessions=(),
    queues=(),
)


@pytest.mark.parametrize(
    ("snapshot", "texts"),
    [(None, ("#1841", "note 1")), (WAITING, ("Waiting for a VM", "crosvm", "note 1"))],
    ids=["streaming", "waiting"],
)
async def test_nothing_is_drawn_while_nothing_changes(
    snapshot: Snapshot | None, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown("commands", bench=Traced(snapshot)) as (app, pilot):
        for text in texts:
            await until_seen(app, pilot, text)
        views, drawn = 0, 0
        take, draw = app._take, app.screen._compositor_refresh

        def count_view(snapshot: Snapshot) -> None:
            nonlocal views
            views += 1
            take(snapshot)

        def count_drawing() -> None:
            nonlocal views, drawn
            views, drawn = 0, drawn + 1
            draw()

        monkeypatch.setattr(app, "_take", count_view)
        monkeypatch.setattr(app.screen, "_compositor_refresh", count_drawing)
        for _ in range(ROUNDS):
            if views >= 10:
                break
            await pilot.pause(0.1)
        assert views >= 10, f"it was drawn {drawn} times"


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was on screen each time that it was drawn."""
    drawn: list[str] = []
    draw = Screen._compositor_refresh

    def remember(screen: Screen[Any]) -> None:
        if not screen.app._batch_count:
            drawn.append(screen_text(screen.app))
        draw(screen)

    monkeypatch.setattr(Screen, "_compositor_refresh", remember)
    return drawn


async def until_drawn(pilot: Pilot[None], drawings: list[str]) -> None:
    """Wait for the first drawing."""
    for _ in range(ROUNDS):
        if drawings:
            return
        await pilot.pause(0.1)
    raise AssertionError("nothing was drawn")


async def test_the_first_that_is_drawn_is_whole(
    drawings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take longer than the workbench would wait.
    monkeypatch.setattr("vmedia_bench.tui.app.OPENING_S", 30.0)
    async with shown("commands", bench=Traced()) as (_app, pilot):
        await until_drawn(pilot, drawings)
    for text in ("cam0", "3 open", "4 in 1 queue", "#1841", "1 kept of 1"):
        assert text in drawings[0]


async def test_a_bench_that_does_not_answer_is_not_waited_for(drawings: list[str]) -> None:
    class Silent(ConstructedBench):
        async def call(self, name: str, params: object) -> Any:
            """Nothing, for ever."""
            await asyncio.Event().wait()

    async def connect() -> ConstructedBench:
        return Silent()

    app = Workbench(connect, remembered=Remembered())
    async with app.run_test(size=(160, 45)) as pilot:
        await until_drawn(pilot, drawings)
        assert "Sessions" in drawings[0]
        await pilot.press("question_mark")
        await until_seen(app, pilot, "Keys everywhere")


async def test_a_screen_that_was_opened_before_the_bench_answers_is_drawn(
    drawings: list[str],
) -> None:
    asked = asyncio.Event()

    class Slow(ConstructedBench):
        async def call(self, name: str, params: object) -> Any:
            """The answer, once it may be given."""
            await asked.wait()
            return await super().call(name, params)

    bench = Slow()

    async def connect() -> ConstructedBench:
        return bench

    app = Workbench(connect, remembered=Remembered(deck="backend"))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press("question_mark")
        await until_seen(app, pilot, "Keys everywhere")
        asked.set()
        await until_drawn(pilot, drawings)
        await until_seen(app, pilot, "cam0")
    assert any("Keys everywhere" in drawn for drawn in drawings)


async def test_a_bench_that_tells_no_snapshots_is_said_to_be_of_another_version() -> None:
    class Older(ConstructedBench):
        async def call(self, name: str, params: object) -> Any:
            """Snapshots cannot be followed."""
            if name == "live.subscribe":
                raise RefusedError(ErrorCode.INVALID_PARAMS, "topics: invalid value 'snapshot'")
            return await super().call(name, params)

    async def connect() -> ConstructedBench:
        return Older()

    app = Workbench(connect, remembered=Remembered())
    async with app.run_test(size=(160, 45)) as pilot:
        await until_seen(app, pilot, "the bench is of another version")


async def test_what_was_told_before_the_bench_was_lost_stays() -> None:
    bench = ConstructedBench()
    async with shown(bench=bench) as (app, pilot):
        bench.close()
        bench.on_lost(BenchLostError("the bench cam0 has ended"))
        screen = await until_seen(app, pilot, "the bench cam0 has ended.")
        assert "✖ bench lost" in screen
        assert "3 open" in screen
        await until_seen(app, pilot, "cam0 is back")


async def test_a_bench_that_falls_silent_is_said_to_be_lost_until_it_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = ConstructedBench()
    async with shown(bench=bench) as (app, pilot):
        monkeypatch.setattr("vmedia_bench.tui.app.SILENT_S", 0.3)
        bench.close()
        screen = await until_seen(app, pilot, "has said nothing for 0.3 s")
        assert "✖ bench lost" in screen
        assert "3 open" in screen
        await bench.subscribe((Topic.SNAPSHOT,))
        await until_seen(app, pilot, "cam0 is back")


async def test_a_session_without_frames_shows_no_picture_of_another() -> None:
    async with shown() as (app, pilot):
        await until_seen(app, pilot, "#1841")
        app.look_at(5)
        assert "▀" not in await until_seen(app, pilot, "No frame yet.")
        app.look_at(None)
        await until_seen(app, pilot, "#1841")


async def test_a_frame_that_cannot_be_shown_takes_the_last_picture_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown() as (app, pilot):
        await until_seen(app, pilot, "#1841")
        pane = app.query_one(PreviewPane)

        async def fail() -> None:
            raise PictureError("too [/] short")

        monkeypatch.setattr(pane, "_fetch_frame", fail)
        await until_seen(app, pilot, "No picture: too [/] short")
        assert "#1841" not in await until_seen(app, pilot, "Preview · no frame yet")


async def test_paused_is_said_without_a_picture_too() -> None:
    async with shown() as (app, pilot):
        await pilot.press("space")
        app.look_at(5)
        await until_seen(app, pilot, "no frame yet · ‖ paused")


async def test_the_cells_of_a_queue_stay_when_its_line_is_long() -> None:
    queue = replace(constructed.queue(), frames=1_234_567_890, dropped=1_234_567)
    async with shown("buffers", constructed.snapshot(queues=(queue,)), (80, 24)) as (app, pilot):
        screen = await until_seen(app, pilot, " 2 ◆ queued      3 ✓ done")
        assert "1,234,567 dropped" in screen


async def test_the_cells_of_32_buffers_are_all_seen() -> None:
    buffers = tuple(constructed.buffer(index, "queued") for index in range(32))
    queue = replace(constructed.queue(), buffers=buffers)
    async with shown("preview", constructed.snapshot(queues=(queue,))) as (app, pilot):
        await until_seen(app, pilot, " 31 ◆ ")


async def test_what_a_ring_shows_below_the_arena_fits_80_columns() -> None:
    async with shown("rings", size=(80, 34)) as (app, pilot):
        legend = next(
            line
            for line in (await until_seen(app, pilot, "freed, still mapped")).splitlines()
            if "still mapped" in line
        )
        assert legend.endswith("· free")


async def test_brackets_are_no_markup() -> None:
    """A closing tag without an opening one would end the workbench."""
    status = constructed.status(card="cam [/]")
    async with shown("backend", constructed.snapshot(status=status)) as (app, pilot):
        await until_seen(app, pilot, "Backend · pattern · cam [/]")
        app.notify("no [/] such file [x]")
        await until_seen(app, pilot, "no [/] such file [x]")
        app.push_screen(AskScreen("name", "", lambda text: f"no {text}"))
        await pilot.press("[", "/", "]", "enter")
        await until_seen(app, pilot, "✖ no [/]")


async def test_ctrl_c_says_which_key_quits() -> None:
    async with shown() as (app, pilot):
        await pilot.press("ctrl+c")
        await until_seen(app, pilot, "q quits.")


def menu(number: int, value: int) -> ControlState:
    """A menu of two entries."""
    entries = (MenuItem(index=0, name="first"), MenuItem(index=1, name="second [/]"))
    return ControlState(
        id=number,
        key=f"menu_{number}",
        name=f"Menu {number}",
        type="MENU",
        value=value,
        minimum=0,
        maximum=1,
        step=1,
        default=0,
        flags=(),
        menu=entries,
    )


async def test_arrows_go_past_a_menu_and_it_offers_its_entries_only() -> None:
    snapshot = constructed.snapshot(controls=(menu(1, 1), menu(2, 0)))
    async with shown("controls", snapshot) as (app, pilot):
        await until_seen(app, pilot, "second [/]")
        first, second = app.query(ControlRow)
        await pilot.pause()
        assert first.has_focus_within
        await pilot.press("down")
        assert second.has_focus_within
        await pilot.press("enter")
        screen = await until_seen(app, pilot, "▲")
        assert "Select" not in screen


async def test_a_menus_value_that_is_no_entry_is_no_mistake() -> None:
    async with shown("controls", constructed.snapshot(controls=(menu(1, 1),))) as (app, pilot):
        await until_seen(app, pilot, "second [/]")
        app.query_one(ControlRow).show(menu(1, 7))
        app.query_one(ControlRow).show(menu(1, 0))
        await until_seen(app, pilot, "first")


async def test_beside_the_controls_of_one_session_all_sessions_are_listed() -> None:
    snapshot = constructed.snapshot(controls=(menu(1, 1),))
    async with shown("controls", snapshot) as (app, pilot):
        app.look_at(3)
        await until_seen(app, pilot, "session 3 chosen")
        view = app.view
        while app.view is view:
            await pilot.pause(0.1)
        screen = await until_seen(app, pilot, "second [/]")
        for state in ("● streaming", "○ open", "✖ failed"):
            assert state in screen


def test_buffers_of_several_queues_are_told_apart() -> None:
    queue = constructed.queue()
    other = replace(queue, session=5, type="VIDEO_OUTPUT_MPLANE")
    rows = buffer_rows(View(constructed.snapshot(queues=(queue, other))), set())
    said = [[cell_text(cell) for cell in row.cells[1:3]] for row in rows]
    assert (said[0], said[5]) == (["CAPTURE", "session 3"], ["OUTPUT MP", "session 5"])
    assert len(rows) == 10


def test_the_age_of_a_copied_timestamp_is_not_known() -> None:
    copied = replace(constructed.buffer(0, "done"), flags=("MAPPED", "TIMESTAMP_COPY"))
    queue = replace(constructed.queue(), buffers=(copied,))
    (row,) = buffer_rows(View(constructed.snapshot(queues=(queue,))), set())
    assert cell_text(row.cells[6]) == "-"


def test_flags_that_no_other_column_tells_stand_first() -> None:
    flags = ("MAPPED", "DONE", "KEYFRAME", "ERROR", "TIMESTAMP_COPY")
    queue = replace(
        constructed.queue(), buffers=(replace(constructed.buffer(0, "done"), flags=flags),)
    )
    (row,) = buffer_rows(View(constructed.snapshot(queues=(queue,))), set())
    assert cell_text(row.cells[-1]) == "KEYFRAME ERROR MAPPED DONE TIMESTAMP_COPY"


def test_both_queues_of_a_codecs_session_fit_their_column() -> None:
    assert queue_text("VIDEO_OUTPUT_MPLANE, VIDEO_CAPTURE_MPLANE") == "OUT+CAP MP"
    assert queue_text("VIDEO_CAPTURE_MPLANE") == "CAPTURE MP"


async def test_a_device_whose_sessions_have_controls_each_is_shown_without_them() -> None:
    class Codec(ConstructedBench):
        async def call(self, name: str, params: object) -> Any:
            """Controls are refused where no session is named."""
            asked = getattr(params, "controls", False) or name == "controls.list"
            if asked and getattr(params, "session", None) is None:
                raise RefusedError(ErrorCode.INVALID_PARAMS, "session: name one")
            return await super().call(name, params)

    snapshot = constructed.snapshot(controls=(menu(1, 1),))
    async with shown("controls", snapshot, bench=Codec(snapshot)) as (app, pilot):
        await until_seen(app, pilot, "3 open")
        await until_seen(app, pilot, "choose a session")
        app.look_at(3)
        assert "choose a session" not in await until_seen(app, pilot, "second [/]")
        app.look_at(None)
        assert "second [/]" not in await until_seen(app, pilot, "choose a session")
