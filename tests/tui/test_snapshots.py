"""Screens as text, of a bench that never moves: a change of a screen is a change of a file."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tui import constructed
from tests.tui.cells import screen_text
from tests.tui.constructed import ConstructedBench
from vmedia_bench.control.operations.bench import Snapshot, VmState
from vmedia_bench.tui.app import Workbench
from vmedia_bench.tui.remembered import Remembered

KEPT = Path(__file__).parent / "snapshots"
UPDATE = "VMEDIA_BENCH_UPDATE_SNAPSHOTS"
"""Set in the environment, the files are written instead of compared."""
LIMIT_S = 60.0

SCREENS = {
    "preview": ("preview", constructed.snapshot()),
    "buffers": ("buffers", constructed.snapshot()),
    "sessions": ("sessions", constructed.snapshot()),
    "rings": ("rings", constructed.snapshot()),
    "backend": ("backend", constructed.snapshot()),
    "nothing": (
        "buffers",
        constructed.snapshot(
            status=constructed.status(VmState.WAITING, rings=(), regions=(), mappings=()),
            sessions=(),
            queues=(),
        ),
    ),
}


@pytest.fixture(autouse=True)
def no_vmm_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the waiting screen says depends on the VMMs that are installed."""
    monkeypatch.setenv("PATH", str(tmp_path))


@asynccontextmanager
async def shown(pane: str, snapshot: Snapshot, size: tuple[int, int]) -> AsyncIterator[Workbench]:
    """The workbench on a bench of values."""
    bench = ConstructedBench(snapshot)

    async def connect() -> ConstructedBench:
        return bench

    app = Workbench(connect, remembered=Remembered(active=pane, deck="backend"))
    async with app.run_test(size=size) as pilot:
        limit = asyncio.get_running_loop().time() + LIMIT_S
        last = ""
        while app.view is None or screen_text(app) != last:
            assert asyncio.get_running_loop().time() < limit
            last = screen_text(app)
            await pilot.pause(0.5)
        yield app


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_is_as_it_was(name: str, size: tuple[int, int]) -> None:
    file = KEPT / f"{name}-{size[0]}x{size[1]}.txt"
    async with shown(*SCREENS[name], size) as app:
        text = screen_text(app)
    if os.environ.get(UPDATE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{UPDATE}=1 writes the screens anew"


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (40, 10)])
async def test_a_terminal_that_is_too_small_is_told_so(size: tuple[int, int]) -> None:
    async with shown(*SCREENS["preview"], size) as app:
        text = screen_text(app)
    assert "vmedia-bench needs 80x24 cells." in text
    assert f"This terminal has {size[0]}x{size[1]}." in text


async def test_the_largest_screen_holds_everything() -> None:
    async with shown(*SCREENS["rings"], (200, 60)) as app:
        text = screen_text(app)
    for part in ("Sessions · 3 open", "Buffers · 4 in 1 queue", "Preview", "Rings · 2 of 2 run"):
        assert part in text
