"""
Calls into the kernel that may take long, made outside the event loop.

A job is a generator: it runs on the loop and yields calls, each of which a thread makes while
the loop goes on; the generator gets the call's result, or its exception. Jobs run one after the
other. One that is not through in time is answered EIO and its thread left behind in the kernel,
which cannot be interrupted there; another thread takes its place.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from errno import EIO
from queue import SimpleQueue
from typing import Any

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.ports import Cancel, Reactor

log = logging.getLogger(__name__)

Call = Callable[[], Any]
Steps = Generator[Call, Any, None]

# A Linux guest gives up on a command after 5 s.
TIME_LIMIT_NS = 4_000_000_000
# Threads that a driver may keep for good before no more of its devices are opened.
MAX_STUCK = 8


class Job:
    """
    One generator on its way. `name` is for the log; `owner` is the session it belongs to.

    `stuck` is called when the time is up; `leftover` if the call comes back after that, outside
    the loop.
    """

    __slots__ = ("abandoned", "later", "leftover", "name", "owner", "steps", "stuck")

    def __init__(
        self,
        owner: int,
        name: str,
        steps: Steps,
        *,
        stuck: Callable[[], None],
        leftover: Callable[[], None],
    ) -> None:
        self.owner = owner
        self.name = name
        self.steps = steps
        self.later = Later()
        self.stuck = stuck
        self.leftover = leftover
        self.abandoned = False


class _Thread:
    """A thread that makes one call after the other; `done(call's job, result, error)` is told."""

    def __init__(self, done: Callable[[Job, Any, BaseException | None], None]) -> None:
        self._calls: SimpleQueue[tuple[Job, Call] | None] = SimpleQueue()
        self._done = done
        # A driver that never comes back must not keep the process.
        threading.Thread(target=self._run, name="v4l2", daemon=True).start()

    def make(self, job: Job, call: Call) -> None:
        self._calls.put((job, call))

    def end(self) -> None:
        self._calls.put(None)

    def _run(self) -> None:
        while (order := self._calls.get()) is not None:
            job, call = order
            result: Any = None
            error: BaseException | None = None
            try:
                result = call()
            except Exception as raised:  # noqa: BLE001  (it belongs to the job)
                error = raised
            self._done(job, result, error)


class Worker:
    """
    Runs jobs, one at a time; all methods belong to the loop.

    `began` is told when jobs begin to run, `ended` when none is left and no call is stuck.
    """

    def __init__(
        self,
        reactor: Reactor,
        *,
        began: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
        time_limit_ns: int = TIME_LIMIT_NS,
    ) -> None:
        self._reactor = reactor
        self._began = began
        self._ended = ended
        self._time_limit_ns = time_limit_ns
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._cancel: Cancel = lambda: None
        self._results: deque[tuple[Job, Any, BaseException | None]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread: _Thread | None = None
        self._stopped = False
        self.stuck = 0
        reactor.watch(self._bell, self.collect)

    @property
    def busy(self) -> bool:
        """Whether a call is being made, or one never came back: the driver may hold a lock."""
        return self._running is not None or self.stuck > 0

    def submit(self, job: Job) -> Later:
        """Run a job after those before it; settled with None or a V4l2Error."""
        self._waiting.append(job)
        if self._running is None:
            self._began()
            self._next()
        return job.later

    def cancel(self, owner: int) -> None:
        """Forget the jobs of a session; what the kernel is at for it now is waited for."""
        kept = [job for job in self._waiting if job.owner != owner]
        gone = [job for job in self._waiting if job.owner == owner]
        self._waiting = deque(kept)
        for job in gone:
            job.steps.close()
            job.later.settle(V4l2Error(EIO, f"{job.name} was given up"))
        if self._running is not None and self._running.owner == owner:
            self._running.steps.close()
            self._running.later.settle(V4l2Error(EIO, f"{self._running.name} was given up"))

    def stop(self, last: Call) -> None:
        """Give everything up; `last` is called after what the thread is at."""
        self._stopped = True
        self._cancel()
        for job in (*self._waiting, *((self._running,) if self._running else ())):
            job.steps.close()
            job.later.settle(V4l2Error(EIO, f"{job.name} was given up"))
        self._waiting.clear()
        self._running = None
        self._reactor.unwatch(self._bell)
        thread = self._thread or _Thread(self._finished)

        def end() -> None:
            last()
            os.close(self._bell)

        thread.make(Job(-1, "stop", _nothing(), stuck=_pass, leftover=_pass), end)
        thread.end()

    def collect(self) -> None:
        """Go on with the jobs whose calls have come back."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        while self._results:
            job, result, error = self._results.popleft()
            if job.abandoned:
                self._came_back(job)
            elif job is self._running:
                self._advance(job, result, error)

    # Inside

    def _finished(self, job: Job, result: Any, error: BaseException | None) -> None:
        """On the thread: hand a result over."""
        if not self._stopped:
            self._results.append((job, result, error))
            os.eventfd_write(self._bell, 1)
        elif job.abandoned:
            job.leftover()

    def _next(self) -> None:
        if not self._waiting:
            if not self.busy:
                self._ended()
            return
        job = self._running = self._waiting.popleft()
        self._cancel = self._reactor.later(self._time_limit_ns, lambda: self._too_late(job))
        self._advance(job, None, None)

    def _advance(self, job: Job, result: Any, error: BaseException | None) -> None:
        """Run the generator to its next call, or to its end."""
        try:
            call = job.steps.send(result) if error is None else job.steps.throw(error)
        except StopIteration:
            self._end(job, None)
        except V4l2Error as refused:
            self._end(job, refused)
        except OSError as refused:
            self._end(job, V4l2Error(refused.errno or EIO, f"{job.name}: {refused.strerror}"))
        except Exception:
            log.exception("%s broke", job.name)
            self._end(job, V4l2Error(EIO, f"{job.name} broke"))
        else:
            if self._thread is None:
                self._thread = _Thread(self._finished)
            self._thread.make(job, call)

    def _end(self, job: Job, error: V4l2Error | None) -> None:
        self._cancel()
        self._running = None
        # What comes of it may be the next job already.
        job.later.settle(error)
        if self._running is None and not self._stopped:
            self._next()

    def _too_late(self, job: Job) -> None:
        if job is not self._running:
            return
        seconds = self._time_limit_ns / 1e9
        log.warning("%s has not come back from the driver in %g s", job.name, seconds)
        job.abandoned = True
        self.stuck += 1
        if self._thread is not None:
            self._thread.end()
            self._thread = None
        job.steps.close()
        job.later.settle(V4l2Error(EIO, f"{job.name}: the driver did not answer in {seconds:g} s"))
        job.stuck()
        self._end(job, None)

    def _came_back(self, job: Job) -> None:
        self.stuck -= 1
        log.info("%s has come back from the driver after all", job.name)
        thread = _Thread(lambda *_: None)
        thread.make(job, job.leftover)
        thread.end()
        if not self.busy:
            self._ended()


def _nothing() -> Steps:
    yield _pass


def _pass() -> None:
    """Do nothing."""
