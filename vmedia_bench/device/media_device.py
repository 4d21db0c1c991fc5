"""The virtio-media device: commands in, responses and events out; no socket and no clock."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import EINVAL, EIO, ENOTTY
from typing import Protocol

from vmedia_bench.device.arena import Arena
from vmedia_bench.device.events import EventQueue
from vmedia_bench.device.frames import FrameLog, FrameMark
from vmedia_bench.device.guest_buffer import GuestMemory
from vmedia_bench.device.interceptor import Interceptor, Response
from vmedia_bench.device.ioctl_payload import ANSWERED_ON_ERROR, ANSWERED_WITH_PAYLOAD, READERS
from vmedia_bench.device.mappings import InterceptedShmem, Mappings, RegionMapper, ShmemPort
from vmedia_bench.device.pending import Pending
from vmedia_bench.device.sessions import Session, SessionTable
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.ports import Node, NodeMaker, NodePorts, Reactor
from vmedia_bench.wire import media
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import IOCTLS, VIDIOC_REQBUFS, VIDIOC_STREAMOFF
from vmedia_bench.wire.structs import REQUESTBUFFERS

log = logging.getLogger(__name__)

_OK = media.RESP_HEADER.pack(0)
_CARD_SIZE = 32
_IOCTL = media.CMD_IOCTL
_SESSION_SIZE = media.CMD_SESSION.size
_session_command = media.CMD_SESSION.unpack_from
_NEVER_NS = 1 << 63
_ENDS_DEQUEUEING = frozenset((VIDIOC_STREAMOFF, VIDIOC_REQBUFS))

SessionListener = Callable[[int, str, int], None]
"""Told (session, "opened", "closed" or "failed", errno)."""


class Port(ShmemPort, Protocol):
    """What the device needs of the transport while a front-end drives it."""

    @property
    def memory(self) -> GuestMemory:
        """Guest-physical memory, for SHARED_PAGES."""
        ...

    def config_changed(self) -> None:
        """Tell the driver to read the config space again."""
        ...

    def events_ready(self) -> None:
        """Fetch events with `take_event` now."""
        ...

    def after_events(self, done: Callable[[], None]) -> None:
        """Call `done` once the driver is through with the events it was sent, or soon anyway."""
        ...


@dataclass(slots=True)
class Counters:
    """What the device has done since it was made."""

    commands: int = 0
    errors: int = 0
    events: int = 0


class MediaDevice:
    """One virtio-media device over one V4L2 node.

    It satisfies the transport's `Device` port and the node's `EventSink`. Whatever a driver
    sends is answered with the errno that V4L2 has for it; an exception of our own is answered
    EIO and logged with the command's bytes, so that no guest waits for an answer in vain.
    """

    device_id = media.DEVICE_ID
    queue_count = 2

    def __init__(
        self,
        source: NodeMaker,
        arena: Arena,
        arena_fd: int,
        *,
        now: Callable[[], int],
        arm: Callable[[int | None], None],
        reactor: Reactor,
        max_sessions: int = 256,
        shmem_per_buffer: bool = False,
    ) -> None:
        self.arena = arena
        self.due_ns = _NEVER_NS
        self._arm = arm
        self.ports = NodePorts(arena, self, now, self._armed, reactor)
        self.node = source.make_node(self.ports)
        self.sessions = SessionTable(max_sessions)
        self.mappings = Mappings(arena, RegionMapper(arena, arena_fd, per_buffer=shmem_per_buffer))
        self.counters = Counters()
        self.events = EventQueue()
        self.events_waiting = False
        self.frames = FrameLog()
        self.execute: Callable[[bytes, int], Response] = self._execute
        self._now = now
        self._interceptor: Interceptor | None = None
        self._listener: SessionListener | None = None
        self._config: bytes | None = None
        self._port: Port | None = None
        self._shmem: ShmemPort | None = None
        self._memory: GuestMemory | None = None
        self._executing = False
        self._commands: dict[int, Callable[[bytes], Response]] = {
            media.CMD_OPEN: self._open,
            media.CMD_CLOSE: self._close,
            media.CMD_MMAP: self._mmap,
            media.CMD_MUNMAP: self._munmap,
        }

    # The transport's side

    def config_space(self) -> bytes:
        """virtio_media_config, 40 bytes: device_caps, device_type, card."""
        return self.own_config_space() if self._config is None else self._config

    def own_config_space(self) -> bytes:
        """The config space as the node has it, whatever the operator put in its place."""
        return self.config_space_of(self.node)

    @staticmethod
    def config_space_of(node: Node) -> bytes:
        """virtio_media_config as it is with `node` in the device."""
        card = node.card.encode()[:_CARD_SIZE].decode(errors="ignore").encode()
        return media.CONFIG.pack(node.device_caps, node.device_type, card)

    def write_config(self, offset: int, data: bytes) -> bool:
        """Refused: every field of the config space is driver-read-only."""
        log.debug(
            "the driver wrote %d bytes at %d of the read-only config space", len(data), offset
        )
        return False

    def advance(self) -> None:
        """The armed deadline has come."""
        self.due_ns = _NEVER_NS
        self.node.advance()

    def shmem_sizes(self) -> Sequence[int]:
        """Region 0 holds the MMAP buffers."""
        return (self.arena.size,)

    def attach(self, port: Port) -> None:
        """A front-end has started the device."""
        self._port = port
        self._memory = port.memory
        self._connect_shmem()

    def pause(self) -> None:
        """The VM is paused; sessions, buffers and mappings stay as they are."""

    def resume(self) -> None:
        """The VM runs on."""

    def reset(self) -> None:
        """The guest was reset: sessions, events and mappings are gone."""
        for session in self.sessions.all():
            self.node.close(session.id)
            self._tell(session.id, "closed")
        self.sessions.clear()
        self.frames.clear()
        self.events.clear()
        self.events_waiting = False
        self.mappings.forget()

    def detach(self) -> None:
        """The front-end has gone; everything it made goes with it."""
        self.reset()
        self._port = self._shmem = None
        self._memory = None

    def take_event(self, room: int) -> bytes | None:
        """The next event for a buffer of `room` bytes.

        None when none waits, b"" when the buffer is too small for it.
        """
        event = self.events.take(room)
        self.events_waiting = len(self.events) > 0
        if event:
            self.counters.events += 1
        return event

    def _execute(self, request: bytes, room: int) -> Response:
        """Run one command: `request` is all that the driver sent. `execute` is this, or stands
        before it.

        Gives the bytes to write (none for CLOSE), or a Pending that will. They do not depend on
        `room`, the bytes that the driver left for them: the transport cuts what does not fit.
        """
        del room
        self.counters.commands += 1
        self._executing = True
        try:
            if len(request) >= _SESSION_SIZE:
                command, session_id, number = _session_command(request)
                if command == _IOCTL:
                    return self._ioctl(request, session_id, number)
            return self._command(request)
        except V4l2Error as error:
            return self._refused(request, error)
        except Exception:
            log.exception("answered EIO to a command that broke the device: %s", request.hex())
            self.counters.errors += 1
            return media.RESP_HEADER.pack(EIO)
        finally:
            self._executing = False

    # Commands

    def _command(self, request: bytes) -> Response:
        if len(request) < media.CMD_HEADER.size:
            raise V4l2Error(EINVAL, f"a command of {len(request)} bytes has no header")
        command = media.CMD_HEADER.unpack_from(request)[0]
        if command == _IOCTL:
            raise V4l2Error(EINVAL, f"an IOCTL command of {len(request)} bytes has no code")
        run = self._commands.get(command)
        if run is None:
            raise V4l2Error(ENOTTY, f"command {command} is unknown")
        return run(request)

    def _open(self, request: bytes) -> Response:
        session = self.sessions.open(self._now())
        try:
            later = self.node.open(session.id)
        except BaseException:
            self.sessions.close(session.id)
            raise
        if later is None:
            return self._opened(session)
        return _answer_later(later, lambda error: self._opened_later(request, session, error))

    def _opened(self, session: Session) -> bytes:
        self._tell(session.id, "opened")
        return media.RESP_OPEN.pack(0, session.id)

    def _opened_later(self, request: bytes, session: Session, error: V4l2Error | None) -> bytes:
        if error is None and self.sessions.get(session.id) is session:
            return self._opened(session)
        self.sessions.close(session.id)
        return self._refused(request, error or V4l2Error(EIO, "the device was reset"))

    def _close(self, request: bytes) -> Response:
        """CLOSE has no response: an unknown session is passed over in silence."""
        if len(request) < media.CMD_SESSION.size:
            return b""
        session_id = media.CMD_SESSION.unpack_from(request)[1]
        if self.sessions.close(session_id) is None:
            log.debug("CLOSE of session %d, which is not open", session_id)
            return b""
        later = self.node.close(session_id)
        self.frames.forget(session_id)
        self._tell(session_id, "closed")
        self.events.forget(session_id)
        self.events_waiting = len(self.events) > 0
        if later is not None:
            return _answer_later(later, lambda _error: self._after_events(b""))
        return self._after_events(b"")

    def _mmap(self, request: bytes) -> Response:
        if len(request) < media.MMAP_COMMAND.size:
            raise V4l2Error(
                EINVAL, f"MMAP came with {len(request)} of {media.MMAP_COMMAND.size} bytes"
            )
        _, session_id, _flags, offset = media.MMAP_COMMAND.unpack_from(request)
        self._working(session_id)
        allocation = self.node.buffer_at(session_id, offset)
        block = self.arena.block_at(allocation.offset)
        if block is None or self._shmem is None:
            raise V4l2Error(EINVAL, f"no buffer at offset {offset:#x}")
        return self.mappings.map(self._shmem, block)

    def _munmap(self, request: bytes) -> Response:
        if len(request) < media.MUNMAP_COMMAND.size:
            raise V4l2Error(EINVAL, f"MUNMAP came with {len(request)} of 16 bytes")
        address = media.MUNMAP_COMMAND.unpack_from(request)[1]
        if self._port is None:
            raise V4l2Error(EINVAL, f"nothing is mapped at {address:#x}")
        return self.mappings.unmap(self._port, address)

    def _ioctl(self, request: bytes, session_id: int, number: int) -> Response:
        session = self.sessions.get(session_id)
        if session is None or session.failed_with:
            session = self._working(session_id)
        session.commands += 1
        read = READERS.get(number)
        if read is None or self._memory is None:
            raise V4l2Error(ENOTTY, f"ioctl {number} is unknown")
        arg, user = read(request, self._memory)
        try:
            later = self.node.ioctl(session_id, number, arg, user)
        except V4l2Error as error:
            return self._ioctl_refused(request, session, number, arg, error)
        if later is not None:
            return _answer_later(
                later,
                lambda error: (
                    self._ioctl_done(session_id, number, arg)
                    if error is None
                    else self._ioctl_refused(request, session, number, arg, error)
                ),
            )
        if number in _ENDS_DEQUEUEING:
            return self._ioctl_done(session_id, number, arg)
        return _OK + arg if number in ANSWERED_WITH_PAYLOAD else _OK

    def _ioctl_done(self, session_id: int, number: int, arg: bytearray) -> Response:
        response = _OK + arg if number in ANSWERED_WITH_PAYLOAD else _OK
        if number not in _ENDS_DEQUEUEING:
            return response
        if number == VIDIOC_REQBUFS:
            self.frames.forget(session_id, REQUESTBUFFERS.unpack_from(arg)[1])
        return self._after_events(response)

    def _ioctl_refused(
        self, request: bytes, session: Session, number: int, arg: bytearray, error: V4l2Error
    ) -> bytes:
        session.last_errno = error.errno
        refused = self._refused(request, error)
        return refused + arg if number in ANSWERED_ON_ERROR else refused

    def _after_events(self, response: bytes) -> Response:
        """The response, once the driver has seen the DQBUF events that went out before it.

        Linux's driver clears a queue when STREAMOFF, REQBUFS or CLOSE comes back, and puts the
        events it looks at afterwards into that cleared queue: its lists break, and the kernel.
        """
        if self._port is None:
            return response
        pending = Pending()
        self._port.after_events(lambda: pending.settle(response))
        return response if pending.settled else pending

    def _working(self, session_id: int) -> Session:
        session = self.sessions.get(session_id)
        if session is None:
            raise V4l2Error(EINVAL, f"session {session_id} is not open")
        if session.failed_with:
            raise V4l2Error(
                EINVAL, f"session {session_id} has failed ({errno_name(session.failed_with)})"
            )
        return session

    def _refused(self, request: bytes, error: V4l2Error) -> bytes:
        self._note_error(request, error)
        return media.RESP_HEADER.pack(error.errno)

    def _note_error(self, request: bytes, error: V4l2Error) -> None:
        self.counters.errors += 1
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s: %s", command_name(request), error)

    # The node's side (EventSink)

    def _armed(self, deadline_ns: int | None) -> None:
        self.due_ns = _NEVER_NS if deadline_ns is None else deadline_ns
        self._arm(deadline_ns)

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        """A buffer goes back to the driver."""
        self.frames.note(session_id, buffer, planes)
        self.events.dqbuf(session_id, buffer, planes)
        self._announce()

    def event(self, session_id: int, event: bytes) -> None:
        """A V4L2 event for a session that subscribed to it."""
        self.events.event(session_id, event)
        self._announce()

    def error(self, session_id: int, errno: int) -> None:
        """A session has failed for good; its ID stays taken until the driver's CLOSE."""
        session = self.sessions.get(session_id)
        if session is None or session.failed_with:
            return
        session.failed_with = session.last_errno = errno
        self.events.error(session_id, errno)
        self._announce()
        self._tell(session_id, "failed", errno)

    def frames_lost(self, count: int) -> None:
        """Frames went by without a buffer."""
        self.frames.dropped += count

    def frame_wanted(self, session_id: int | None, buf_type: int) -> bool:
        """Whether the frame that is due on a queue is to be made; False: it is lost."""
        interceptor = self._interceptor
        if interceptor is None or session_id is None:
            return True
        return interceptor.frame(session_id, buf_type)

    def drop_dqbufs(self, session_id: int, buf_type: int) -> None:
        """A queue stopped: what it had ready is void."""
        self.events.drop_dqbufs(session_id, buf_type)
        self.events_waiting = len(self.events) > 0

    # The operator's side

    def intercept(self, interceptor: Interceptor | None) -> None:
        """Put somebody between device and driver; None: nobody, at no cost."""
        self._interceptor = interceptor
        self.execute = self._execute if interceptor is None else self._intercepted
        self.events.filter = None if interceptor is None else interceptor.event
        self._connect_shmem()

    def watch(self, listener: SessionListener | None) -> None:
        """Tell `listener` what becomes of sessions; called on the loop, it must not raise."""
        self._listener = listener

    def send_raw(self, event: bytes) -> None:
        """Send an event nobody asked for; neither STREAMOFF nor CLOSE takes it back."""
        self.events.raw(event)
        self._announce()

    def release_event(self, event: bytes) -> bool:
        """Send an event that the interceptor kept back; False when it is void by now."""
        released = self.events.release(event)
        if released:
            self._announce()
        return released

    def set_config(self, config: bytes | None) -> None:
        """Show another config space (40 bytes) and announce it; None: the node's own."""
        if config is not None and len(config) != media.CONFIG.size:
            raise ValueError(f"a config space has {media.CONFIG.size} bytes, not {len(config)}")
        before = self.config_space()
        self._config = config
        if self.config_space() != before:
            self.announce_config()

    def replace_node(self, node: Node, errno: int) -> None:
        """Put another node in place; sessions that work end with EVT_ERROR `errno` first."""
        for session in self.sessions.all():
            if not session.failed_with:
                self.node.fail(session.id, errno)
                self.frames.forget(session.id)
        self.node.detach()
        self.node = node

    def announce_config(self) -> None:
        """Tell the guest, if there is one, to read the config space again."""
        if self._port is not None:
            self._port.config_changed()

    @property
    def config_overridden(self) -> bool:
        """Whether the operator has put another config space in place of the node's."""
        return self._config is not None

    def newest_frame(self, session_id: int | None = None) -> FrameMark | None:
        """The newest frame, of one session or of all; None when there is none."""
        return self.frames.newest(session_id)

    def _intercepted(self, request: bytes, room: int) -> Response:
        interceptor = self._interceptor
        if interceptor is None:
            return self._execute(request, room)
        counters = self.counters
        commands, errors = counters.commands, counters.errors
        answer = interceptor.command(request, lambda: self._execute(request, room))
        # One that was not executed counts too, and so does an errno that is not the device's own.
        counters.commands = commands + 1
        if isinstance(answer, bytes) and any(answer[:4]) and counters.errors == errors:
            counters.errors += 1
        return answer

    def _connect_shmem(self) -> None:
        self._shmem = self._port
        if self._port is not None and self._interceptor is not None:
            self._shmem = InterceptedShmem(self._port, self._interceptor.shmem_map)

    def _tell(self, session_id: int, what: str, errno: int = 0) -> None:
        if self._listener is not None:
            self._listener(session_id, what, errno)

    def _announce(self) -> None:
        self.events_waiting = True
        if not self._executing and self._port is not None:
            self._port.events_ready()


def _answer_later(later: Later, answer: Callable[[V4l2Error | None], Response]) -> Response:
    """A Pending for what a node is still at; `answer` makes the response of how it ended."""
    pending = Pending()

    def ended(error: V4l2Error | None) -> None:
        response = answer(error)
        if isinstance(response, bytes):
            pending.settle(response)
        else:
            response.then(pending.settle)

    later.then(ended)
    return pending


def command_name(request: bytes) -> str:
    """What a command is called, for people: `OPEN`, `VIDIOC_QBUF`, `command 9`."""
    if len(request) < media.CMD_HEADER.size:
        return "a command without a header"
    command = media.CMD_HEADER.unpack_from(request)[0]
    if command == media.CMD_IOCTL and len(request) >= media.CMD_SESSION.size:
        number = media.CMD_SESSION.unpack_from(request)[2]
        return IOCTLS[number].name if number in IOCTLS else f"ioctl {number}"
    return media.COMMAND_NAMES.get(command, f"command {command}")
