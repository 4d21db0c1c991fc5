"""Calls that may take long: in order, off the loop, and given up when they take too long."""

import select
import threading
from collections.abc import Callable, Iterator
from errno import EBUSY, EIO

import pytest

from tests.reactor import HandReactor
from vmedia_bench.backends.host.worker import TIME_LIMIT_NS, Job, Steps, Worker
from vmedia_bench.v4l2.errors import V4l2Error

LIMIT_S = 20


class Desk:
    """A worker on a loop that moves by hand."""

    def __init__(self) -> None:
        self.reactor = HandReactor()
        self.told: list[str] = []
        self.worker = Worker(
            self.reactor,
            began=lambda: self.told.append("began"),
            ended=lambda: self.told.append("ended"),
        )
        self.ends: list[tuple[str, V4l2Error | None]] = []

    def submit(self, name: str, steps: Steps, owner: int = 1) -> None:
        job = Job(
            owner,
            name,
            steps,
            stuck=lambda: self.told.append(f"{name} stuck"),
            leftover=lambda: self.told.append(f"{name} left over"),
        )
        self.worker.submit(job).then(lambda error: self.ends.append((name, error)))

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            ready, _, _ = select.select(list(self.reactor.watched), [], [], LIMIT_S)
            assert ready
            for fd in ready:
                self.reactor.readable(fd)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.worker.stop(lambda: None)


def one(call: Callable[[], object]) -> Steps:
    yield call


def test_calls_are_made_by_another_thread_and_their_results_come_back(desk: Desk) -> None:
    found = []

    def steps() -> Steps:
        found.append((yield threading.get_ident))
        found.append((yield lambda: 42))

    desk.submit("a", steps())
    desk.until(lambda: desk.ends)
    assert found[0] != threading.get_ident()
    assert found[1] == 42
    assert desk.ends == [("a", None)]


def test_jobs_run_one_after_the_other(desk: Desk) -> None:
    order: list[str] = []

    def steps(name: str) -> Steps:
        yield lambda: order.append(f"{name}1")
        yield lambda: order.append(f"{name}2")

    desk.submit("a", steps("a"))
    desk.submit("b", steps("b"))
    desk.until(lambda: len(desk.ends) == 2)
    assert order == ["a1", "a2", "b1", "b2"]
    assert desk.told == ["began", "ended"]


def test_what_a_call_raises_reaches_the_job_and_ends_it_with_the_errno(desk: Desk) -> None:
    def busy() -> None:
        raise OSError(EBUSY, "Device or resource busy")

    desk.submit("a", one(busy))
    desk.until(lambda: desk.ends)
    error = desk.ends[0][1]
    assert error is not None
    assert (error.errno, error.why) == (EBUSY, "a: Device or resource busy")


def test_a_job_may_go_on_after_an_error(desk: Desk) -> None:
    def steps() -> Steps:
        def busy() -> None:
            raise OSError(EBUSY, "")

        try:
            yield busy
        except OSError:
            yield lambda: None

    desk.submit("a", steps())
    desk.until(lambda: desk.ends)
    assert desk.ends == [("a", None)]


def test_a_mistake_of_ours_is_eio(desk: Desk) -> None:
    desk.submit("a", one(lambda: 1 // 0))
    desk.until(lambda: desk.ends)
    error = desk.ends[0][1]
    assert error is not None
    assert error.errno == EIO


def test_a_stuck_call_is_answered_eio_in_time_and_others_go_on(desk: Desk) -> None:
    come_back = threading.Event()
    desk.submit("stuck", one(lambda: come_back.wait(LIMIT_S)))
    desk.submit("next", one(lambda: None), owner=2)
    desk.reactor.let_pass(TIME_LIMIT_NS)
    name, error = desk.ends[0]
    assert name == "stuck"
    assert error is not None
    assert error.errno == EIO
    assert "did not answer in 4 s" in error.why
    desk.until(lambda: len(desk.ends) == 2)
    assert desk.ends[1] == ("next", None)
    assert (desk.worker.stuck, desk.worker.busy) == (1, True)
    assert desk.told == ["began", "stuck stuck"]
    come_back.set()
    desk.until(lambda: not desk.worker.stuck)
    assert desk.told[2] == "ended"


def test_what_a_stuck_call_leaves_over_is_seen_to_when_it_comes_back(desk: Desk) -> None:
    come_back = threading.Event()
    desk.submit("stuck", one(lambda: come_back.wait(LIMIT_S)))
    desk.reactor.let_pass(TIME_LIMIT_NS)
    assert desk.told == ["began", "stuck stuck"]
    done = threading.Event()
    desk.told = Told(done)
    come_back.set()
    desk.until(lambda: not desk.worker.stuck)
    assert done.wait(LIMIT_S)


class Told(list[str]):
    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self._done = done

    def append(self, what: str) -> None:
        super().append(what)
        if what.endswith("left over"):
            self._done.set()


def test_cancelled_jobs_end_at_once_and_those_of_others_stay(desk: Desk) -> None:
    go_on = threading.Event()
    desk.submit("mine", one(lambda: go_on.wait(LIMIT_S)))
    desk.submit("mine too", one(lambda: None))
    desk.submit("theirs", one(lambda: None), owner=2)
    desk.worker.cancel(1)
    assert [name for name, error in desk.ends if error and error.errno == EIO] == [
        "mine too",
        "mine",
    ]
    go_on.set()
    desk.until(lambda: len(desk.ends) == 3)
    assert desk.ends[2] == ("theirs", None)


def test_the_last_call_is_made_after_the_one_at_work() -> None:
    desk = Desk()
    order: list[str] = []
    go_on, last = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(LIMIT_S)
        order.append("slow")

    def end() -> None:
        order.append("last")
        last.set()

    desk.submit("a", one(slow))
    desk.worker.stop(end)
    go_on.set()
    assert last.wait(LIMIT_S)
    assert order == ["slow", "last"]
    assert not desk.reactor.watched
