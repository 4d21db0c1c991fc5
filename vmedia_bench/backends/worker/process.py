"""The bench's end of a worker: one child process, started, watched, killed and reaped."""

import atexit
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from vmedia_bench.backends.worker.channel import Channel
from vmedia_bench.v4l2.ports import Reactor

log = logging.getLogger(__name__)

# The child finds modules where this process finds them, whatever put them there.
_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]);"
    "from vmedia_bench.backends.worker.child import boot; boot()"
)
# How many messages are taken in one go: a child that never stops talking must not hold the loop.
_MESSAGES_A_TURN: Final = 32
_REAP_LIMIT_S: Final = 1.0
_HANG_UP_NS: Final = 500_000_000


PARTING_LIMIT_S: Final = 5.0
"""How long the end of this process waits for children that were given time to end."""


class WorkerError(OSError):
    """A worker that did not start, did not answer or cannot be reached; one line."""


class Worker:
    """
    A child process that runs `target`, "module:name" of a function of (Channel, argument).

    The child has no standard input, writes its standard output to our standard error, ignores
    Ctrl-C and ends when we do, however we end. Raises WorkerError when it cannot be started.
    """

    def __init__(self, target: str, argument: object, *, name: str) -> None:
        self.name = name
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-c", _BOOT, name, str(theirs.fileno()), str(os.getpid())]
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*command, json.dumps(sys.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=2,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError as error:
            ours.close()
            raise WorkerError(f"{name}: no process can be started: {error}") from error
        self._channel = Channel(ours)
        self._reactor: Reactor | None = None
        self._heard: Callable[[bytes], None] | None = None
        self._ended: Callable[[str], None] | None = None
        self.closed = False
        self._finalizer = weakref.finalize(self, _kill, self._process)
        try:
            self._channel.send(pickle.dumps((target, argument)))
        except OSError:
            # It has died already: who waits for its first message hears that.
            log.debug("%s ended before it was told what to do", name)

    @property
    def pid(self) -> int:
        """The process's ID."""
        return self._process.pid

    def receive(self, timeout: float) -> bytes:
        """
        Give the next message, waiting `timeout` seconds; for the time before `watch`.

        Raises WorkerError when none comes, or the child ends first.
        """
        if not self._channel.wait(timeout):
            raise WorkerError(f"{self.name}: its process gave no answer in {timeout:.2g} s")
        message = self._channel.receive(wait=False)
        if message is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_REAP_LIMIT_S)
            raise WorkerError(f"{self.name}: its process {self._end()}")
        return message.data

    def watch(
        self, reactor: Reactor, heard: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> None:
        """Call `heard` for each message and `ended` once, with how it ended, unless closed."""
        self._reactor, self._heard, self._ended = reactor, heard, ended
        reactor.watch(self._channel.fileno(), self._readable)
        reactor.watch(self._pidfd, self._gone)

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send without waiting. WorkerError: the child is gone, or has not read for too long."""
        try:
            self._channel.send(data, fds, wait=False)
        except BlockingIOError:
            raise WorkerError(f"{self.name}: its process does not read what it is told") from None
        except OSError as error:
            raise WorkerError(f"{self.name}: its process cannot be reached: {error}") from error

    def close(self, *, grace_ns: int = 0) -> None:
        """
        Hang up and kill the child; on a loop it is reaped when it is gone, else now.

        With `grace_ns`, on a loop, it has so long to end by itself, and PARTING_LIMIT_S once this
        process ends. Harmless twice.
        """
        if self.closed:
            return
        self.closed = True
        if self._reactor is not None:
            self._reactor.unwatch(self._channel.fileno())
        self._channel.close()
        if self._reactor is None:
            _kill(self._process)
            self._reap()
            return
        self._reactor.watch(self._pidfd, self._reap)
        if grace_ns:
            self.spare()
            self._reactor.later(grace_ns, partial(_kill, self._process))
        else:
            _kill(self._process)

    def spare(self) -> None:
        """Let it finish: when this process ends, it hangs up and waits PARTING_LIMIT_S for it."""
        self._finalizer.detach()
        _parting[self._process] = self._channel

    def _readable(self) -> None:
        for _ in range(_MESSAGES_A_TURN):
            try:
                message = self._channel.receive(wait=False)
            except BlockingIOError:
                return
            if message is None:
                self._hung_up()
                return
            if self._heard is not None:
                self._heard(message.data)
            if self.closed:
                return

    def _hung_up(self) -> None:
        """It is about to end, and how is known then; one that stays all the same is killed."""
        if self._reactor is not None:
            self._reactor.unwatch(self._channel.fileno())
            self._reactor.later(_HANG_UP_NS, partial(_kill, self._process))

    def _gone(self) -> None:
        """Hear its last words, then tell how it ended."""
        self._readable()
        if self.closed:
            return
        self._process.poll()
        how = self._end()
        self.close()
        if self._ended is not None:
            self._ended(how)

    def _reap(self) -> None:
        if self._reactor is not None:
            self._reactor.unwatch(self._pidfd)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_LIMIT_S if self._reactor is None else 0)
        os.close(self._pidfd)
        self._finalizer.detach()
        _parting.pop(self._process, None)

    def _end(self) -> str:
        code = self._process.poll()
        if code is None:
            return "has closed its channel"
        if code < 0:
            return f"was killed by {_signal_name(-code)}"
        return f"ended with exit code {code}"


# Children that were given time to end, and have not yet.
_parting: "dict[subprocess.Popen[bytes], Channel]" = {}


@atexit.register
def _wait_for_parting() -> None:
    limit = time.monotonic() + PARTING_LIMIT_S
    for channel in _parting.values():
        channel.close()
    for process in _parting:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, limit - time.monotonic()))
        _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.kill()


def _signal_name(number: int) -> str:
    """SIGKILL, or the number: most real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
