"""The driver's half of a ring, with a device played by hand."""

import os
import struct
from collections.abc import Iterator

import pytest

from vmedia_bench.guest.errors import BackendError, BackendTimeoutError
from vmedia_bench.guest.queues import CommandQueue
from vmedia_bench.guest.ram import GuestRam

SIZE = 64
USED_EVENT = 2 + SIZE


class Played:
    """A command queue whose device does its next step whenever the driver waits."""

    def __init__(self) -> None:
        self.ram = GuestRam(1 << 20)
        self.kick, self.call = os.eventfd(0), os.eventfd(0, os.EFD_NONBLOCK)
        self.steps: list[list[int]] = []
        self.asked: list[int] = []
        self.queue = CommandQueue(
            self.ram, SIZE, self.kick, self.call, self._wait, event_idx=True, timeout=0.05
        )

    def _wait(self, _seconds: float) -> bool:
        layout = self.queue.layout
        avail = self.ram.at(layout.avail, 2 * (3 + SIZE)).cast("H")
        used = self.ram.at(layout.used, 6 + 8 * SIZE)
        self.asked.append(avail[USED_EVENT])
        if not self.steps:
            return False
        index = used.cast("H")[1]
        for head in self.steps.pop(0):
            struct.pack_into("<II", used, 4 + 8 * (index % SIZE), head, 8)
            index += 1
        struct.pack_into("<H", used, 2, index)
        return True

    def close(self) -> None:
        os.close(self.kick)
        os.close(self.call)
        self.ram.close()


@pytest.fixture
def played() -> Iterator[Played]:
    played = Played()
    yield played
    played.close()


def test_a_batch_asks_to_be_called_when_a_quarter_is_done(played: Played) -> None:
    played.steps = [list(range(16))]
    assert list(played.queue.transact_many(range(16))) == [(head, 8) for head in range(16)]
    assert played.asked == [3]


def test_answers_of_a_batch_are_given_as_they_come(played: Played) -> None:
    played.steps = [list(range(4)), list(range(4, 16))]
    answers = played.queue.transact_many(range(16))
    assert [next(answers) for _ in range(4)] == [(head, 8) for head in range(4)]
    assert played.asked == [3]
    assert list(answers) == [(head, 8) for head in range(4, 16)]


def test_what_is_late_of_a_batch_is_waited_for_with_a_call_at_its_end(played: Played) -> None:
    played.steps = [list(range(12)), list(range(12, 16))]
    assert list(played.queue.transact_many(range(16))) == [(head, 8) for head in range(16)]
    assert played.asked == [3, 15]


def test_a_small_batch_asks_to_be_called_at_its_end(played: Played) -> None:
    played.steps = [[0, 1, 2]]
    assert list(played.queue.transact_many(range(3))) == [(0, 8), (1, 8), (2, 8)]
    assert played.asked == [2]


def test_a_batch_that_stays_unanswered_leaves_the_queue_stuck(played: Played) -> None:
    played.steps = [list(range(12))]
    with pytest.raises(BackendTimeoutError, match="4 unanswered commands"):
        list(played.queue.transact_many(range(16)))
    with pytest.raises(BackendError, match="stuck"):
        list(played.queue.transact_many(range(16)))


def test_more_answers_than_the_one_command_are_an_error(played: Played) -> None:
    played.steps = [[0, 0, 0]]
    with pytest.raises(BackendError, match="gave back 3 chains of 1"):
        played.queue.transact(0)


def test_more_answers_than_commands_are_an_error(played: Played) -> None:
    played.steps = [[0, 1, 2, 3, 0]]
    with pytest.raises(BackendError, match="more than a batch of 4"):
        list(played.queue.transact_many(range(4)))
