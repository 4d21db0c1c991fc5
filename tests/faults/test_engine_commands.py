"""Rules on commands: what is answered, executed and counted."""

from collections.abc import Callable

import pytest

from tests.faults.rig import (
    ANSWER,
    CLOSE,
    COMMAND,
    EIO,
    MMAP,
    OPEN,
    QBUF,
    Rig,
    ioctl,
    qbuf,
)
from vmedia_bench.faults.answers import Late
from vmedia_bench.faults.entry import MAX_HELD
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule
from vmedia_bench.wire import media, structs

HEADER_EIO = media.RESP_HEADER.pack(5)
DELAY = Action(do=Do.DELAY, delay_ms=20)


def test_nobody_stands_in_the_way_without_an_armed_rule(rig: Rig) -> None:
    standing = [rig.stage.standing]
    number = rig.add(QBUF, EIO)
    standing.append(rig.stage.standing)
    for change in (rig.engine.disarm, rig.engine.arm, rig.engine.remove):
        change(number)
        standing.append(rig.stage.standing)
    assert standing == [False, True, False, True, False]


def test_a_rule_steps_aside_by_itself_once_it_is_spent(rig: Rig) -> None:
    rig.add(QBUF, EIO, count=1)
    assert rig.answer(qbuf(0)) == HEADER_EIO
    (state,) = rig.engine.states()
    assert (state.armed, state.spent, state.fired) == (False, True, 1)
    assert not rig.stage.standing
    assert rig.answer(qbuf(0)) == ANSWER


def test_an_errno_is_answered_without_executing(rig: Rig) -> None:
    rig.add(QBUF, EIO)
    assert rig.answer(qbuf(0)) == HEADER_EIO
    assert rig.executed == []
    assert rig.stage.fired_texts == ["VIDIOC_QBUF answered EIO"]
    assert rig.stage.fired_sessions == [3]


def test_an_errno_of_controls_brings_the_controls_back_with_error_idx(rig: Rig) -> None:
    rig.add(Match(on=On.COMMAND, ioctl="S_EXT_CTRLS"), EIO)
    controls = b"".join(structs.EXT_CONTROL.pack(cid, 0, 7) for cid in (1, 2))
    head = structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0x7000)
    request = ioctl("S_EXT_CTRLS", payload=head + controls) + bytes(32)
    answer = rig.answer(request)
    assert answer[:8] == HEADER_EIO
    assert structs.EXT_CONTROLS.unpack_from(answer, 8) == (0, 2, 2, 0, 0x7000)
    assert answer[40:] == controls


def test_what_a_rule_is_not_about_is_left_alone(rig: Rig) -> None:
    rig.add(Match(on=On.COMMAND, ioctl="QBUF", session=4), EIO)
    rig.add(Match(on=On.COMMAND, ioctl="QBUF", buffer=2), EIO)
    rig.add(Match(on=On.COMMAND, type="VIDEO_OUTPUT"), EIO)
    for request in (qbuf(0), ioctl("STREAMON"), OPEN, CLOSE, MMAP, b"", b"\1", ioctl("G_FMT")):
        assert rig.answer(request) == ANSWER
    assert rig.answer(qbuf(0, session=4)) == HEADER_EIO
    assert rig.answer(qbuf(2)) == HEADER_EIO
    assert rig.answer(qbuf(0, buf_type=2)) == HEADER_EIO
    assert rig.answer(ioctl("STREAMON", payload=b"\2\0\0\0")) == HEADER_EIO


def test_a_rule_without_a_command_is_about_all_but_those_without_an_answer(rig: Rig) -> None:
    rig.add(COMMAND, EIO)
    for request in (OPEN, MMAP, qbuf(0), ioctl("G_FMT"), media.CMD_HEADER.pack(77, 0)):
        assert rig.answer(request) == HEADER_EIO
    assert rig.answer(CLOSE) == ANSWER


def test_at_most_one_rule_acts_the_first_that_will(rig: Rig) -> None:
    once = rig.add(QBUF, Action(do=Do.ERRNO, errno="EBUSY"), count=1)
    always = rig.add(QBUF, EIO)
    assert rig.answer(qbuf(0)) == media.RESP_HEADER.pack(16)
    assert rig.answer(qbuf(0)) == HEADER_EIO
    assert rig.engine.state(once).matched == 1
    assert rig.engine.state(always).matched == 1


def test_a_late_answer_was_executed_at_once(rig: Rig) -> None:
    rig.add(QBUF, DELAY)
    came = rig.answers(qbuf(0))
    assert rig.executed == [qbuf(0)]
    rig.clock.let_pass(19)
    assert came == []
    rig.clock.let_pass(1)
    assert came == [(ANSWER, None)]


def test_an_answer_may_fail_late(rig: Rig) -> None:
    rig.add(QBUF, Action(do=Do.ERRNO, errno="EIO", delay_ms=5))
    came = rig.answers(qbuf(0))
    rig.clock.let_pass(5)
    assert came == [(HEADER_EIO, None)]


def test_an_answer_that_is_pending_anyway_is_late_too(rig: Rig) -> None:
    rig.add(Match(on=On.COMMAND, command="MMAP"), DELAY)
    own = Late()
    came: list[bytes] = []
    response = rig.engine.command(MMAP, lambda: own)
    assert not isinstance(response, bytes)
    response.then(lambda data, _used=None: came.append(data))
    own.settle(ANSWER)
    assert came == []
    rig.clock.let_pass(20)
    assert came == [ANSWER]


@pytest.mark.parametrize("undo", ["disarm", "remove", "clear"])
def test_what_is_held_back_comes_when_its_rule_goes(rig: Rig, undo: str) -> None:
    number = rig.add(QBUF, DELAY)
    came = rig.answers(qbuf(0))
    undoing: dict[str, Callable[[], object]] = {
        "disarm": lambda: rig.engine.disarm(number),
        "remove": lambda: rig.engine.remove(number),
        "clear": rig.engine.clear,
    }
    undoing[undo]()
    assert came == [(ANSWER, None)]
    assert rig.clock.waiting == 0


def test_what_is_held_back_is_void_when_the_guest_has_gone(rig: Rig) -> None:
    rig.add(QBUF, DELAY)
    came = rig.answers(qbuf(0))
    rig.engine.guest_gone()
    rig.clock.let_pass(100)
    assert came == []


def test_a_guest_cannot_make_a_rule_hold_back_without_bound(rig: Rig) -> None:
    rig.add(QBUF, DELAY)
    came = [rig.answers(qbuf(0)) for _ in range(MAX_HELD + 2)]
    assert [len(answers) for answers in came[:3]] == [1, 1, 0]
    assert rig.clock.waiting == MAX_HELD


def test_never_is_neither_executed_nor_answered(rig: Rig) -> None:
    number = rig.add(QBUF, Action(do=Do.NEVER))
    came = rig.answers(qbuf(0))
    rig.clock.let_pass(100_000)
    rig.engine.remove(number)
    assert came == []
    assert rig.executed == []


def test_a_header_alone(rig: Rig) -> None:
    rig.add(Match(on=On.COMMAND, ioctl="G_FMT"), Action(do=Do.HEADER_ONLY))
    assert rig.answer(ioctl("G_FMT")) == ANSWER[:8]


@pytest.mark.parametrize("length", [0, 7, 1 << 30])
def test_a_wrong_used_length_comes_with_the_right_bytes(rig: Rig, length: int) -> None:
    rig.add(Match(on=On.COMMAND, ioctl="G_FMT"), Action(do=Do.USED_LENGTH, length=length))
    assert rig.answers(ioctl("G_FMT")) == [(ANSWER, length)]


def test_bytes_over_others_and_nothing_beyond_the_end(rig: Rig) -> None:
    match = Match(on=On.COMMAND, ioctl="G_FMT")
    number = rig.add(match, Action(do=Do.CORRUPT, hex="ffee", offset=9))
    assert rig.answer(ioctl("G_FMT")) == ANSWER[:9] + b"\xff\xee" + ANSWER[11:]
    rig.engine.remove(number)
    rig.add(match, Action(do=Do.CORRUPT, hex="ff" * 9, offset=len(ANSWER) - 1))
    assert rig.answer(ioctl("G_FMT")) == ANSWER[:-1] + b"\xff"


def test_a_field_by_its_name(rig: Rig) -> None:
    action = Action(do=Do.CORRUPT, field="fmt.pix.width", value="0x280")
    rig.add(Match(on=On.COMMAND, ioctl="G_FMT"), action)
    answer = media.RESP_HEADER.pack(0) + bytes(208)
    ((changed, _),) = rig.answers(ioctl("G_FMT"), answer)
    assert structs.PIX_FORMAT.unpack_from(changed, 16)[0] == 640


def test_what_follows_a_command_happens_after_it(rig: Rig) -> None:
    action = Action(do=Do.SESSION_ERROR, errno="ENODEV")
    rig.add(Match(on=On.COMMAND, ioctl="STREAMON"), action, count=1)
    assert rig.answer(ioctl("STREAMON")) == ANSWER
    assert rig.stage.asked == []
    rig.clock.let_pass()
    assert rig.stage.asked == [("fail", 3, 19)]
    assert rig.stage.fired_texts == ["EVT_ERROR ENODEV"]
    assert rig.engine.states()[0].spent


def test_all_that_follow_a_command_do_beside_the_one_that_acts_on_it(rig: Rig) -> None:
    rig.add(QBUF, Action(do=Do.EOS))
    rig.add(QBUF, EIO)
    rig.add(QBUF, Action(do=Do.STOP_RING, ring=1))
    assert rig.answer(qbuf(0)) == HEADER_EIO
    rig.clock.let_pass()
    assert [asked[0] for asked in rig.stage.asked] == ["send", "stop"]


def test_a_disarmed_rule_is_kept_and_does_nothing(rig: Rig) -> None:
    rule = Rule(match=QBUF, action=EIO, armed=False)
    state = rig.engine.add(rule)
    assert not state.armed
    assert rig.answer(qbuf(0)) == ANSWER
    rig.engine.arm(state.id)
    assert rig.answer(qbuf(0)) == HEADER_EIO
