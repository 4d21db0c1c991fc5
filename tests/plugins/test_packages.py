"""The packages in plugins/: installed, listed, tested by their own tests, served to a guest."""

import json
from pathlib import Path

import pytest

from tests.plugins.installed import NAMES, PLUGINS, ROOT, install, run
from vmedia_bench.backends import BACKENDS, backends, plugins
from vmedia_bench.guest.stream import Stream
from vmedia_bench.testing import Served, guest_session
from vmedia_bench.wire.v4l2 import BufType

CAMERAS = ("template", "webcam-grid")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they were installed."""
    folder = tmp_path_factory.mktemp("site")
    install(folder)
    return folder


@pytest.fixture
def registry(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry of a process that has them."""
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setattr(plugins, "_known", {})


@pytest.mark.usefixtures("registry")
def test_all_are_in_the_registry_and_options_have_help() -> None:
    found = backends()
    assert list(found) == [*BACKENDS, *NAMES]
    for name in NAMES:
        assert found[name].origin == f"vmedia-bench-{name} 0.1.0"
        assert all(option.help for option in found[name].options())
    assert [name for name in NAMES if not found[name].unusable()] == list(CAMERAS)
    assert "Cython before 3" in found["pyv4l2"].unusable()


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("name", CAMERAS)
def test_a_guest_streams_from_it(name: str) -> None:
    maker = backends()[name].build_from_text({"size": "320x240"})
    with Served(maker) as served, guest_session(served) as session:
        with Stream(session, BufType.VIDEO_CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            frames = [bytes(frame.planes[0]) for frame in stream.frames(4)]
        assert stream.violations == []
        assert len(set(frames)) > 1, "nothing moves"
    assert served.failures == []


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(installed: Path, name: str) -> None:
    run(installed, "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=PLUGINS / name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_as_strictly_typed_as_the_project(installed: Path, name: str) -> None:
    cache = f"--cache-dir={installed.parent / 'mypy'}"
    run(installed, "mypy", "--no-error-summary", cache, "src", "tests", cwd=PLUGINS / name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_documented_is_declared(name: str) -> None:
    readme = (PLUGINS / name / "README.md").read_text()
    assert readme.startswith("# ")
    assert "vmedia-bench" in readme


def test_the_command_line_lists_them(installed: Path) -> None:
    listed = run(installed, "vmedia_bench", "plugins", "list", "--format", "json", cwd=ROOT)
    assert [row["name"] for row in json.loads(listed)["plugins"]] == list(NAMES)
