"""Presets: ready-made rules that make sense."""

import re

import pytest

from tests.faults.rig import Rig
from vmedia_bench.faults.check import checked
from vmedia_bench.faults.errors import RuleError, UnknownPresetError
from vmedia_bench.faults.presets import PRESETS, preset_rule
from vmedia_bench.faults.rule import On


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_rule_that_says_what_it_does(name: str) -> None:
    found = PRESETS[name]
    checked(found.rule)
    assert found.rule.name == found.name == name
    assert re.fullmatch(r"[a-z-]+", found.name)
    assert found.summary.endswith(".")


def test_vivids_error_injection_is_there() -> None:
    assert set(PRESETS) >= {
        "reqbufs-error",
        "qbuf-error",
        "streamon-error",
        "buffer-error",
        "drop-frames",
        "sequence-wrap",
        "timestamp-wrap",
        "disconnect",
    }


def test_a_preset_for_one_session_and_another_number_of_times(rig: Rig) -> None:
    rule = preset_rule("qbuf-error", session=3, count=2)
    assert (rule.match.session, rule.schedule.count) == (3, 2)
    assert rig.engine.add(rule).text == "VIDIOC_QBUF of session 3: answer EINVAL, 2 times"


def test_a_preset_for_now_is_done_to_its_session() -> None:
    rule = preset_rule("eos", session=3)
    assert rule.match.on is On.NOW
    assert rule.action.session == 3


def test_a_preset_that_no_session_can_be_named_for_says_so(rig: Rig) -> None:
    with pytest.raises(RuleError, match="OPEN does not say for which session"):
        rig.engine.add(preset_rule("open-error", session=3))


def test_an_unknown_preset_brings_the_near_ones() -> None:
    with pytest.raises(UnknownPresetError, match=r"did you mean .*qbuf-error") as caught:
        preset_rule("qbuf-eror")
    assert "qbuf-error" in caught.value.near
