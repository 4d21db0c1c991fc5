"""Whatever rules there are and whatever a guest does: nothing raises, nothing is answered twice."""

from contextlib import suppress
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.rig import CLOSE, MMAP, OPEN, Rig, dqbuf_event, ioctl, qbuf, v4l2_event
from vmedia_bench.faults.errors import FaultError
from vmedia_bench.faults.presets import PRESETS
from vmedia_bench.faults.rule import Do, Schedule

RULES = [preset.rule for preset in PRESETS.values()]

schedules = st.builds(
    Schedule,
    count=st.none() | st.integers(1, 3),
    every=st.integers(1, 3),
    skip=st.integers(0, 2),
    probability=st.sampled_from((0.5, 1.0)),
    until_s=st.none() | st.floats(0.01, 0.2),
)
requests = st.sampled_from(
    (qbuf(0), qbuf(3, session=4), ioctl("REQBUFS"), ioctl("S_EXT_CTRLS"), OPEN, CLOSE, MMAP)
) | st.binary(max_size=40)
events = st.sampled_from((dqbuf_event(0), dqbuf_event(1, session=4), v4l2_event()))
acts = st.one_of(
    st.tuples(st.just("command"), requests),
    st.tuples(st.just("event"), events),
    st.tuples(st.just("frame"), st.sampled_from((3, 4))),
    st.tuples(st.just("pass"), st.floats(0, 300)),
    st.tuples(st.just("add"), st.tuples(st.sampled_from(RULES), schedules)),
    st.tuples(st.just("remove"), st.integers(1, 6)),
    st.tuples(st.just("disarm"), st.integers(1, 6)),
    st.tuples(st.just("arm"), st.integers(1, 6)),
    st.tuples(st.just("gone"), st.none()),
)


class World:
    """An engine, and the answers to every command that has come."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.rig.stage.sessions = (3, 4)
        self.answers: list[list[tuple[bytes, int | None]]] = []
        self.guests_gone = 0
        self.released: list[bytes] = []

    def do(self, what: str, value: object) -> None:
        engine = self.rig.engine
        if what == "command":
            assert isinstance(value, bytes)
            before = len(self.rig.executed)
            self.answers.append(self.rig.answers(value))
            assert len(self.rig.executed) <= before + 1
        elif what == "event":
            assert isinstance(value, bytes)
            engine.event(value)
        elif what == "frame":
            assert isinstance(value, int)
            engine.frame(value, 1)
        elif what == "pass":
            assert isinstance(value, float)
            self.rig.clock.let_pass(value)
        elif what == "gone":
            engine.guest_gone()
            self.guests_gone += 1
        else:
            with suppress(FaultError):
                self.change(what, value)

    def change(self, what: str, value: object) -> None:
        engine = self.rig.engine
        if what == "add":
            assert isinstance(value, tuple)
            rule, schedule = value
            engine.add(replace(rule, schedule=schedule), may_crash_guest=True)
        else:
            assert isinstance(value, int)
            {"remove": engine.remove, "arm": engine.arm, "disarm": engine.disarm}[what](value)


@settings(max_examples=200, deadline=None)
@given(st.lists(acts, max_size=40))
def test_a_guest_gets_one_answer_to_each_command_at_most(history: list[tuple[str, object]]) -> None:
    world = World()
    never = any(
        what == "add" and value[0].action.do is Do.NEVER  # type: ignore[index]
        for what, value in history
    )
    for what, value in history:
        world.do(what, value)
        assert world.rig.stage.standing or not any(
            state.armed and state.rule.match.on != "now" for state in world.rig.engine.states()
        )
    world.rig.engine.clear()
    world.rig.clock.let_pass(100_000)
    assert all(len(answers) <= 1 for answers in world.answers)
    if not never and not world.guests_gone:
        assert all(len(answers) == 1 for answers in world.answers)
    assert not world.rig.stage.standing
    assert world.rig.clock.waiting == 0
    assert world.rig.stage.shown == world.rig.stage.own
    rings = (asked for asked in world.rig.stage.asked if asked[0] in {"stop", "resume"})
    assert set({ring: what for what, ring in rings}.values()) <= {"resume"}
