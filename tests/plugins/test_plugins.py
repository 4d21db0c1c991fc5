"""Backends that other packages bring: found, described, opened; and broken ones."""

import logging
import sys

import pytest

from tests.plugins.packages import GREY, Packages
from vmedia_bench.backends import BACKENDS, Option, backend, backends, plugins
from vmedia_bench.backends.worker import WorkerError
from vmedia_bench.backends.worker.source import WorkerSource
from vmedia_bench.guest.stream import Stream
from vmedia_bench.testing import Served, guest_session
from vmedia_bench.v4l2.source import VideoSource
from vmedia_bench.wire.v4l2 import BufType


def grey(body: str) -> str:
    """The grey plugin with another body of its class."""
    start = GREY.index("class Grey(Plugin):")
    return GREY[:start] + f"class Grey(Plugin):\n{body}"


def test_without_plugins_there_are_the_built_in_backends(packages: Packages) -> None:
    assert list(backends()) == list(BACKENDS)


def test_a_plugin_is_listed_with_who_brought_it(packages: Packages) -> None:
    packages.add("grey_camera", GREY, {"grey": "grey_camera:Grey"}, version="2.3")
    assert list(backends()) == [*BACKENDS, "grey"]
    found = backend("grey")
    assert found is backends()["grey"]
    assert (found.summary, found.kind) == ("A grey picture.", "capture")
    assert found.origin == "grey_camera 2.3"
    assert found.unusable() == ""
    assert found.options() == (
        Option("shade", "int", "128", "How bright, 0 to 255."),
        Option("mood", "choice", "calm", "How it feels.", ("calm", "wild")),
    )
    assert "grey_camera" not in sys.modules


def test_its_source_runs_in_a_process_of_its_own(packages: Packages) -> None:
    packages.add("grey_camera", GREY, {"grey": "grey_camera:Grey"})
    maker = backend("grey").build_from_text({"shade": "0x30"})
    assert isinstance(maker, WorkerSource)
    assert "grey_camera" not in sys.modules
    with Served(maker) as served, guest_session(served) as session:
        assert maker.card == "grey plugin"
        with Stream(session, BufType.VIDEO_CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            for frame in stream.frames(3):
                assert bytes(frame.planes[0]) == b"\x30" * (64 * 48)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ({"shade": "300"}, "shade 300: not 0 to 255"),
        ({"shade": "dark"}, "shade 'dark': not a whole number"),
        ({"hue": "1"}, "hue: not an option; there are shade, mood"),
    ],
)
def test_a_wrong_option_is_refused_as_by_any_backend(
    packages: Packages, text: dict[str, str], why: str
) -> None:
    packages.add("grey_camera", GREY, {"grey": "grey_camera:Grey"})
    with pytest.raises(ValueError, match=why):
        backend("grey").build_from_text(text)


def test_one_that_says_so_runs_in_the_bench(packages: Packages) -> None:
    code = grey(
        """
    api_version = 1

    def describe(self):
        return Description("Inside.", options=Options, isolated=False)

    def open(self, options):
        return Source(options.shade)
"""
    )
    packages.add("inner_camera", code, {"inner": "inner_camera:Grey"})
    maker = backend("inner").build(shade=3)
    assert isinstance(maker, VideoSource)
    assert not isinstance(maker, WorkerSource)
    del sys.modules["inner_camera"]


BROKEN = {
    "missing module": ("import cv9", "it needs the module cv9, which is not installed"),
    "syntax": ("def f(:", "SyntaxError: invalid syntax"),
    "raises": ("raise RuntimeError('no')", r"RuntimeError: no \(while bad:Grey was loaded\)"),
    "dies": ("import os; os._exit(4)", "its process ended with exit code 4"),
    "no plugin": ("Grey = 5", "bad:Grey is no subclass of vmedia_bench.plugin.Plugin"),
    "nothing": ("", "AttributeError: module 'bad' has no attribute 'Grey'"),
    "no version": (
        grey("    def describe(self): ...\n    def open(self, options): ...\n"),
        "does not say which plugin API it was written for: api_version = 1",
    ),
    "newer": (
        GREY.replace("api_version = 1", "api_version = 9"),
        "written for plugin API 9, and this is 1: update this vmedia-bench",
    ),
    "older": (GREY.replace("api_version = 1", "api_version = 0"), "0, and this is 1: update the"),
    "no open": (
        grey("    api_version = 1\n    def describe(self): ...\n"),
        "TypeError: Can't instantiate abstract class",
    ),
    "describes nothing": (
        grey(
            "    api_version = 1\n    def describe(self): ...\n    def open(self, options): ...\n"
        ),
        "TypeError: describe.. gives no Description .while it was asked what it is",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_an_entry_that_says_why(
    packages: Packages, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    code, why = BROKEN[case]
    packages.add("bad", code, {"bad": "bad:Grey"})
    packages.add("grey_camera", GREY, {"grey": "grey_camera:Grey"})
    with caplog.at_level(logging.INFO):
        found = backends()
    assert list(found) == [*BACKENDS, "bad", "grey"]
    reason = found["bad"].unusable()
    with pytest.raises(WorkerError, match=why):
        found["bad"].build()
    assert reason.endswith("; update or remove bad 1.0")
    assert "\n" not in reason
    assert found["bad"].options() == ()
    assert found["grey"].unusable() == ""
    assert "plugin bad cannot be loaded: " in caplog.text


def test_a_plugin_that_blocks_is_waited_for_a_little(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "DESCRIBE_LIMIT_S", 0.3)
    packages.add("bad", "import time; time.sleep(3600)", {"bad": "bad:Grey"})
    assert "its process gave no answer in 0." in backend("bad").unusable()


def test_one_that_cannot_run_here_says_so_itself(packages: Packages) -> None:
    code = GREY + "\n    def unusable(self):\n        return 'no camera: plug one in'\n"
    packages.add("grey_camera", code, {"grey": "grey_camera:Grey"})
    found = backend("grey")
    assert found.unusable() == "no camera: plug one in"
    assert [option.name for option in found.options()] == ["shade", "mood"]


def test_the_first_of_a_name_counts_and_a_built_in_one_before_all(
    packages: Packages, caplog: pytest.LogCaptureFixture
) -> None:
    packages.add("one", GREY, {"grey": "one:Grey", "pattern": "one:Grey"})
    packages.add("two", GREY, {"grey": "two:Grey"})
    with caplog.at_level(logging.INFO):
        found = backends()
    assert found["pattern"] is BACKENDS["pattern"]
    assert found["grey"].origin in {"one 1.0", "two 1.0"}
    assert "one 1.0 brings a backend 'pattern', and so does vmedia-bench itself" in caplog.text
    assert "brings a backend 'grey', and so does" in caplog.text


def test_what_is_known_is_not_asked_again(packages: Packages) -> None:
    packages.add("grey_camera", GREY, {"grey": "grey_camera:Grey"})
    assert backends()["grey"] is backends()["grey"]


def test_one_that_cannot_be_opened_says_why(packages: Packages) -> None:
    code = GREY.replace("return Source(options.shade)", "raise OSError('the lens cap is on')")
    packages.add("grey_camera", code, {"grey": "grey_camera:Grey"})
    with pytest.raises(WorkerError, match=r"^the lens cap is on$"):
        backend("grey").build()
