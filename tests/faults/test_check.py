"""Rules that make no sense are told so when they are added, field by field."""

import subprocess
import sys
from typing import Any

import pytest

from tests.faults.rig import COMMAND, DQBUF, DROP, EIO, EVENT, FRAME, NOW, QBUF, SHMEM
from vmedia_bench.faults.actions import KINDS
from vmedia_bench.faults.check import checked
from vmedia_bench.faults.describe import rule_text
from vmedia_bench.faults.errors import RuleError
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule

LATE = Action(do=Do.DELAY, delay_ms=5)


def command(**fields: Any) -> Match:
    return Match(on=On.COMMAND, **fields)


@pytest.mark.parametrize(
    ("match", "action", "says"),
    [
        (QBUF, Action(do=Do.ERRNO), "action.errno: errno needs it"),
        (
            QBUF,
            Action(do=Do.ERRNO, errno="EI0"),
            "'EI0' is no errno; did you mean EI",
        ),
        (QBUF, Action(do=Do.ERRNO, errno="0"), "no errno"),
        (QBUF, Action(do=Do.DELAY), "action.delay_ms: delay needs it"),
        (QBUF, Action(do=Do.DELAY, delay_ms=float("nan")), "action.delay_ms: nan"),
        (QBUF, Action(do=Do.DELAY, delay_ms=-1), "not within"),
        (QBUF, Action(do=Do.DROP), "drop does not go with on = command, only with event, frame"),
        (FRAME, EIO, "errno does not go with on = frame, only with command"),
        (NOW, EIO, "only with command"),
        (
            QBUF,
            Action(do=Do.ERRNO, errno="EIO", length=3),
            "length: errno has no use for it",
        ),
        (
            QBUF,
            Action(do=Do.USED_LENGTH, length=1 << 32),
            "length: 4294967296 is not within",
        ),
        (QBUF, Action(do=Do.CORRUPT), "needs field and value, or hex"),
        (QBUF, Action(do=Do.CORRUPT, field="status"), "needs field and value"),
        (QBUF, Action(do=Do.CORRUPT, field="status", value="1", hex="ff"), "either field"),
        (QBUF, Action(do=Do.CORRUPT, hex="fg"), "'fg' is not hexadecimal"),
        (QBUF, Action(do=Do.CORRUPT, hex=""), "it is empty"),
        (NOW, Action(do=Do.CONFIG, hex="00", offset=40), "ends at byte 40, this would end at 41"),
        (QBUF, Action(do=Do.CORRUPT, offset=4), "offset needs it"),
        (QBUF, Action(do=Do.CORRUPT, field="payload.indx", value="1"), "payload.index"),
        (
            QBUF,
            Action(do=Do.CORRUPT, field="field", value="WRONG"),
            "not a value",
        ),
        (command(ioctl="G_FMT"), Action(do=Do.CORRUPT, field="width", value="1"), "buffer type"),
        (command(ioctl="QBUV"), EIO, "match.ioctl: 'QBUV' is no V4L2 ioctl; did you mean QBUF"),
        (command(command="OPNE"), EIO, "match.command: 'OPNE' is no command; did you mean OPEN"),
        (command(command="MMAP", ioctl="QBUF"), EIO, "MMAP is no ioctl"),
        (command(event="DQBUF"), EIO, "match.event: on = command has no use"),
        (command(command="OPEN", session=3), EIO, "OPEN does not say for which session"),
        (command(ioctl="G_INPUT", type="VIDEO_CAPTURE"), EIO, "VIDIOC_G_INPUT has no buffer type"),
        (command(ioctl="STREAMON", buffer=1), EIO, "VIDIOC_STREAMON has no buffer buffer"),
        (command(command="MMAP", buffer=1), EIO, "MMAP has no buffer"),
        (command(type="CAMERA"), EIO, "'CAMERA' is no buffer type"),
        (command(session=-1), EIO, "match.session: -1 is not within"),
        (command(command="CLOSE"), EIO, "CLOSE has no answer"),
        (Match(on=On.EVENT, event="DBUF"), DROP, "'DBUF' is no event; did you mean DQBUF"),
        (Match(on=On.EVENT, event="ERROR", buffer=1), DROP, "only a DQBUF event has a buffer"),
        (Match(on=On.EVENT, event="EVENT"), Action(do=Do.FLAG, sequence=1), "only a DQBUF event"),
        (DQBUF, Action(do=Do.FLAG), "flag needs flags"),
        (DQBUF, Action(do=Do.FLAG, running=True), "flag needs flags"),
        (DQBUF, Action(do=Do.FLAG, flags=("ERR",)), "'ERR' is no buffer flag; did you mean ERROR"),
        (EVENT, Action(do=Do.CORRUPT, hex="ff", delay_ms=3), "cannot be both late and corrupt"),
        (SHMEM, Action(do=Do.STALL, delay_ms=4000), "gives SHMEM_MAP up after 4000 ms"),
        (Match(on=On.NOW, session=3), Action(do=Do.EOS), "use action.session"),
        (NOW, Action(do=Do.CONTROL, control="brightnes", value="1"), "did you mean BRIGHTNESS"),
        (NOW, Action(do=Do.CONTROL, control="brightness", value="much"), "'much' is no number"),
        (NOW, Action(do=Do.CONFIG), "action.card: config needs it, or hex"),
        (NOW, Action(do=Do.CONFIG, card="x" * 33), "more than 32 bytes"),
        (NOW, Action(do=Do.STOP_RING, ring=2), "action.ring: 2 is not within 0 and 1"),
    ],
)
def test_a_wrong_field_is_named(match: Match, action: Action, says: str) -> None:
    with pytest.raises(RuleError) as caught:
        checked(Rule(match=match, action=action))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("match", "schedule", "says"),
    [
        (QBUF, {"count": 0}, "schedule.count: 0"),
        (QBUF, {"every": 0}, "schedule.every: 0"),
        (QBUF, {"skip": -1}, "schedule.skip: -1"),
        (QBUF, {"probability": 1.5}, "schedule.probability: 1.5"),
        (QBUF, {"from_s": float("inf")}, "schedule.from_s: inf"),
        (QBUF, {"from_s": 3, "until_s": 3}, "schedule.until_s: 3 is not after from_s"),
        (NOW, {"every": 2}, "schedule.every: on = now acts once"),
        (NOW, {"count": 2}, "schedule.count: on = now acts once"),
    ],
)
def test_a_wrong_schedule_is_named(match: Match, schedule: dict[str, Any], says: str) -> None:
    action = Action(do=Do.EOS)
    with pytest.raises(RuleError, match=says):
        checked(Rule(match=match, action=action, schedule=Schedule(**schedule)))


def test_every_action_is_declared_with_its_places() -> None:
    assert set(KINDS) == set(Do)


@pytest.mark.parametrize(
    ("match", "action", "schedule", "text"),
    [
        (
            command(ioctl="qbuf", session=3),
            EIO,
            Schedule(count=1),
            "VIDIOC_QBUF of session 3: answer EIO, once",
        ),
        (COMMAND, LATE, Schedule(), "command: 5 ms late"),
        (
            Match(on=On.EVENT, event="DQBUF", buffer=1),
            DROP,
            Schedule(skip=2, every=3, probability=0.5, seed=9, from_s=1),
            "DQBUF event of buffer 1: drop, after 2, one in 3, 0.5 of them (seed 9), from 1 s",
        ),
        (NOW, Action(do=Do.STOP_RING, ring=1), Schedule(), "now: serve the eventq no more"),
    ],
)
def test_a_rule_reads_like_a_sentence(
    match: Match, action: Action, schedule: Schedule, text: str
) -> None:
    assert rule_text(Rule(match=match, action=action, schedule=schedule)) == text


def test_construct_is_imported_only_by_a_rule_that_names_a_field() -> None:
    script = """
import sys
from vmedia_bench.faults.engine import Engine
from vmedia_bench.faults.presets import preset_rule
from vmedia_bench.faults.check import checked
checked(preset_rule("qbuf-error"))
assert "construct" not in sys.modules
checked(preset_rule("wrong-format"))
assert "construct" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
