"""How long a worker may leave something unanswered."""

import pytest

from tests.reactor import HandReactor
from vmedia_bench.backends.worker.patience import Patience

LIMIT = 1000


class Clock:
    def __init__(self) -> None:
        self.now = 0
        self.reactor = HandReactor()
        self.losses = 0
        self.patience = Patience(self.reactor, lambda: self.now, LIMIT, self._lost)

    def _lost(self) -> None:
        self.losses += 1

    def let_pass(self, ns: int) -> None:
        for _ in range(ns):
            self.now += 1
            self.reactor.let_pass(1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_answer_in_time_is_well(clock: Clock) -> None:
    clock.patience.asked()
    clock.let_pass(LIMIT - 1)
    clock.patience.answered()
    clock.let_pass(5 * LIMIT)
    assert clock.losses == 0


def test_silence_is_noticed_when_the_limit_is_over(clock: Clock) -> None:
    clock.patience.asked()
    clock.let_pass(LIMIT - 1)
    assert clock.losses == 0
    clock.let_pass(1)
    assert clock.losses == 1


def test_the_limit_runs_from_the_last_answer(clock: Clock) -> None:
    clock.patience.asked()
    clock.patience.asked()
    clock.let_pass(LIMIT // 2)
    clock.patience.answered()
    clock.let_pass(LIMIT - 1)
    assert clock.losses == 0
    clock.let_pass(1)
    assert clock.losses == 1


def test_a_question_after_a_pause_has_the_whole_limit(clock: Clock) -> None:
    clock.patience.asked()
    clock.patience.answered()
    clock.let_pass(LIMIT - 1)
    clock.patience.asked()
    clock.let_pass(LIMIT - 1)
    assert clock.losses == 0
    clock.let_pass(1)
    assert clock.losses == 1


def test_an_answer_to_nothing_is_a_mistake(clock: Clock) -> None:
    with pytest.raises(ValueError, match="nobody has asked"):
        clock.patience.answered()


def test_nothing_comes_after_the_end(clock: Clock) -> None:
    clock.patience.asked()
    clock.patience.close()
    clock.let_pass(5 * LIMIT)
    assert clock.losses == 0
