"""What workers run in these tests."""

import os
import signal
import sys
import time
from pathlib import Path

from vmedia_bench.backends.worker import Channel, SharedFrames


def echo(channel: Channel, argument: object) -> None:
    """Say the argument, then everything that is heard."""
    channel.send(repr(argument).encode())
    while (message := channel.receive()) is not None:
        channel.send(message.data)


def paint(channel: Channel, argument: object) -> None:
    """Fill slot 1 of the frames that come along."""
    message = channel.receive()
    assert message is not None
    frames = SharedFrames(message.fds[0], 2, 5000)
    frames.slot(1)[:] = b"\x07" * 5000
    channel.send(b"done")


def block(channel: Channel, argument: object) -> None:
    """Say hello, then never do anything again."""
    channel.send(b"hello")
    time.sleep(3600)


def leave(channel: Channel, argument: object) -> None:
    """End at once, with the exit code that was asked for."""
    os._exit(int(str(argument)))


def leave_a_note(channel: Channel, argument: object) -> None:
    """Once the bench has hung up, take a moment and write a file."""
    channel.send(b"ready")
    while channel.receive() is not None:
        pass
    time.sleep(0.2)
    Path(str(argument)).write_text("in order")


def hang_up(channel: Channel, argument: object) -> None:
    """Close the channel and stay."""
    channel.close()
    time.sleep(3600)


def last_words(channel: Channel, argument: object) -> None:
    """Say three things and die."""
    for word in (b"one", b"two", b"three"):
        channel.send(word)
    os.kill(os.getpid(), signal.SIGKILL)


def leave_by_signal(channel: Channel, argument: object) -> None:
    """End by a signal of that number."""
    os.kill(os.getpid(), int(str(argument)))


def complain(channel: Channel, argument: object) -> None:
    """Fail as Python code fails."""
    raise RuntimeError("nothing works")


def parent_of_a_worker() -> None:
    """A bench that is killed: its worker must not outlive it. Prints the worker's pid."""
    from vmedia_bench.backends.worker import Worker

    worker = Worker("tests.backends.worker.targets:block", None, name="orphan")
    worker.receive(10)
    print(worker.pid, flush=True)
    sys.stdin.read()


def bench_that_ends(path: str) -> None:
    """A bench that lets its worker go and ends at once."""
    from tests.reactor import HandReactor
    from vmedia_bench.backends.worker import Worker

    worker = Worker("tests.backends.worker.targets:leave_a_note", path, name="note")
    worker.receive(10)
    worker.watch(HandReactor(), lambda _: None, lambda _: None)
    worker.close(grace_ns=1_000_000_000)


def running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
