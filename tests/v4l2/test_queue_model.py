"""The queue against a simple model: states, owners, and that no DQBUF comes uncalled for."""

from collections.abc import Callable
from dataclasses import replace
from errno import EBUSY, EINVAL, ENOBUFS, ENOMEM
from functools import partial
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.v4l2.rig import CAPTURE, GREY_DESC, Camera, Guest, Rig
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.v4l2 import BufFlag

T = TypeVar("T")

FRAME = 64 * 48
MAXIMUM = 6
SESSIONS = st.integers(0, 1)
INDICES = st.integers(0, MAXIMUM)
COUNTS = st.integers(0, MAXIMUM + 1)
OWNED = BufFlag.QUEUED | BufFlag.PREPARED

SMALL = replace(GREY_DESC, sizes=((64, 48),))

DEQUEUED, PREPARED, QUEUED = "dequeued", "prepared", "queued"
FLAGS = {DEQUEUED: 0, PREPARED: int(BufFlag.PREPARED), QUEUED: int(BufFlag.QUEUED)}


class QueueMachine(RuleBasedStateMachine):
    """Two sessions of one camera, with memory for fewer buffers than they may ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(Camera(SMALL), capacity=FRAME * (MAXIMUM - 1), max_buffers=MAXIMUM)
        self.sessions = [self.rig.open(), self.rig.open()]
        self.owner: int | None = None
        self.states: dict[int, str] = {}
        self.order: list[int] = []
        self.streaming = False

    # Operations: what the model expects is checked on the spot

    @rule(who=SESSIONS, count=COUNTS)
    def reqbufs(self, who: int, count: int) -> None:
        errno, given = self.attempt(lambda session: session.reqbufs(count), who)
        if self.foreign(who) or self.streaming:
            assert errno == EBUSY
            return
        assert errno == 0
        wanted = min(count, MAXIMUM - 1)
        assert given == wanted
        self.states = dict.fromkeys(range(wanted), DEQUEUED)
        self.order.clear()
        self.owner = who if count else None

    @rule(who=SESSIONS, count=st.integers(1, MAXIMUM))
    def create_bufs(self, who: int, count: int) -> None:
        fmt = bytes(self.sessions[0].ioctl(ioctls.VIDIOC_G_FMT, G_FMT))
        errno, given = self.attempt(lambda session: session.create_bufs(count, fmt), who)
        if self.foreign(who):
            assert errno == EBUSY
        elif len(self.states) == MAXIMUM:
            assert errno == ENOBUFS
        elif len(self.states) == MAXIMUM - 1:
            assert errno == ENOMEM
        else:
            assert errno == 0
            assert given is not None
            first, made = given
            assert 0 < made <= count
            assert not set(range(first, first + made)) & set(self.states)
            self.states |= dict.fromkeys(range(first, first + made), DEQUEUED)
            self.owner = who

    @rule(who=SESSIONS, index=INDICES, count=st.integers(1, 3))
    def remove_bufs(self, who: int, index: int, count: int) -> None:
        errno, _ = self.attempt(lambda session: session.remove_bufs(index, count), who)
        doomed = [self.states.get(i) for i in range(index, index + count)]
        if self.foreign(who):
            assert errno == EBUSY
        elif None in doomed:
            assert errno == EINVAL
        elif set(doomed) != {DEQUEUED}:
            assert errno == EBUSY
        else:
            assert errno == 0
            for i in range(index, index + count):
                del self.states[i]

    @rule(who=SESSIONS, index=INDICES)
    def qbuf(self, who: int, index: int) -> None:
        errno, _ = self.attempt(lambda session: session.qbuf(index), who)
        if self.foreign(who):
            assert errno == EBUSY
        elif self.states.get(index) in {DEQUEUED, PREPARED}:
            assert errno == 0
            self.states[index] = QUEUED
            self.order.append(index)
        else:
            assert errno == EINVAL

    @rule(who=SESSIONS, index=INDICES)
    def prepare(self, who: int, index: int) -> None:
        errno, _ = self.attempt(lambda session: session.prepare(index), who)
        if self.foreign(who):
            assert errno == EBUSY
        elif self.states.get(index) == DEQUEUED:
            assert errno == 0
            self.states[index] = PREPARED
        else:
            assert errno == EINVAL

    @rule(who=SESSIONS)
    def streamon(self, who: int) -> None:
        errno, _ = self.attempt(Guest.streamon, who)
        if self.foreign(who):
            assert errno == EBUSY
        elif not self.streaming and not self.states:
            assert errno == EINVAL
        else:
            assert errno == 0
            self.streaming = True

    @rule(who=SESSIONS)
    def streamoff(self, who: int) -> None:
        errno, _ = self.attempt(Guest.streamoff, who)
        if self.foreign(who):
            assert errno == EBUSY
            return
        assert errno == 0
        self.halt()

    @rule(who=SESSIONS)
    def reopen(self, who: int) -> None:
        self.sessions[who].close()
        self.sessions[who] = self.rig.open()
        if self.owner == who:
            self.halt()
            self.states.clear()
            self.owner = None

    @rule(periods=st.integers(0, 3))
    def time_passes(self, periods: int) -> None:
        """Frames come back in the order of QBUF, to the owner, and only while streaming."""
        self.rig.elapse(periods * 33_333_334)
        for session, view in self.rig.sink.dqbufs:
            assert self.streaming
            assert self.owner is not None
            assert session == self.sessions[self.owner].id
            assert view.index == self.order.pop(0)
            assert view.bytesused == FRAME
            self.states[view.index] = DEQUEUED
        self.rig.sink.dqbufs.clear()

    # What always holds

    @invariant()
    def querybuf_agrees(self) -> None:
        for index in range(MAXIMUM):
            errno, view = self.attempt(partial(Guest.querybuf, index=index), 1)
            if index not in self.states:
                assert errno == EINVAL
                continue
            assert view is not None
            assert view.flags & OWNED == FLAGS[self.states[index]]
            assert view.length == FRAME

    @invariant()
    def memory_holds_the_buffers_and_no_more(self) -> None:
        assert len(self.rig.memory.live) == len(self.states)

    @invariant()
    def onlookers_see_the_same(self) -> None:
        (queue,) = self.rig.node.queues()
        owner = None if self.owner is None else self.sessions[self.owner].id
        assert queue.streaming == self.streaming
        assert queue.queued == len(self.order)
        assert {buffer.index: buffer.state for buffer in queue.buffers} == self.states
        assert queue.owner == owner

    @invariant()
    def no_session_ever_fails(self) -> None:
        assert not self.rig.sink.errors

    # Helpers

    def attempt(self, call: Callable[[Guest], T], who: int) -> tuple[int, T | None]:
        try:
            return 0, call(self.sessions[who])
        except V4l2Error as error:
            return error.errno, None

    def foreign(self, who: int) -> bool:
        return self.owner is not None and self.owner != who

    def halt(self) -> None:
        self.streaming = False
        self.order.clear()
        self.states = dict.fromkeys(self.states, DEQUEUED)


G_FMT = CAPTURE.to_bytes(4, "little") + bytes(204)

QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueueModel = QueueMachine.TestCase
