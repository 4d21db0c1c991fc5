"""Rules on events, frames and SHMEM_MAP."""

import pytest

from tests.faults.rig import DQBUF, DROP, EVENT, FRAME, SHMEM, Rig, dqbuf_event, v4l2_event
from vmedia_bench.faults.rule import Action, Do, Match, On
from vmedia_bench.wire import media, structs

E0, E1, E2, E3 = (dqbuf_event(index, index) for index in range(4))
LATE = Action(do=Do.DELAY, delay_ms=10)
SWAP = Action(do=Do.REORDER)


def released(rig: Rig) -> list[bytes]:
    return [asked[1] for asked in rig.stage.asked if asked[0] == "release"]  # type: ignore[misc]


def test_an_event_that_no_rule_is_about_goes_as_it_is(rig: Rig) -> None:
    rig.add(Match(on=On.EVENT, event="DQBUF", buffer=1), DROP)
    rig.add(Match(on=On.EVENT, event="EVENT", session=4), DROP)
    assert rig.engine.event(E0) is None
    assert rig.engine.event(v4l2_event()) is None
    assert rig.engine.event(E1) == []
    assert rig.engine.event(v4l2_event(session=4)) == []


def test_dropped_and_doubled(rig: Rig) -> None:
    rig.add(DQBUF, DROP, count=1)
    rig.add(EVENT, Action(do=Do.DUPLICATE), crash=True)
    assert rig.engine.event(E0) == []
    assert rig.engine.event(E1) == [E1, E1]
    assert rig.stage.fired_texts == ["DQBUF of buffer 0 dropped", "DQBUF of buffer 1 sent twice"]


def test_cut_short(rig: Rig) -> None:
    rig.add(DQBUF, Action(do=Do.USED_LENGTH, length=100))
    assert rig.engine.event(E0) == [E0[:100]]


def test_a_late_event_is_kept_back_and_released(rig: Rig) -> None:
    rig.add(DQBUF, LATE)
    assert rig.engine.event(E0) == []
    rig.clock.let_pass(9)
    assert released(rig) == []
    rig.clock.let_pass(1)
    assert released(rig) == [E0]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_late_event_that_is_void_comes_only_where_it_may_crash_the_guest(
    rig: Rig, allowed: bool
) -> None:
    rig.add(DQBUF, LATE, crash=allowed)
    rig.engine.event(E0)
    rig.stage.void.add(E0)
    rig.clock.let_pass(10)
    assert rig.stage.asked == ([("send", E0)] if allowed else [])


def test_events_change_places_in_pairs(rig: Rig) -> None:
    rig.add(DQBUF, SWAP)
    seen = []
    for event in (E0, E1, E2, E3):
        if rig.engine.event(event) is None:
            seen.append(event)
        rig.clock.let_pass()
        seen += released(rig)
        rig.stage.asked.clear()
    assert seen == [E1, E0, E3, E2]


def test_an_event_that_waits_for_another_in_vain_comes_after_a_second(rig: Rig) -> None:
    rig.add(DQBUF, SWAP, count=1)
    assert rig.engine.event(E0) == []
    assert rig.stage.standing
    assert rig.engine.event(dqbuf_event(1, session=9)) is None
    rig.clock.let_pass(1000)
    assert released(rig) == [E0]
    assert not rig.stage.standing


def test_whoever_waits_for_an_event_keeps_the_engine_in_its_place(rig: Rig) -> None:
    rig.add(DQBUF, SWAP, count=1)
    rig.engine.event(E0)
    assert rig.engine.states()[0].spent
    assert rig.engine.event(E1) is None
    assert not rig.stage.standing
    rig.clock.let_pass()
    assert released(rig) == [E0]


def test_metadata_put_by_hand(rig: Rig) -> None:
    action = Action(
        do=Do.FLAG,
        flags=("ERROR", "V4L2_BUF_FLAG_LAST"),
        bytesused=5,
        sequence=9,
        timestamp_ns=1_000_002_000,
    )
    rig.add(DQBUF, action)
    (event,) = rig.engine.event(E0) or ()
    assert len(event) == media.EVENT_DQBUF_SIZE
    values = structs.BUFFER.unpack_from(event, 8)
    assert values[2:4] == (5, 0x2000 | 0x40 | 0x100000)
    assert (values[5], values[6], values[8]) == (1, 2, 9)


def test_bytesused_of_a_multi_planar_buffer_is_in_its_planes(rig: Rig) -> None:
    rig.add(EVENT, Action(do=Do.FLAG, bytesused=5))
    planes = structs.PLANE.pack(70, 100, 0, 0) * 2
    buffer = structs.BUFFER.pack(0, 9, 0, 0, 1, 0, 0, bytes(16), 0, 1, 0, 2, 0)
    head = media.EVENT_HEADER.pack(media.EVT_DQBUF, 3)
    (event,) = rig.engine.event((head + buffer + planes).ljust(608, b"\0")) or ()
    used = [structs.PLANE.unpack_from(event, 96 + 64 * i)[0] for i in range(3)]
    assert used == [5, 5, 0]


def test_only_a_dqbuf_can_be_flagged(rig: Rig) -> None:
    rig.add(EVENT, Action(do=Do.FLAG, sequence=1))
    assert rig.engine.event(v4l2_event()) is None
    assert rig.engine.states()[0].matched == 0


def test_numbers_that_go_on_from_a_given_one_and_wrap(rig: Rig) -> None:
    action = Action(do=Do.FLAG, sequence=0xFFFF_FFFF, timestamp_ns=10**18, running=True)
    rig.add(DQBUF, action)
    sequences, stamps = [], []
    for number in range(3):
        (event,) = rig.engine.event(dqbuf_event(0, 7 + number, stamp_ns=5000 + 1000 * number)) or ()
        values = structs.BUFFER.unpack_from(event, 8)
        sequences.append(values[8])
        stamps.append(values[5] * 10**9 + values[6] * 1000)
    assert sequences == [0xFFFF_FFFF, 0, 1]
    assert stamps == [10**18, 10**18 + 1000, 10**18 + 2000]


def test_frames_are_lost(rig: Rig) -> None:
    rig.add(Match(on=On.FRAME, session=3, type="VIDEO_CAPTURE"), DROP, every=2)
    assert [rig.engine.frame(3, 1) for _ in range(4)] == [True, False, True, False]
    assert rig.engine.frame(4, 1)
    assert rig.engine.frame(3, 9)
    assert rig.engine.states()[0].matched == 4


def test_no_rule_on_frames_loses_none(rig: Rig) -> None:
    rig.add(DQBUF, DROP)
    assert rig.engine.frame(3, 1)
    rig.add(FRAME, DROP)
    assert not rig.engine.frame(3, 1)


class FrontEnd:
    """Who is asked for a mapping, and who asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers: list[bool] = []

    def proceed(self, done: object) -> None:
        self.asked += 1
        done(True)  # type: ignore[operator]


def test_a_mapping_refused_without_asking(rig: Rig) -> None:
    rig.add(SHMEM, Action(do=Do.REFUSE), count=1)
    front_end = FrontEnd()
    rig.engine.shmem_map(front_end.proceed, front_end.answers.append)
    rig.engine.shmem_map(front_end.proceed, front_end.answers.append)
    assert front_end.answers == [False, True]
    assert front_end.asked == 1


@pytest.mark.parametrize(("delay_ms", "after", "answer"), [(50, 50, True), (0, 4000, False)])
def test_a_mapping_stalled_for_a_while_or_for_good(
    rig: Rig, delay_ms: float, after: float, answer: bool
) -> None:
    rig.add(SHMEM, Action(do=Do.STALL, delay_ms=delay_ms))
    front_end = FrontEnd()
    rig.engine.shmem_map(front_end.proceed, front_end.answers.append)
    rig.clock.let_pass(after - 1)
    assert front_end.answers == []
    rig.clock.let_pass(1)
    assert front_end.answers == [answer]
    assert front_end.asked == answer


def test_what_follows_an_event_is_for_its_session(rig: Rig) -> None:
    rig.stage.sessions = (3, 4)
    rig.add(DQBUF, Action(do=Do.SESSION_ERROR, errno="EIO"), skip=1, count=1)
    rig.engine.event(dqbuf_event(0, session=4))
    assert rig.engine.event(dqbuf_event(1, session=4)) is None
    rig.clock.let_pass()
    assert rig.stage.asked == [("fail", 4, 5)]
