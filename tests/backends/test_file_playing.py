"""Which picture of a file a frame shows: rates, speed, seeking and ends, without any process."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from vmedia_bench.backends.file.clock import PlayClock
from vmedia_bench.backends.file.media import NS, MediaError, MediaInfo, Shot
from vmedia_bench.backends.file.messages import Ready
from vmedia_bench.backends.file.pictures import Picture
from vmedia_bench.backends.file.player import Player

RATE = 25
STEP = NS // RATE


class Reel:
    """A reader of `count` pictures at RATE; `holds` is what it gives of them."""

    def __init__(self, count: int, holds: int | None = None) -> None:
        self.count = count if holds is None else holds
        self.info = MediaInfo("reel", (2, 2), Fraction(RATE), count * STEP)

    def play(self, start_ns: int) -> Iterator[Shot]:
        nothing: Picture = None  # type: ignore[assignment]
        for index in range(start_ns // STEP, self.count):
            yield Shot(index * STEP, STEP, nothing)


def times(player: Player, count: int) -> list[int]:
    """The next pictures, by number on the time line."""
    found = []
    for _ in range(count):
        shot = player.next()
        assert shot is not None
        found.append(shot.time_ns // STEP)
    return found


def test_a_loop_goes_on_counting() -> None:
    player = Player(Reel(3), loop=True)
    assert times(player, 8) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_without_a_loop_there_is_an_end_and_a_seek_leaves_it() -> None:
    player = Player(Reel(3), loop=False)
    assert times(player, 3) == [0, 1, 2]
    assert player.next() is None
    player.seek(STEP)
    assert times(player, 2) == [1, 2]
    assert player.next() is None
    player.loop = True
    assert times(player, 2) == [3, 4]


def test_a_seek_past_the_end_finds_the_last_picture() -> None:
    player = Player(Reel(5), loop=False)
    player.seek(100 * STEP)
    assert times(player, 1) == [4]


@pytest.mark.parametrize(("steps", "shown"), [(1, 12), (2, 6), (4, 3)])
def test_pictures_that_nobody_would_see_are_left_out(steps: int, shown: int) -> None:
    player = Player(Reel(12), loop=False)
    player.step_ns = steps * STEP
    assert times(player, shown) == list(range(0, 12, steps))
    assert player.next() is None


def test_a_file_that_turns_out_empty_does_not_turn_for_ever() -> None:
    player = Player(Reel(3, holds=0), loop=True)
    with pytest.raises(MediaError, match="nothing"):
        player.next()


class Deck:
    """A clock, the frames it was given and those it gave back."""

    def __init__(self, interval: Fraction = Fraction(1, RATE), percent: int = 100) -> None:
        self.released: list[int] = []
        self.clock = PlayClock(
            interval, percent, lambda ready: self.released.append(ready.time_ns // STEP)
        )

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.clock.add(Ready(1, 0, 0, 1, number * STEP, STEP))

    def at(self, sequence: int) -> int | None:
        ready = self.clock.at(sequence)
        return None if ready is None else ready.time_ns // STEP


def test_each_frame_shows_the_next_picture() -> None:
    deck = Deck()
    assert deck.at(0) is None
    deck.add(0, 1, 2, 3)
    assert [deck.at(sequence) for sequence in range(1, 5)] == [0, 1, 2, 3]
    assert deck.released == [0, 1, 2]


def test_times_that_a_file_rounded_do_not_matter() -> None:
    clock = PlayClock(Fraction(1, 30), 100, lambda _: None)
    msec = NS // 1000
    for number, time_ms in enumerate((0, 33, 67, 100, 133, 167, 200)):
        clock.add(Ready(1, 0, number, 1, time_ms * msec, 33 * msec))
    shown = [ready.slot for sequence in range(7) if (ready := clock.at(sequence))]
    assert shown == [0, 1, 2, 3, 4, 5, 6]


def test_frames_the_guest_missed_are_passed() -> None:
    deck = Deck()
    deck.add(0, 1, 2, 3, 4)
    assert [deck.at(0), deck.at(3), deck.at(4)] == [0, 3, 4]


def test_a_faster_camera_shows_pictures_twice_and_a_slower_one_leaves_some_out() -> None:
    fast, slow = Deck(Fraction(1, 50)), Deck(Fraction(2, 25))
    fast.add(*range(6))
    slow.add(*range(8))
    shown = [fast.at(sequence) for sequence in range(8)]
    assert [shown.count(number) for number in range(1, 4)] == [2, 2, 2]
    assert len({slow.at(sequence) for sequence in range(4)}) == 4
    assert slow.released


def test_late_pictures_stop_the_files_clock() -> None:
    deck = Deck()
    deck.add(0, 1)
    assert [deck.at(sequence) for sequence in range(6)] == [0, 1, 1, 1, 1, 1]
    deck.add(2, 3)
    assert [deck.at(6), deck.at(7)] == [2, 3]


def test_speed_changes_from_where_it_is() -> None:
    deck = Deck()
    deck.add(*range(20))
    assert [deck.at(sequence) for sequence in range(4)] == [0, 1, 2, 3]
    deck.clock.set_speed(200)
    assert [deck.at(sequence) for sequence in (4, 5, 6)] == [5, 7, 9]
    deck.clock.set_speed(0)
    assert [deck.at(sequence) for sequence in (7, 8, 9)] == [9, 9, 9]
    deck.clock.set_speed(100)
    assert [deck.at(sequence) for sequence in (10, 11)] == [10, 11]


def test_a_seek_shows_the_old_picture_until_the_new_one_is_there() -> None:
    deck = Deck()
    deck.add(0, 1, 2)
    deck.at(0)
    deck.clock.restart()
    assert deck.released == [1, 2]
    assert deck.at(1) == 0
    deck.add(10, 11)
    assert [deck.at(2), deck.at(3)] == [10, 11]


def test_the_end_comes_after_the_last_picture() -> None:
    deck = Deck()
    deck.add(0, 1)
    deck.clock.ended = True
    assert [deck.at(0), deck.at(1)] == [0, 1]
    assert not deck.clock.over
    assert deck.at(2) is None
    assert deck.clock.over


def test_a_still_picture_has_no_end() -> None:
    deck = Deck()
    deck.clock.add(Ready(1, 0, 0, 1, 0, 0))
    deck.clock.ended = True
    assert [deck.at(sequence) for sequence in range(5)] == [0] * 5
    assert not deck.clock.over
