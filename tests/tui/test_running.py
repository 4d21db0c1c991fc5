"""What becomes of the bench when the workbench closes."""

import sys
from collections.abc import Callable

import pytest

from tests.tui.conftest import Bench, Open
from vmedia_bench.cli.app import run
from vmedia_bench.control.names import running_benches
from vmedia_bench.tui.running import Run, farewell
from vmedia_bench.tui.widgets.graphics import find_graphics


def test_a_bench_with_a_vm_runs_on_and_how_to_stop_it_is_said(streaming: Bench) -> None:
    said = farewell(Run(streaming.name, ours=True))
    assert "runs on, with a VM connected" in said
    assert f"vmedia-bench stop --bench {streaming.name} --force" in said
    assert streaming.name in running_benches()


def test_a_bench_of_ours_that_nobody_uses_ends(own_bench: Callable[[str], Bench]) -> None:
    bench = own_bench("ours")
    assert farewell(Run("ours", ours=True)) == ""
    assert bench.process.process.wait(90) == 0


def test_anothers_bench_runs_on(idle: Bench) -> None:
    assert f"stop --bench {idle.name}" in farewell(Run(idle.name, ours=False))
    assert idle.name in running_benches()


def test_without_the_extra_there_are_no_real_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_image", None)
    monkeypatch.setattr("vmedia_bench.tui.widgets.graphics.find_spec", lambda _name: None)
    assert find_graphics() is None


def test_without_the_extra_web_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vmedia_bench.cli.tui.find_spec", lambda _name: None)
    assert run(["web"]) == 5
    assert "pip install 'vmedia-bench[web]'" in capsys.readouterr().err


async def test_leaving_remembers_what_was_on_screen(idle: Bench, workbench: Open) -> None:
    from vmedia_bench.tui.remembered import Remembered

    kept = Remembered()
    async with workbench(idle.name, remembered=kept) as seen:
        await seen.press("l")
        await seen.until(lambda: seen.app.pane.NAME == "log")
        await seen.press("q")
        await seen.until(lambda: kept.active == "log")
    assert kept.theme == "vmedia-dark"
