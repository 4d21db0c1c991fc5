"""The driver's half of a ring, with a device played by hand."""

import os
import struct
from collections.abc import Iterator

import pytest

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


def test_a_batch_asks_to_be_called_when_a_quarter_is_left(played: Played) -> None:
    played.steps = [list(range(16))]
    assert played.queue.transact_many(range(16)) == [(head, 8) for head in range(16)]
    assert played.asked == [11]


def test_what_is_late_of_a_batch_is_waited_for_with_a_call_at_its_end(played: Played) -> None:
    played.steps = [list(range(12)), list(range(12, 16))]
    assert played.queue.transact_many(range(16)) == [(head, 8) for head in range(16)]
    assert played.asked == [11, 15]


def test_a_small_batch_asks_to_be_called_at_its_end(played: Played) -> None:
    played.steps = [[0, 1, 2]]
    assert played.queue.transact_many(range(3)) == [(0, 8), (1, 8), (2, 8)]
    assert played.asked == [2]
