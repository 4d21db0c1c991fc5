"""What is kept from run to run."""

from pathlib import Path

import pytest

from vmedia_bench.tui.keys import known_actions
from vmedia_bench.tui.remembered import Remembered, load, save


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tui.json"
    kept = Remembered(theme="nord", active="log", zoomed=True, filters={"commands": "status != 0"})
    save(path, kept)
    assert load(path) == kept


@pytest.mark.parametrize("text", ["", "[]", "{", '{"theme": 3, "active": ["x"]}'])
def test_nonsense_is_as_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    path.write_text(text)
    assert load(path) == Remembered()


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    save(tmp_path / "file" / "tui.json", Remembered())


def test_every_action_has_a_name_and_a_key() -> None:
    known = known_actions()
    assert {"app.quit", "app.help", "trace.mark", "preview.zoom-in", "go.log"} <= set(known)
    assert all(keys and about for keys, about in known.values())
