"""Who is told that the terminal has gone: once, whatever the main thread is doing."""

import os
import pty
import signal
from collections.abc import Iterator
from threading import Event, Lock

import pytest

from tests.signals import handled
from vmedia_bench.tui.hang_up import told_of_hang_up

LIMIT_S = 60.0


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of one: the emulator's, the program's."""
    outer, inner = pty.openpty()
    with handled(signal.SIGHUP, signal.SIG_DFL), os.fdopen(outer), os.fdopen(inner):
        yield outer, inner


class Farewell:
    """What is called; it needs a lock that the main thread may have."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.done = Event()
        self.calls = 0

    def __call__(self) -> None:
        with self.lock:
            self.calls += 1
        self.done.set()


def test_nothing_is_told_while_the_terminal_is_there(terminal: tuple[int, int]) -> None:
    farewell = Farewell()
    with told_of_hang_up(terminal[1], farewell):
        os.write(terminal[0], b"keys")
    assert farewell.calls == 0


def test_a_terminal_without_its_other_end_is_told(terminal: tuple[int, int]) -> None:
    farewell = Farewell()
    outer, inner = pty.openpty()
    with os.fdopen(inner), told_of_hang_up(inner, farewell):
        os.close(outer)
        assert farewell.done.wait(LIMIT_S)
    assert farewell.calls == 1


def test_the_signal_is_told_too_however_often_it_comes_and_whoever_holds_a_lock(
    terminal: tuple[int, int],
) -> None:
    farewell = Farewell()
    with told_of_hang_up(terminal[1], farewell):
        with farewell.lock:
            for _ in range(3):
                signal.raise_signal(signal.SIGHUP)
        assert farewell.done.wait(LIMIT_S)
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert farewell.calls == 1
