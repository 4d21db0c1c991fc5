"""The last line: keys to read and to click."""

import gc
from collections import Counter

from textual.widget import Widget

from tests.tui.conftest import Bench, Open, Seen
from vmedia_bench.tui.screens.help import HelpScreen
from vmedia_bench.tui.widgets.key_hints import KeyHints


async def settled(seen: Seen) -> None:
    """Wait until the keys of the pane in front stand before those of all panes."""
    await seen.until(lambda: "⏎ Copy" in seen.screen() and "? Help ^p Palette" in seen.screen())


async def test_a_click_on_a_key_presses_it(idle: Bench, workbench: Open) -> None:
    async with workbench(idle.name) as seen:
        await settled(seen)
        line = seen.screen().splitlines()[-1]
        await seen.pilot.click(KeyHints, offset=(line.index("? Help") + 3, 0))
        await seen.until(lambda: isinstance(seen.app.screen, HelpScreen))


async def test_a_click_between_two_keys_presses_none(idle: Bench, workbench: Open) -> None:
    async with workbench(idle.name) as seen:
        await settled(seen)
        line = seen.screen().splitlines()[-1]
        await seen.pilot.click(KeyHints, offset=(line.index("? Help") + len("? Help"), 0))
        await seen.press("8")
        await seen.until_seen("Guest memory")
        assert not isinstance(seen.app.screen, HelpScreen)


async def test_it_names_the_keys_of_the_pane_in_front(idle: Bench, workbench: Open) -> None:
    async with workbench(idle.name, (160, 45)) as seen:
        await seen.press("4")
        await seen.until_seen("Follow")
        await seen.press("8")
        await seen.until(lambda: "Follow" not in seen.screen().splitlines()[-1])


def _widgets() -> Counter[str]:
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, Widget))


async def test_going_to_and_fro_leaves_no_widgets_behind(idle: Bench, workbench: Open) -> None:
    """A workbench is kept open for days."""
    async with workbench(idle.name) as seen:
        for pane in ("Guest memory", "following"):
            await seen.press("8" if pane == "Guest memory" else "4")
            await seen.until_seen(pane)
        before = _widgets()
        for _ in range(5):
            await seen.press("8")
            await seen.until_seen("Guest memory")
            await seen.press("4")
            await seen.until_seen("following")
        assert _widgets() - before == Counter()
