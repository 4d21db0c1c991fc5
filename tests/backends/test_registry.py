"""Backends are found by name, and cost nothing until they are built."""

import subprocess
import sys
from fractions import Fraction

import pytest

from vmedia_bench.backends import BACKENDS, backend, backends
from vmedia_bench.backends.pattern.formats import INTERVALS
from vmedia_bench.v4l2.source import Frame, VideoSource
from vmedia_bench.wire.v4l2 import BufType, fourcc


def pattern(**options: object) -> VideoSource:
    source = BACKENDS["pattern"].build(**options)
    assert isinstance(source, VideoSource)
    return source


def test_pattern_is_built_from_options_by_name() -> None:
    source = pattern(
        size=(1280, 720), format="NM12", fps=60, pattern="noise", mplane=True, card="cam"
    )
    assert source.default_format(BufType.VIDEO_CAPTURE_MPLANE) == (fourcc("NM12"), 1280, 720)
    assert source.default_interval() == Fraction(1, 60)
    assert (source.card, source.paced) == ("cam", True)


def test_zero_fps_is_unpaced() -> None:
    source = pattern(fps=0)
    assert not source.paced
    assert source.default_interval() in INTERVALS


def test_the_first_format_is_the_default_one() -> None:
    source = pattern()
    assert source.default_format(BufType.VIDEO_CAPTURE) == (fourcc("YUYV"), 640, 480)
    assert source.intervals(fourcc("YUYV"), 640, 480) == INTERVALS
    assert (min(INTERVALS), max(INTERVALS)) == (Fraction(1, 120), Fraction(1))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"pattern": "bars"}, "smpte"),
        ({"format": "NM12"}, "NV12"),
        ({"format": "H264"}, "YUYV"),
        ({"size": (641, 480)}, "640x480"),
        ({"fps": 240}, "120"),
        ({"fps": -1}, "120"),
        ({"motion": 3}, "even"),
        ({"motion": 100}, "64"),
        ({"colour": 1 << 24}, "0xffffff"),
        ({"card": "x" * 33}, "32 bytes"),
    ],
)
def test_refusals_name_what_there_is(options: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        pattern(**options)


def test_every_option_has_help_and_a_default_that_is_text() -> None:
    for entry in BACKENDS.values():
        for option in entry.options():
            assert option.help
            assert option.required or isinstance(option.default, str)


def test_a_backend_is_built_from_text() -> None:
    source = BACKENDS["pattern"].build_from_text({"size": "320x240", "fps": "25", "text": "no"})
    assert isinstance(source, VideoSource)
    assert source.default_format(BufType.VIDEO_CAPTURE) == (fourcc("YUYV"), 320, 240)
    assert source.default_interval() == Fraction(1, 25)


def test_text_that_is_no_value_is_named_with_its_option() -> None:
    with pytest.raises(ValueError, match="size '640': not a size such as 640x480"):
        BACKENDS["pattern"].build_from_text({"size": "640"})
    with pytest.raises(ValueError, match="pattern 'bars': not one of smpte, box"):
        BACKENDS["pattern"].build_from_text({"pattern": "bars"})


def test_the_registry_lists_the_built_in_ones_first() -> None:
    assert list(backends())[: len(BACKENDS)] == list(BACKENDS)
    assert backend("pattern") is BACKENDS["pattern"]
    with pytest.raises(KeyError):
        backend("none")


def test_a_backend_that_can_run_has_nothing_to_say() -> None:
    assert BACKENDS["pattern"].unusable() == ""


def test_a_source_that_is_not_started_has_no_frame() -> None:
    source = pattern()
    assert source.fill(Frame(0, 0, Fraction(1, 30)), []) is None


def test_listing_options_imports_no_numpy_and_building_no_pillow() -> None:
    code = (
        "import sys; from vmedia_bench.backends import BACKENDS as b;"
        "b['pattern'].options(); assert 'numpy' not in sys.modules;"
        "b['pattern'].build(); assert 'numpy' in sys.modules; assert 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
