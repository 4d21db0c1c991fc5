"""A child process that the bench starts, talks to, and gets rid of."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.worker.targets import running
from tests.reactor import HandReactor
from vmedia_bench.backends.worker import MESSAGE_LIMIT, SharedFrames, Worker, WorkerError

LIMIT_S = 20
NS = 1_000_000_000


class Watched:
    """A worker on a reactor whose descriptors are really waited for."""

    def __init__(self, target: str, argument: object = None) -> None:
        self.worker = Worker(f"tests.backends.worker.targets:{target}", argument, name="it")
        self.reactor = HandReactor()
        self.heard: list[bytes] = []
        self.ends: list[str] = []
        self.worker.watch(self.reactor, self.heard.append, self.ends.append)

    def turn(self) -> None:
        """Wait until something is readable, and tell who watches it."""
        ready, _, _ = select.select(list(self.reactor.watched), [], [], LIMIT_S)
        assert ready, "nothing happens"
        for fd in ready:
            if fd in self.reactor.watched:
                self.reactor.readable(fd)

    def until_ended(self) -> str:
        while not self.ends:
            self.turn()
        (how,) = self.ends
        return how

    def close(self) -> None:
        self.worker.close()
        while self.reactor.watched:
            self.turn()


def worker(target: str, argument: object = None) -> Worker:
    return Worker(f"tests.backends.worker.targets:{target}", argument, name="it")


def send_for_ever(it: Worker) -> None:
    while True:
        it.send(bytes(10_000))


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_a_function_runs_in_a_process_and_answers() -> None:
    it = worker("echo", {"size": (640, 480)})
    assert it.receive(LIMIT_S) == b"{'size': (640, 480)}"
    assert it.pid != os.getpid()
    it.send(b"again")
    assert it.receive(LIMIT_S) == b"again"
    it.close()
    assert not running(it.pid)


def test_messages_are_heard_on_the_loop() -> None:
    it = Watched("echo", 5)
    it.turn()
    it.worker.send(b"x" * 100_000)
    it.turn()
    assert it.heard == [b"5", b"x" * 100_000]
    it.close()
    assert it.ends == []
    assert not running(it.worker.pid)


def test_frames_are_shared() -> None:
    it = worker("paint")
    frames = SharedFrames.create(2, 5000)
    it.send(b"here", [frames.fd])
    assert it.receive(LIMIT_S) == b"done"
    assert bytes(frames.slot(1)) == b"\x07" * 5000
    assert bytes(frames.slot(0)) == bytes(5000)
    it.close()
    frames.close()


def test_shared_frames_cannot_be_cut() -> None:
    frames = SharedFrames.create(2, 5000)
    with pytest.raises(PermissionError):
        os.ftruncate(frames.fd, 0)
    with pytest.raises(IndexError):
        frames.slot(2)
    frames.close()


@pytest.mark.parametrize(
    ("target", "argument", "how"),
    [
        ("leave", 7, "ended with exit code 7"),
        ("last_words", None, "was killed by SIGKILL"),
        ("leave_by_signal", signal.SIGRTMIN + 1, f"was killed by signal {signal.SIGRTMIN + 1}"),
        ("complain", None, "ended with exit code 1"),
    ],
)
def test_how_it_ended_is_told_once(target: str, argument: object, how: str) -> None:
    it = Watched(target, argument)
    assert it.until_ended() == how
    it.close()
    assert it.ends == [how]
    assert it.reactor.watched == {}
    assert not running(it.worker.pid)


def test_one_that_only_closes_its_channel_is_killed_soon() -> None:
    it = Watched("hang_up")
    it.turn()
    assert running(it.worker.pid)
    it.reactor.let_pass(NS)
    assert it.until_ended() == "was killed by SIGKILL"
    it.close()


def test_last_words_are_heard_before_the_end() -> None:
    it = Watched("last_words")
    it.until_ended()
    assert it.heard == [b"one", b"two", b"three"]


def test_waiting_for_the_first_message_is_bounded() -> None:
    it = worker("block")
    assert it.receive(LIMIT_S) == b"hello"
    with pytest.raises(WorkerError, match=r"it: its process gave no answer in 0\.01 s"):
        it.receive(0.01)
    it.close()
    assert not running(it.pid)


def test_an_end_before_the_first_message_is_an_error() -> None:
    it = worker("leave", 3)
    with pytest.raises(WorkerError, match="it: its process ended with exit code 3"):
        it.receive(LIMIT_S)
    it.close()


def test_what_does_not_exist_ends_it() -> None:
    it = worker("no_such_function")
    with pytest.raises(WorkerError, match="ended with exit code 1"):
        it.receive(LIMIT_S)
    it.close()


def test_a_child_that_does_not_read_never_blocks_us() -> None:
    it = worker("block")
    it.receive(LIMIT_S)
    with pytest.raises(WorkerError, match="does not read"):
        send_for_ever(it)
    it.close()


def test_a_message_has_a_limit() -> None:
    it = worker("echo")
    it.receive(LIMIT_S)
    it.send(bytes(MESSAGE_LIMIT))
    assert len(it.receive(LIMIT_S)) == MESSAGE_LIMIT
    with pytest.raises(WorkerError, match="longer than"):
        it.send(bytes(MESSAGE_LIMIT + 1))
    it.close()


def test_it_dies_with_a_bench_that_was_killed() -> None:
    code = (
        f"import json, sys; sys.path[:] = json.loads({json.dumps(json.dumps(sys.path))});"
        "from tests.backends.worker.targets import parent_of_a_worker as run; run()"
    )
    bench = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert bench.stdout is not None
    pidfd = os.pidfd_open(int(bench.stdout.readline()))
    bench.send_signal(signal.SIGKILL)
    bench.communicate()
    assert select.select([pidfd], [], [], LIMIT_S)[0], "the worker lives on"
    os.close(pidfd)


def test_one_that_was_given_time_has_it_though_the_bench_ends(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = (
        f"import json, sys; sys.path[:] = json.loads({json.dumps(json.dumps(sys.path))});"
        f"from tests.backends.worker.targets import bench_that_ends as run; run({str(note)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)
    assert note.read_text() == "in order"


def test_nothing_is_left_open() -> None:
    before = open_files()
    for _ in range(3):
        it = Watched("echo")
        it.close()
    assert open_files() == before
