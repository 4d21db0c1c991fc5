"""What guests may expect of any backend, and what this one is for."""

from fractions import Fraction

import pytest
from vmedia_bench.plugin import Cid, Frame
from vmedia_bench.testing import BackendConformance

from vmedia_bench_template import Options, WordCamera


class TestTemplate(BackendConformance):
    backend = "template"
    options = {"size": "160x120", "text": "hi"}


def test_brightness_is_that_of_the_word() -> None:
    camera = WordCamera(Options())
    seen = []
    for brightness in (60, 120, 240):
        camera.control_changed(Cid.BRIGHTNESS, brightness)
        picture = camera.picture(Frame(0, 0, Fraction(1, 30)), (160, 120))
        seen.append(picture.convert("L").getextrema()[1])
    assert seen == sorted(set(seen))


def test_a_text_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="not printable"):
        Options(text="\0")
