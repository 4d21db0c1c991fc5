"""
The video node: every V4L2 ioctl a guest can send, on one source.

What `open`, `ioctl` and `close` of /dev/videoX are to the kernel. No socket, no clock: time comes
in through `now`, and `arm` asks to be called back. QUERYCAP, DQBUF, DQEVENT, priorities and
LOG_STATUS never reach a virtio-media device; what is in no table below answers ENOTTY.
"""

import logging
from collections.abc import Callable, Sequence
from errno import EINVAL

from vmedia_bench.v4l2 import (
    buffer_ioctls,
    control_ioctls,
    format_ioctls,
    inputs,
    parm,
    selection,
)
from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.memory import Allocation, GuestBuffer
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.v4l2.snapshot import (
    QueueSnapshot,
    SessionSnapshot,
    queue_snapshots,
    session_snapshot,
)
from vmedia_bench.v4l2.source import Plane, VideoSource
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.v4l2 import VIDEO_MAX_FRAME

log = logging.getLogger(__name__)

User = Sequence[GuestBuffer | None]

_USED_UP = -1  # no deadline: what was armed before has come

PLAIN: dict[int, Callable[[Context, bytearray], None]] = {
    ioctls.VIDIOC_ENUM_FMT: format_ioctls.enum_fmt,
    ioctls.VIDIOC_G_FMT: format_ioctls.g_fmt,
    ioctls.VIDIOC_S_FMT: format_ioctls.s_fmt,
    ioctls.VIDIOC_TRY_FMT: format_ioctls.try_fmt,
    ioctls.VIDIOC_ENUM_FRAMESIZES: format_ioctls.enum_framesizes,
    ioctls.VIDIOC_ENUM_FRAMEINTERVALS: format_ioctls.enum_frameintervals,
    ioctls.VIDIOC_G_PARM: parm.g_parm,
    ioctls.VIDIOC_S_PARM: parm.s_parm,
    ioctls.VIDIOC_ENUMINPUT: inputs.enuminput,
    ioctls.VIDIOC_G_INPUT: inputs.g_input,
    ioctls.VIDIOC_S_INPUT: inputs.s_input,
    ioctls.VIDIOC_ENUMOUTPUT: inputs.enumoutput,
    ioctls.VIDIOC_G_OUTPUT: inputs.g_output,
    ioctls.VIDIOC_S_OUTPUT: inputs.s_output,
    ioctls.VIDIOC_G_SELECTION: selection.g_selection,
    ioctls.VIDIOC_S_SELECTION: selection.s_selection,
    ioctls.VIDIOC_QUERYBUF: buffer_ioctls.querybuf,
}
"""What any session may ask: (context, arg)."""

OWNED: dict[int, Callable[[Context, int, bytearray], None]] = {
    ioctls.VIDIOC_REQBUFS: buffer_ioctls.reqbufs,
    ioctls.VIDIOC_CREATE_BUFS: buffer_ioctls.create_bufs,
    ioctls.VIDIOC_REMOVE_BUFS: buffer_ioctls.remove_bufs,
    ioctls.VIDIOC_STREAMON: buffer_ioctls.streamon,
    ioctls.VIDIOC_STREAMOFF: buffer_ioctls.streamoff,
    ioctls.VIDIOC_SUBSCRIBE_EVENT: lambda context, session_id, arg: context.events.subscribe(
        session_id, arg
    ),
    ioctls.VIDIOC_UNSUBSCRIBE_EVENT: lambda context, session_id, arg: context.events.unsubscribe(
        session_id, arg
    ),
}
"""What depends on who asks: (context, session, arg)."""

WITH_MEMORY: dict[int, Callable[[Context, int, bytearray, User], None]] = {
    ioctls.VIDIOC_QBUF: buffer_ioctls.qbuf,
    ioctls.VIDIOC_PREPARE_BUF: buffer_ioctls.prepare_buf,
}
"""What brings guest memory along: (context, session, arg, user)."""


class VideoNode:
    """One emulated video device over `source`; `ports` has where its buffers and events go."""

    device_type = 0

    def __init__(
        self,
        source: VideoSource,
        ports: NodePorts,
        *,
        max_buffers: int = VIDEO_MAX_FRAME,
    ) -> None:
        self.source = source
        self._ports = ports
        self._sink = ports.sink
        self._now = ports.now
        self._arm = ports.arm
        self._armed: int | None = None
        self._advancing = False
        self._max_buffers = max_buffers
        self._sessions: dict[int, Context] = {}
        self._shared = None if source.per_session else self._context(source)

    @property
    def card(self) -> str:
        """The device's name in the config space."""
        return self.source.card

    @property
    def device_caps(self) -> int:
        """V4L2_CAP_* bits of the config space."""
        return self.source.device_caps

    # Sessions

    def open(self, session_id: int) -> None:
        """Begin a session; on a codec it gets a state of its own."""
        self.source.session_opened()
        self._sessions[session_id] = self._shared or self._context(self.source.instance())

    def close(self, session_id: int) -> None:
        """End a session and free its buffers; one that is not open is passed over."""
        context = self._sessions.pop(session_id, None)
        if context is None:
            return
        context.close(session_id)
        if context is not self._shared:
            context.source.detach()

    def ioctl(self, session_id: int, number: int, arg: bytearray, user: User) -> None:
        """
        Answer one ioctl in place, as the kernel does; `number` is its number in videodev2.h.

        `arg` is the structure, with the array it points to behind it; `user` has a GuestBuffer
        for each USERPTR plane or control payload (None where its length is 0). V4l2Error: the
        errno that V4L2 has for it, ENOTTY for what this device does not have.
        """
        context = self._sessions.get(session_id)
        if context is None:
            raise V4l2Error(EINVAL, f"session {session_id} is not open")
        with_memory = WITH_MEMORY.get(number)
        if with_memory is not None:
            with_memory(context, session_id, arg, user)
            return
        plain = PLAIN.get(number)
        if plain is not None:
            plain(context, arg)
            return
        owned = OWNED.get(number)
        if owned is not None:
            owned(context, session_id, arg)
            return
        extra = context.extra_ioctls.get(number)
        if extra is not None:
            extra(arg)
            return
        control_ioctls.handle(context.controls, number, session_id, arg, user)

    def buffer_at(self, session_id: int, offset: int) -> Allocation:
        """Give the MMAP plane with this `mem_offset`; V4l2Error(EINVAL) when there is none."""
        context = self._sessions.get(session_id)
        if context is not None:
            for queue in context.queues.values():
                for buffer in queue.buffers.values():
                    for plane in buffer.planes:
                        if plane.allocation is not None and plane.allocation.offset == offset:
                            return plane.allocation
        raise V4l2Error(EINVAL, f"no buffer at offset {offset:#x}")

    def contents(self, session_id: int, buf_type: int, index: int) -> Sequence[Plane]:
        """Give the memory planes of a buffer to read; V4l2Error(EINVAL) when there is none."""
        context = self._sessions.get(session_id)
        buffer = context.queue(buf_type).buffers.get(index) if context else None
        if buffer is None:
            raise V4l2Error(EINVAL, f"no buffer {index} of session {session_id}")
        return buffer.targets

    def fail(self, session_id: int, errno: int) -> None:
        """Give a session up: its queues stop, EVT_ERROR goes out, other sessions go on."""
        if session_id in self._sessions:
            log.warning("session %d fails with %s", session_id, errno_name(errno))
            self.close(session_id)
            self._sink.error(session_id, errno)

    # Sources

    def obstacles(self, source: VideoSource) -> tuple[str, ...]:
        """Say why `source` cannot be used now; without open sessions everything can."""
        if not self._sessions:
            return ()
        if self._shared is None:
            return ("this device has a source for each session",)
        return self._shared.obstacles(source)

    def use(self, source: VideoSource) -> None:
        """
        Change to another source, under the open sessions if there are any.

        ValueError when there are `obstacles`. The config space may be another one afterwards.
        """
        obstacles = self.obstacles(source)
        if obstacles:
            raise ValueError("; ".join(obstacles))
        if self._sessions and self._shared is not None:
            self._shared.replace_source(source)
        else:
            shared = None if source.per_session else self._context(source)
            self.source.detach()
            self._shared = shared
        self.source = source

    def detach(self) -> None:
        """Let the source go: another node takes this one's place."""
        self._arm(None)
        self.source.detach()

    # Time

    def advance(self) -> None:
        """Make the frames that are due; to be called when the armed deadline has come."""
        self._armed = _USED_UP
        self._advancing = True
        try:
            now = self._now()
            for context in self._contexts():
                for stream in list(context.streams.values()):
                    stream.advance(now)
        finally:
            self._advancing = False
            self._rearm()

    # Onlookers

    def sessions(self) -> tuple[SessionSnapshot, ...]:
        """Describe the open sessions."""
        return tuple(
            session_snapshot(context, session_id) for session_id, context in self._sessions.items()
        )

    def queues(self, session_id: int | None = None) -> tuple[QueueSnapshot, ...]:
        """Describe the queues a session works on; without one, those of the whole node."""
        if session_id is not None:
            context = self._sessions.get(session_id)
            return queue_snapshots(context) if context else ()
        return tuple(queue for context in self._contexts() for queue in queue_snapshots(context))

    def context(self, session_id: int | None = None) -> Context | None:
        """Give what a session works on; without one, the node's own (None on a codec)."""
        return self._shared if session_id is None else self._sessions.get(session_id)

    # Inside

    def _context(self, source: VideoSource) -> Context:
        return Context(
            source,
            self._ports,
            changed=self._rearm,
            failed=self.fail,
            max_buffers=self._max_buffers,
        )

    def _contexts(self) -> list[Context]:
        return list(self._sessions.values()) if self._shared is None else [self._shared]

    def _rearm(self) -> None:
        """Ask for the earliest deadline of all streams, once, at the end of an `advance`."""
        if self._advancing:
            return
        deadlines = [
            stream.deadline
            for context in self._contexts()
            for stream in context.streams.values()
            if stream.deadline is not None
        ]
        earliest = min(deadlines, default=None)
        if earliest != self._armed:
            self._armed = earliest
            self._arm(earliest)
