"""Schedules: which of its matches a rule acts on."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.rig import EIO, QBUF, Rig, qbuf
from vmedia_bench.faults.rule import Schedule
from vmedia_bench.faults.schedule import NS, Course


def chosen(schedule: Schedule, matches: int) -> list[int]:
    """The matches it acts on, counted from 1."""
    course = Course(schedule, 0)
    return [number for number in range(1, matches + 1) if course.chooses()]


@pytest.mark.parametrize(
    ("schedule", "acts_on"),
    [
        (Schedule(), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Schedule(count=1), [1]),
        (Schedule(count=3), [1, 2, 3]),
        (Schedule(every=3), [3, 6]),
        (Schedule(skip=5), [6, 7, 8]),
        (Schedule(skip=2, every=2, count=2), [4, 6]),
        (Schedule(probability=0), []),
    ],
)
def test_which_matches_are_acted_on(schedule: Schedule, acts_on: list[int]) -> None:
    assert chosen(schedule, 8) == acts_on


schedules = st.builds(
    Schedule,
    count=st.none() | st.integers(1, 20),
    every=st.integers(1, 7),
    skip=st.integers(0, 9),
    probability=st.floats(0, 1),
    seed=st.integers(),
)


@settings(deadline=None)
@given(schedules, st.integers(0, 200))
def test_a_schedule_chooses_the_same_each_time(schedule: Schedule, matches: int) -> None:
    assert chosen(schedule, matches) == chosen(schedule, matches)


@settings(deadline=None)
@given(schedules, st.integers(0, 200))
def test_what_is_chosen_obeys_count_every_and_skip(schedule: Schedule, matches: int) -> None:
    acted = chosen(schedule, matches)
    assert all(at > schedule.skip and (at - schedule.skip) % schedule.every == 0 for at in acted)
    if schedule.count is not None:
        assert len(acted) <= schedule.count


@settings(deadline=None)
@given(schedules, st.integers(0, 100), st.integers(0, 100))
def test_what_comes_later_changes_nothing_before(schedule: Schedule, few: int, more: int) -> None:
    some = chosen(schedule, few)
    assert list(islice(chosen(schedule, few + more), len(some))) == some


@settings(deadline=None)
@given(schedules, st.integers(0, 200))
def test_it_is_spent_exactly_when_its_count_is_used_up(schedule: Schedule, matches: int) -> None:
    course = Course(schedule, 0)
    acted = sum(course.chooses() for _ in range(matches))
    assert course.spent(0) == (acted == schedule.count)
    if course.spent(0):
        assert not course.chooses()


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.integers())
def test_a_probability_is_met_about(probability: float, seed: int) -> None:
    acted = len(chosen(Schedule(probability=probability, seed=seed), 2000))
    assert abs(acted / 2000 - probability) < 0.08


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 3000))
def test_it_looks_only_within_its_time(begin: int, length: int, now: int) -> None:
    schedule = Schedule(from_s=begin / 1000, until_s=(begin + length) / 1000)
    course = Course(schedule, 5 * NS)
    moment = 5 * NS + now * 1_000_000
    assert course.looks(moment) == (begin <= now < begin + length)
    assert course.spent(moment) == (now >= begin + length)


def test_a_rule_is_blind_outside_of_its_time(rig: Rig) -> None:
    number = rig.add(QBUF, EIO, from_s=1, until_s=3, every=2)
    rig.answers(qbuf(0))
    rig.clock.let_pass(1000)
    for _ in range(4):
        rig.answers(qbuf(0))
    assert (rig.engine.state(number).matched, rig.engine.state(number).fired) == (4, 2)


def test_a_rule_whose_time_is_over_steps_aside_without_being_asked(rig: Rig) -> None:
    number = rig.add(QBUF, EIO, until_s=3)
    rig.clock.let_pass(2999)
    assert rig.engine.state(number).armed
    rig.clock.let_pass(1)
    state = rig.engine.state(number)
    assert (state.armed, state.spent, rig.stage.standing) == (False, True, False)


def test_arming_begins_a_schedule_anew(rig: Rig) -> None:
    number = rig.add(QBUF, EIO, count=1, until_s=10)
    rig.answers(qbuf(0))
    assert rig.engine.state(number).spent
    rig.clock.let_pass(60_000)
    rig.engine.arm(number)
    rig.answers(qbuf(0))
    state = rig.engine.state(number)
    assert (state.fired, state.spent) == (2, True)
