"""What stands where: every row of a terminal belongs to something, at every size."""

import pytest

from tests.tui.cells import screen_text
from tests.tui.test_still_screens import shown, until_seen

WIDE, NARROW, TOO_SMALL = (160, 45), (80, 24), (60, 20)


@pytest.mark.parametrize("pane", ["sessions", "preview", "backend"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_pane_alone_has_all_but_three_rows(pane: str, size: tuple[int, int]) -> None:
    async with shown(pane, size=size) as (app, pilot):
        await pilot.press("z")
        await pilot.pause()
        assert tuple(app.panes[pane].region) == (0, 2, size[0], size[1] - 3)


@pytest.mark.parametrize("pane", ["preview", "backend"])
async def test_on_a_small_terminal_a_pane_has_what_the_sessions_leave(pane: str) -> None:
    async with shown(pane, size=NARROW) as (app, _pilot):
        assert tuple(app.panes["sessions"].region) == (0, 2, 80, 6)
        assert tuple(app.panes[pane].region) == (0, 8, 80, 15)


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("pane", ["sessions", "preview", "backend"])
async def test_a_terminal_that_gets_too_small_says_so_and_nothing_else(
    pane: str, size: tuple[int, int]
) -> None:
    async with shown(pane, size=size) as (app, pilot):
        before = [tuple(each.region) for each in app.panes.values() if each.display]
        await pilot.resize_terminal(*TOO_SMALL)
        await until_seen(app, pilot, "needs 80x24")
        words = " ".join(screen_text(app).split())
        assert words == "vmedia-bench needs 80x24 cells. This terminal has 60x20."
        await pilot.resize_terminal(*size)
        await until_seen(app, pilot, "cam0")
        await pilot.pause()
        assert [tuple(each.region) for each in app.panes.values() if each.display] == before
