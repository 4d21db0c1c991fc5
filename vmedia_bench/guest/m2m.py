"""
Devices with two queues: what goes in, what comes out, and the commands of stateful codecs.

Source: the V4L2 UAPI documentation, "Memory-to-Memory Stateful Video Decoder Interface" and its
encoder twin.
"""

from collections.abc import Sequence
from dataclasses import replace
from errno import EINVAL
from time import monotonic

from vmedia_bench.guest.buffers import Buffer
from vmedia_bench.guest.errors import BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.formats import PlaneLayout, VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufType, DecCmd, EncCmd

_SELECTION_SIZE = 64


class M2mStream(Stream):
    """One of the two queues of a session; the buffers of the other one are left alone."""

    def _next_dqbuf(self) -> Buffer | None:
        dqbufs = self.session.dqbufs
        for buffer in dqbufs:
            if buffer.type == self.type:
                dqbufs.remove(buffer)
                return buffer
        return None

    def poll(self) -> Frame | None:
        """The next buffer that has come back already; None: there is none."""
        self.session.driver.collect()
        while (buffer := self._next_dqbuf()) is not None:
            frame = self._take(buffer)
            if frame is not None:
                return frame
        return None

    def send(
        self, planes: Sequence[bytes | memoryview], *, timestamp_ns: int = 0, timeout: float = 5.0
    ) -> int:
        """
        Fill a free buffer and queue it, waiting up to `timeout` seconds for one; its index.

        Raises BackendTimeoutError, GuestIoctlError.
        """
        index = self.idle[0] if self.idle else self.next_frame(timeout).index
        for view, data in zip(self.memory_of(index), planes, strict=True):
            view[: len(data)] = data
        self.queue(index, tuple(len(data) for data in planes), timestamp_ns=timestamp_ns)
        return index


def queue_types(session: Session) -> tuple[int, int]:
    """The types of the output and the capture queue, single-planar or multi-planar."""
    try:
        session.get_format(int(BufType.VIDEO_OUTPUT))
    except GuestIoctlError as error:
        if error.errno != EINVAL:
            raise
        return int(BufType.VIDEO_OUTPUT_MPLANE), int(BufType.VIDEO_CAPTURE_MPLANE)
    return int(BufType.VIDEO_OUTPUT), int(BufType.VIDEO_CAPTURE)


def set_format(
    session: Session,
    buf_type: int,
    pixelformat: int,
    size: tuple[int, int] | None = None,
    sizeimage: int = 0,
) -> VideoFormat:
    """S_FMT by fourcc and (width, height); what is not given stays. Raises GuestIoctlError."""
    now = session.get_format(buf_type)
    width, height = size or (now.width, now.height)
    planes = (PlaneLayout(0, sizeimage), *now.planes[1:])
    wanted = replace(now, pixelformat=pixelformat, width=width, height=height, planes=planes)
    return session.set_format(wanted)


def decoder_command(session: Session, command: DecCmd) -> None:
    """DECODER_CMD. Raises GuestIoctlError."""
    session.ioctl("DECODER_CMD", structs.DECODER_CMD.pack(command.value, 0, b""))


def encoder_command(session: Session, command: EncCmd) -> None:
    """ENCODER_CMD. Raises GuestIoctlError."""
    session.ioctl("ENCODER_CMD", structs.ENCODER_CMD.pack(command.value, 0, b""))


def selection(session: Session, buf_type: int, target: int) -> tuple[int, int, int, int]:
    """G_SELECTION: left, top, width and height in pixels. Raises GuestIoctlError."""
    asked = structs.SELECTION.pack(buf_type, target, 0, 0, 0, 0, 0).ljust(_SELECTION_SIZE, b"\0")
    left, top, width, height = structs.SELECTION.unpack_from(session.ioctl("G_SELECTION", asked))[
        3:
    ]
    return left, top, width, height


def wait_for_event(session: Session, kind: int, timeout: float = 5.0) -> None:
    """
    Wait until a V4L2 event of this EventType comes; others are dropped.

    Raises BackendTimeoutError, and BackendError when the session died.
    """
    end = monotonic() + timeout
    while True:
        event = session.next_event(max(0.0, end - monotonic()))
        session.check_alive()
        if event is not None and event.type == kind:
            return
        if monotonic() >= end:
            raise BackendTimeoutError(f"event {kind} did not come in {timeout:g} s")
