"""What the preview says while it has no picture to show."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.tui.cells import screen_text
from tests.tui.constructed import ConstructedBench
from vmedia_bench.picture.format import PictureError
from vmedia_bench.tui.app import Workbench
from vmedia_bench.tui.panes.preview import PreviewPane
from vmedia_bench.tui.remembered import Remembered

ROUNDS = 300


@asynccontextmanager
async def shown() -> AsyncIterator[tuple[Workbench, Pilot[None]]]:
    """The workbench on a bench of values, with its picture on screen."""
    bench = ConstructedBench()

    async def connect() -> ConstructedBench:
        return bench

    app = Workbench(connect, remembered=Remembered(active="preview", deck="backend"))
    async with app.run_test(size=(160, 45)) as pilot:
        await until_seen(app, pilot, "#1841")
        yield app, pilot


async def until_seen(app: Workbench, pilot: Pilot[None], text: str) -> str:
    """Wait until it is on screen; gives the screen."""
    for _ in range(ROUNDS):
        if text in screen_text(app):
            return screen_text(app)
        await pilot.pause(0.1)
    raise AssertionError(f"{text} did not come:\n{screen_text(app)}")


async def test_a_session_without_frames_shows_no_picture_of_another() -> None:
    async with shown() as (app, pilot):
        app.look_at(5)
        assert "▀" not in await until_seen(app, pilot, "No frame yet.")
        app.look_at(None)
        await until_seen(app, pilot, "#1841")


async def test_a_frame_that_cannot_be_shown_takes_the_last_picture_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shown() as (app, pilot):
        pane = app.query_one(PreviewPane)

        async def fail() -> None:
            raise PictureError("too [/] short")

        monkeypatch.setattr(pane, "_fetch_frame", fail)
        assert "#1841" not in await until_seen(app, pilot, "No picture: too [/] short")


async def test_paused_is_said_without_a_picture_too() -> None:
    async with shown() as (app, pilot):
        await pilot.press("space")
        app.look_at(5)
        await until_seen(app, pilot, "no frame yet · ‖ paused")
