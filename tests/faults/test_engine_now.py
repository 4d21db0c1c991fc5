"""Rules that act on their own."""

import pytest

from tests.faults.rig import COMMAND, EIO, NOW, QBUF, Rig, qbuf
from vmedia_bench.faults.engine import MAX_RULES
from vmedia_bench.faults.errors import (
    CrashRefusedError,
    RuleError,
    SessionNotOpenError,
    UnknownFaultError,
)
from vmedia_bench.faults.rule import Action, Do, Rule
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.controls import Cid


def sent(rig: Rig) -> list[bytes]:
    return [asked[1] for asked in rig.stage.asked if asked[0] == "send"]  # type: ignore[misc]


def test_a_rule_for_now_acts_once_and_is_spent(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.SESSION_ERROR, session=3, errno="EIO"))
    state = rig.engine.state(number)
    assert (state.armed, state.spent, state.matched, state.fired) == (False, True, 1, 1)
    assert rig.stage.asked == [("fail", 3, 5)]
    assert not rig.stage.standing
    rig.engine.arm(number)
    assert rig.stage.asked == [("fail", 3, 5)] * 2


def test_without_a_session_it_is_for_all(rig: Rig) -> None:
    rig.stage.sessions = (3, 7)
    rig.add(NOW, Action(do=Do.EOS))
    assert [media.EVENT_HEADER.unpack_from(event) for event in sent(rig)] == [(2, 3), (2, 7)]
    assert all(structs.EVENT.unpack_from(event, 8)[0] == 2 for event in sent(rig))


def test_an_unknown_session_is_told_and_the_rule_not_kept(rig: Rig) -> None:
    rig.stage.sessions = (3, 7)
    with pytest.raises(SessionNotOpenError, match="session 9 is not open; open: 3, 7") as caught:
        rig.add(NOW, Action(do=Do.EOS, session=9))
    assert caught.value.open == (3, 7)
    rig.stage.sessions = ()
    with pytest.raises(SessionNotOpenError, match="no session is open"):
        rig.add(NOW, Action(do=Do.EOS))
    assert rig.engine.states() == ()


def test_a_session_that_has_closed_meanwhile_is_told_where_it_is_seen(rig: Rig) -> None:
    rig.add(NOW, Action(do=Do.EOS, session=9), from_s=1)
    rig.clock.let_pass(1000)
    assert rig.stage.fired_texts == ["nothing done: session 9 is not open; open: 3"]


def test_later_than_now(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.EOS), from_s=2)
    assert rig.engine.state(number).armed
    rig.clock.let_pass(1999)
    assert sent(rig) == []
    rig.clock.let_pass(1)
    assert len(sent(rig)) == 1
    assert rig.engine.state(number).spent


def test_later_than_now_can_be_called_off(rig: Rig) -> None:
    rig.engine.disarm(rig.add(NOW, Action(do=Do.EOS), from_s=2))
    rig.clock.let_pass(5000)
    assert sent(rig) == []


def test_a_dqbuf_nobody_asked_for(rig: Rig) -> None:
    action = Action(
        do=Do.DQBUF,
        buffer=2,
        bytesused=7,
        sequence=4,
        flags=("ERROR",),
        type="VIDEO_CAPTURE_MPLANE",
    )
    rig.add(NOW, action, crash=True)
    (event,) = sent(rig)
    assert len(event) == media.EVENT_DQBUF_SIZE
    values = structs.BUFFER.unpack_from(event, 8)
    assert (values[:4], values[8], values[11]) == ((2, 9, 7, 0x40), 4, 1)
    assert structs.PLANE.unpack_from(event, 96)[0] == 7


def test_a_source_change_and_a_control(rig: Rig) -> None:
    rig.add(NOW, Action(do=Do.SOURCE_CHANGE))
    rig.add(NOW, Action(do=Do.CONTROL, control="brightness", value="-5"))
    change, control = (structs.EVENT.unpack_from(event, 8) for event in sent(rig))
    assert (change[0], change[1][:4]) == (5, b"\1\0\0\0")
    assert (control[0], control[-1]) == (3, Cid.BRIGHTNESS)
    assert structs.EVENT_CTRL.unpack_from(control[1])[:3] == (1, 1, -5)


def test_a_ring_stands_still_until_its_rule_goes(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.STOP_RING, ring=1))
    assert rig.stage.asked == [("stop", 1)]
    state = rig.engine.state(number)
    assert (state.armed, state.spent) == (True, False)
    rig.engine.disarm(number)
    assert rig.stage.asked == [("stop", 1), ("resume", 1)]
    rig.engine.remove(number)
    assert len(rig.stage.asked) == 2


def test_a_ring_stands_still_for_a_time(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.STOP_RING, ring=0, delay_ms=100))
    rig.engine.guest_gone()
    rig.clock.let_pass(100)
    assert rig.stage.asked == [("stop", 0), ("resume", 0)]
    assert rig.engine.state(number).spent


def test_a_ring_stopped_by_a_command_is_not_stopped_twice(rig: Rig) -> None:
    rig.add(QBUF, Action(do=Do.STOP_RING, ring=1, delay_ms=100), count=2)
    for _ in range(3):
        rig.answers(qbuf(0))
        rig.clock.let_pass()
    assert rig.stage.asked == [("stop", 1)]
    rig.clock.let_pass(100)
    rig.answers(qbuf(0))
    rig.clock.let_pass(100)
    assert rig.stage.asked == [("stop", 1), ("resume", 1)] * 2
    assert rig.engine.states()[0].spent


def test_another_config_space_until_the_rule_goes(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.CONFIG, card="Other"))
    assert media.CONFIG.unpack(rig.stage.shown) == (1, 0, b"Other".ljust(32, b"\0"))
    rig.engine.disarm(number)
    assert rig.stage.shown == rig.stage.own
    rig.add(NOW, Action(do=Do.CONFIG, hex="ff000000", offset=4))
    assert media.CONFIG.unpack(rig.stage.shown)[:2] == (1, 255)


def test_a_ring_goes_on_when_the_last_of_its_rules_goes(rig: Rig) -> None:
    first = rig.add(NOW, Action(do=Do.STOP_RING, ring=1))
    second = rig.add(NOW, Action(do=Do.STOP_RING, ring=1))
    other = rig.add(NOW, Action(do=Do.STOP_RING, ring=0, delay_ms=100))
    rig.stage.asked.clear()
    rig.engine.remove(first)
    assert rig.stage.asked == []
    rig.engine.remove(second)
    assert rig.stage.asked == [("resume", 1)]
    rig.engine.remove(other)
    assert rig.stage.asked == [("resume", 1), ("resume", 0)]


def test_of_two_changes_of_the_config_space_the_other_one_stays(rig: Rig) -> None:
    first = rig.add(NOW, Action(do=Do.CONFIG, card="Other"))
    rig.add(NOW, Action(do=Do.CONFIG, hex="ff000000", offset=4))
    rig.engine.remove(first)
    assert media.CONFIG.unpack(rig.stage.shown) == (1, 255, rig.stage.card.ljust(32, b"\0"))


def test_a_connection_is_closed(rig: Rig) -> None:
    rig.add(NOW, Action(do=Do.DISCONNECT), crash=True)
    assert rig.stage.asked == [("disconnect", "fault 1: close the connection")]


def test_a_rule_that_may_crash_the_guest_needs_leave(rig: Rig) -> None:
    with pytest.raises(CrashRefusedError, match="QEMU aborts") as caught:
        rig.add(NOW, Action(do=Do.DISCONNECT))
    assert caught.value.reason.startswith("QEMU")
    assert rig.engine.states() == ()


def test_an_error_for_a_session_needs_no_leave_but_is_told(rig: Rig) -> None:
    number = rig.add(NOW, Action(do=Do.SESSION_ERROR, session=3, errno="EIO"))
    assert "frees a session" in rig.engine.state(number).may_crash_guest


def test_an_unknown_rule_lists_those_there_are(rig: Rig) -> None:
    rig.add(QBUF, EIO)
    for ask in (rig.engine.remove, rig.engine.arm, rig.engine.disarm, rig.engine.state):
        with pytest.raises(UnknownFaultError, match="no fault 7; there are 1"):
            ask(7)


def test_spent_rules_make_room_and_others_do_not(rig: Rig) -> None:
    first = rig.add(NOW, Action(do=Do.EOS))
    for _ in range(MAX_RULES - 1):
        rig.add(COMMAND, EIO)
    last = rig.add(COMMAND, EIO)
    known = {state.id for state in rig.engine.states()}
    assert len(known) == MAX_RULES
    assert first not in known
    assert last == MAX_RULES + 1
    with pytest.raises(RuleError, match="256 rules already"):
        rig.engine.add(Rule(match=COMMAND, action=EIO))
