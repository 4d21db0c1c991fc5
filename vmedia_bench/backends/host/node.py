"""The node that passes a host's device through: sessions, and what the device has for them."""

import logging
import select
from collections.abc import Sequence
from contextlib import suppress
from errno import EINVAL, EIO, ENODEV, ENOTTY

from vmedia_bench.backends.host import buffer_operations, other_operations
from vmedia_bench.backends.host.discovery import HostDevice, open_problem
from vmedia_bench.backends.host.formats import queue_types
from vmedia_bench.backends.host.kernel import Kernel
from vmedia_bench.backends.host.place import Place
from vmedia_bench.backends.host.session import Device, HostSession
from vmedia_bench.backends.host.worker import MAX_STUCK, TIME_LIMIT_NS, Job, Steps, Worker
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.memory import Allocation, GuestBuffer
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.v4l2.snapshot import QueueSnapshot, SessionSnapshot
from vmedia_bench.v4l2.source import Plane
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import VIDIOC_QBUF, ioctl_name
from vmedia_bench.wire.structs import BUFFER
from vmedia_bench.wire.v4l2 import Cap

log = logging.getLogger(__name__)

OPERATIONS = buffer_operations.OPERATIONS | other_operations.OPERATIONS

# What virtio-media has no way for: read() and write(), overlays, EDIDs.
_NOT_PASSED = int(
    Cap.READWRITE | Cap.VIDEO_OVERLAY | Cap.VIDEO_OUTPUT_OVERLAY | Cap.EDID | Cap.DEVICE_CAPS
)
# A device that reports an error and has nothing to say is asked again after this.
_REST_NS = 100_000_000
_GONE = select.EPOLLHUP
_READY = select.EPOLLIN | select.EPOLLOUT | select.EPOLLERR


class HostNode:
    """
    One device of this system as a guest's. `found` describes it, `place` is where it is, `kernel`
    how to get at it.

    Each session opens the device anew. DQBUF, and QBUF on a running stream, are made on the loop:
    they do not wait. All other calls are jobs for `Worker`; while one is being made, the device
    is not looked at, as videobuf2's poll() may wait for the lock that the call holds.
    """

    device_type = 0

    def __init__(
        self,
        found: HostDevice,
        place: Place,
        kernel: Kernel,
        ports: NodePorts,
        *,
        zero_copy: bool = True,
        time_limit_ns: int = TIME_LIMIT_NS,
    ) -> None:
        self.card = found.card
        self.device_caps = found.capabilities & ~_NOT_PASSED
        self._device = Device(place, kernel, queue_types(found.capabilities), zero_copy)
        self._kernel = kernel
        self._ports = ports
        self._sessions: dict[int, HostSession] = {}
        self._by_fd: dict[int, HostSession] = {}
        self._leaving: set[HostSession] = set()
        self._last_queues: tuple[QueueSnapshot, ...] = HostSession(
            -1, self._device, ports
        ).queue_snapshots()
        self._epoll = select.epoll()
        self._worker = Worker(
            ports.reactor,
            began=self._look_away,
            ended=self._look_again,
            time_limit_ns=time_limit_ns,
        )
        self._detached = False
        ports.reactor.watch(self._epoll.fileno(), self._ready)

    # Sessions

    def open(self, session_id: int) -> Later:
        """Open the device for a session. V4l2Error: what the host's kernel said."""
        if self._worker.stuck >= MAX_STUCK:
            raise V4l2Error(EIO, f"{self._device.path} keeps {MAX_STUCK} calls and answers none")
        session = HostSession(session_id, self._device, self._ports)
        self._sessions[session_id] = session
        later = self._submit(session, "open", self._opening(session))
        later.then(lambda error: self._opened(session, error))
        return later

    def close(self, session_id: int) -> Later | None:
        """Close the device of a session; settled when the driver has let go of it."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return None
        self._last_queues = _idle(session.queue_snapshots())
        self._by_fd.pop(session.fd, None)
        self._worker.cancel(session_id)
        self._leaving.add(session)
        later = self._submit(session, "close", self._closing(session))
        later.then(lambda _error: self._leaving.discard(session))
        return later

    def fail(self, session_id: int, errno: int) -> None:
        """Give a session up: the device is closed, EVT_ERROR goes out, other sessions go on."""
        if session_id in self._sessions:
            log.warning("session %d fails with %s", session_id, errno_name(errno))
            self.close(session_id)
            self._ports.sink.error(session_id, errno)

    def ioctl(
        self, session_id: int, number: int, arg: bytearray, user: Sequence[GuestBuffer | None]
    ) -> Later | None:
        """
        Pass one ioctl on; `arg` is changed in place. A Later when the driver may take long.

        V4l2Error as the host's kernel says; ENOTTY for what is not passed on.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise V4l2Error(EINVAL, f"session {session_id} is not open")
        operation = OPERATIONS.get(number)
        if operation is None:
            raise V4l2Error(ENOTTY, f"{ioctl_name(number)} is not passed on")
        steps = operation(session, arg, user)
        if number == VIDIOC_QBUF and not self._worker.busy and _runs(session, arg):
            self._run_now(session, number, steps)
            return None
        return self._submit(session, ioctl_name(number), steps)

    def buffer_at(self, session_id: int, offset: int) -> Allocation:
        """Give the MMAP plane with this `mem_offset`; V4l2Error(EINVAL) when there is none."""
        session = self._sessions.get(session_id)
        for queue in session.queues.values() if session else ():
            allocation = queue.allocation_at(offset)
            if allocation is not None:
                return allocation
        raise V4l2Error(EINVAL, f"no buffer at offset {offset:#x}")

    def contents(self, session_id: int, buf_type: int, index: int) -> Sequence[Plane]:
        """Give the memory planes of a buffer to read; V4l2Error(EINVAL) when there is none."""
        session = self._sessions.get(session_id)
        buffer = session.queue(buf_type).buffers.get(index) if session else None
        if buffer is None:
            raise V4l2Error(EINVAL, f"no buffer {index} of session {session_id}")
        return [plane.contents() for plane in buffer.planes]

    def advance(self) -> None:
        """Nothing is ever due: the device has the clock."""

    def detach(self) -> None:
        """Close the device; another node takes this one's place."""
        if self._detached:
            return
        self._detached = True
        self._ports.reactor.unwatch(self._epoll.fileno())
        sessions = [*self._sessions.values(), *self._leaving]
        self._sessions.clear()
        self._by_fd.clear()
        for session in sessions:
            session.release(session.buffers())

        def last() -> None:
            for session in sessions:
                self._let_go(session)
            self._epoll.close()

        self._worker.stop(last)

    # Onlookers

    def sessions(self) -> tuple[SessionSnapshot, ...]:
        """Describe the open sessions."""
        return tuple(session.snapshot() for session in self._sessions.values())

    def queues(self, session_id: int | None = None) -> tuple[QueueSnapshot, ...]:
        """Describe the queues of a session; without one, of all that have buffers."""
        if session_id is not None:
            session = self._sessions.get(session_id)
            return session.queue_snapshots() if session else ()
        shown = [q for s in self._sessions.values() for q in s.queue_snapshots()]
        owned = [queue for queue in shown if queue.owner is not None]
        seen = {queue.type for queue in owned}
        for queue in (*shown, *self._last_queues):
            if queue.type not in seen:
                seen.add(queue.type)
                owned.append(queue)
        return tuple(owned)

    # Jobs

    def _submit(self, session: HostSession, name: str, steps: Steps) -> Later:
        job = Job(
            session.id,
            f"{name} on {self._device.path}",
            steps,
            stuck=lambda: self._abandon(session),
            leftover=lambda: self._close_late(session),
        )
        later = self._worker.submit(job)
        later.then(lambda error: self._answered(session, error))
        return later

    def _run_now(self, session: HostSession, number: int, steps: Steps) -> None:
        """Run a job whose calls do not wait, on the loop."""
        try:
            call = next(steps)
            while True:
                try:
                    result = call()
                except OSError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(result)
        except StopIteration:
            self._follow(session)
        except OSError as error:
            if error.errno == ENODEV:
                self._ports.reactor.later(0, lambda: self._check_presence(session))
            raise V4l2Error(
                error.errno or EIO, f"{ioctl_name(number)}: {error.strerror}"
            ) from error

    def _answered(self, session: HostSession, error: V4l2Error | None) -> None:
        if session.id not in self._sessions:
            return
        if error is None:
            self._follow(session)
        elif error.errno == ENODEV:
            self._check_presence(session)

    def _opening(self, session: HostSession) -> Steps:
        place = self._device.place

        def call() -> tuple[list[bytearray | None], list[bytearray | None]]:
            # Known at once, so that whoever closes the session meanwhile closes the device.
            session.fd = place.open()
            kinds = list(session.queues)
            formats = [session.ask_format(kind) for kind in kinds]
            return formats, [session.ask_interval(kind) for kind in kinds[:1]]

        try:
            formats, intervals = yield call
        except OSError as error:
            log.warning("session %d: %s", session.id, open_problem(place.path, error))
            raise
        for fmt in formats:
            session.learn_format(fmt)
        for interval in intervals:
            session.learn_interval(interval)

    def _opened(self, session: HostSession, error: V4l2Error | None) -> None:
        if error is None and self._sessions.get(session.id) is session:
            self._by_fd[session.fd] = session
            self._epoll.register(session.fd, session.watched)
        else:
            self._sessions.pop(session.id, None)

    def _closing(self, session: HostSession) -> Steps:
        try:
            yield lambda: self._let_go(session)
        finally:
            session.release(session.buffers())

    def _let_go(self, session: HostSession) -> None:
        """Close a session's device, and what is mapped of it; a Call's part."""
        with suppress(OSError, ValueError):
            self._epoll.unregister(session.fd)
        for buffer in session.buffers():
            for plane in buffer.planes:
                if plane.mapping is not None:
                    mapping, plane.mapping = plane.mapping, None
                    self._kernel.unmap(mapping)
        self._close_late(session)

    def _close_late(self, session: HostSession) -> None:
        """Close a session's device; a Call's part."""
        fd, session.fd = session.fd, -1
        if fd >= 0:
            self._kernel.close(fd)

    def _abandon(self, session: HostSession) -> None:
        """The driver keeps a call of this session: when it comes back, the device is closed."""
        if self._sessions.pop(session.id, None) is None:
            return
        self._by_fd.pop(session.fd, None)
        with suppress(OSError, ValueError):
            self._epoll.unregister(session.fd)
        self._worker.cancel(session.id)
        session.release(session.buffers())
        self._ports.sink.error(session.id, EIO)

    # The device

    def _look_away(self) -> None:
        self._ports.reactor.unwatch(self._epoll.fileno())

    def _look_again(self) -> None:
        if not self._detached:
            self._ports.reactor.watch(self._epoll.fileno(), self._ready)
            # A guest that always has another call for us must not keep its frames away.
            self._ready()

    def _ready(self) -> None:
        """A device has buffers or events, or has gone."""
        if self._worker.busy or self._detached:
            return
        for fd, found in self._epoll.poll(0):
            session = self._by_fd.get(fd)
            if session is None or self._worker.busy:
                continue
            if found & _GONE:
                log.warning("%s has gone", self._device.path)
                self.fail(session.id, ENODEV)
                continue
            if found & select.EPOLLPRI:
                session.pass_events()
            if found & _READY:
                self._take(session, found)

    def _take(self, session: HostSession, found: int) -> None:
        passed, errno = session.pass_buffers()
        if errno:
            self.fail(session.id, errno)
        elif found & select.EPOLLERR and not passed:
            self._epoll.modify(session.fd, select.EPOLLET)
            session.watched = select.EPOLLET
            self._ports.reactor.later(_REST_NS, lambda: self._answered(session, None))
        else:
            self._follow(session)

    def _follow(self, session: HostSession) -> None:
        """Look for what the session expects now."""
        wanted = session.wants()
        if wanted != session.watched and session.fd in self._by_fd and not self._worker.busy:
            session.watched = wanted
            self._epoll.modify(session.fd, wanted)

    def _check_presence(self, session: HostSession) -> None:
        """A call said ENODEV: some drivers say that for other reasons than being unplugged."""
        if session.fd not in self._by_fd:
            return
        if self._worker.busy:
            self._ports.reactor.later(_REST_NS, lambda: self._check_presence(session))
            return
        poller = select.poll()
        poller.register(session.fd, select.POLLPRI)
        if any(found & select.POLLHUP for _, found in poller.poll(0)):
            log.warning("%s has gone", self._device.path)
            self.fail(session.id, ENODEV)


def _runs(session: HostSession, arg: bytearray) -> bool:
    queue = session.queues.get(BUFFER.unpack_from(arg)[1])
    return queue is not None and queue.running


def _idle(queues: tuple[QueueSnapshot, ...]) -> tuple[QueueSnapshot, ...]:
    """The queues as they are once their session has gone: formats remain."""
    return tuple(
        QueueSnapshot(
            type=queue.type,
            owner=None,
            memory=0,
            streaming=False,
            running=False,
            format=queue.format,
            interval=queue.interval,
            queued=0,
            frames=0,
            dropped=0,
            sequence=0,
            buffers=(),
        )
        for queue in queues
    )
