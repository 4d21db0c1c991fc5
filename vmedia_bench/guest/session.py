"""A session: what an open file is to a V4L2 program."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vmedia_bench.guest.buffers import BUFFER_SIZE, Buffer, Plane, unpack_buffer
from vmedia_bench.guest.chains import Request, sg_list
from vmedia_bench.guest.control_calls import CONTROLS_SIZE, ControlCalls
from vmedia_bench.guest.errors import BackendError, GuestError, GuestIoctlError
from vmedia_bench.guest.events import DqbufEvent, ErrorEvent, Event, V4l2Event
from vmedia_bench.guest.format_calls import FormatCalls
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.ram import GuestRam, Span
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Ioctl, Shape, ioctl_name, ioctl_named

if TYPE_CHECKING:
    from vmedia_bench.guest.driver import Driver

_HEADER = media.RESP_HEADER.size


class Session(FormatCalls, ControlCalls):
    """
    An open session of the device; leaving its `with` block closes it.

    `dqbufs` and `events` hold what arrived and was not taken yet. `error` is the errno of an
    EVT_ERROR, 0 while the session is well.
    """

    def __init__(self, driver: "Driver", session_id: int) -> None:
        self.driver = driver
        self.id = session_id
        self.dqbufs: deque[Buffer] = deque()
        self.events: deque[V4l2Event] = deque()
        self.error = 0
        self._prepared: dict[int, PreparedCommand] = {}
        self._gone = ""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, BackendError):
            return
        self.close()

    def close(self) -> None:
        """CLOSE; nothing happens the second time or after a reset. Raises BackendError."""
        if self._closed:
            return
        self._closed = True
        self._drop_prepared()
        if not self._gone or self.error:
            self.driver.close_session(self.id)

    def forget(self, why: str, *, keep_id: bool = False) -> None:
        """The device no longer knows this session; after EVT_ERROR its ID must still be closed."""
        self._gone = why
        if not keep_id:
            self._closed = True
            self._drop_prepared()

    def _drop_prepared(self) -> None:
        for prepared in self._prepared.values():
            prepared.close()
        self._prepared.clear()

    @property
    def ram(self) -> GuestRam:
        """The guest's memory."""
        return self.driver.vmm.ram

    def take_event(self, event: Event) -> None:
        """Keep an event that is addressed to this session."""
        if isinstance(event, DqbufEvent):
            self.dqbufs.append(event.buffer)
        elif isinstance(event, V4l2Event):
            self.events.append(event)
        elif isinstance(event, ErrorEvent):
            self.error = event.errno

    def check_alive(self) -> None:
        """Raise BackendError when the device has ended this session with EVT_ERROR."""
        if self.error:
            raise BackendError(f"back-end ended the session with {errno_name(self.error)}")

    def next_event(self, timeout: float) -> V4l2Event | None:
        """The oldest V4L2 event, waiting up to `timeout` seconds for one; None when none came."""
        while not self.events:
            if not self.driver.wait_event(timeout):
                return None
        return self.events.popleft()

    # -- ioctls ------------------------------------------------------------------------------

    def ioctl(
        self,
        request: str | int,
        payload: bytes | bytearray | memoryview = b"",
        memory: Sequence[Sequence[Span]] = (),
    ) -> bytes:
        """
        Run an ioctl: its payload in, its payload out (b"" for a W ioctl).

        `request` is a name, with or without VIDIOC_, or a number; an unknown number travels as a
        WR ioctl. A payload of v4l2_buffer is followed by its planes, one of v4l2_ext_controls by
        its controls; `memory` names guest memory, a list of spans each, for USERPTR planes and
        for controls with a block. A plain payload shorter than the structure is filled with
        zeros. Raises GuestIoctlError with the errno, BackendError when there is no sense in the
        answer.
        """
        number = request if isinstance(request, int) else ioctl_named(request).number
        prepared = self._prepared.get(number)
        if prepared is None:
            row = IOCTLS.get(number)
            if row is None or row.shape is not Shape.PLAIN or self._gone or self.driver.indirect:
                return self._ioctl_slowly(number, row, payload, memory)
            prepared = self._prepared[number] = self._prepare(row)
        return self._run(number, prepared, payload)

    def _prepare(self, row: Ioctl) -> PreparedCommand:
        request = self.request(row.number, bytes(row.size))
        return self.driver.prepare(request, own_slots=False)

    def request(self, number: int, payload: bytes) -> Request:
        """A plain ioctl as a Request, for `Driver.prepare` and `Driver.submit`."""
        row = IOCTLS.get(number)
        direction = row.direction if row else Direction.WR
        command = media.CMD_SESSION.pack(media.CMD_IOCTL, self.id, number)
        sends = direction in {Direction.W, Direction.WR}
        receives = direction in {Direction.R, Direction.WR}
        return Request(command, (payload,) if payload else (), (), sends, receives)

    def _run(
        self, number: int, prepared: PreparedCommand, payload: bytes | bytearray | memoryview
    ) -> bytes:
        view = prepared.payload
        size = len(view)
        if len(payload) == size:
            view[:] = payload
        elif len(payload) > size:
            raise GuestError(f"{ioctl_name(number)} takes {size} bytes, not {len(payload)}")
        else:
            view[:] = bytes(payload).ljust(size, b"\0")
        return self.finish(number, prepared)

    def finish(self, number: int, prepared: PreparedCommand) -> bytes:
        """Run a prepared ioctl of this session; its payload. Raises as `ioctl` does."""
        status = prepared.run()
        if self.driver.vmm.eventq.news:
            self.driver.collect()
        if status:
            name = ioctl_name(number)
            raise GuestIoctlError(name, status, errno_name(status), prepared.answer())
        if prepared.used < prepared.full:
            raise self._too_short(number, prepared.used, prepared.full - _HEADER)
        return prepared.answer()

    @staticmethod
    def _too_short(number: int, used: int, size: int) -> BackendError:
        return BackendError(
            f"back-end answered {ioctl_name(number)} with {used} bytes, {_HEADER + size} are needed"
        )

    def _ioctl_slowly(
        self,
        number: int,
        row: Ioctl | None,
        payload: bytes | bytearray | memoryview,
        memory: Sequence[Sequence[Span]],
    ) -> bytes:
        data = bytes(payload).ljust(row.size if row else 0, b"\0")
        if row is not None and row.shape is not Shape.PLAIN:
            cut = BUFFER_SIZE if row.shape is Shape.BUFFER else CONTROLS_SIZE
            request = self.split_request(number, data, cut, memory)
        else:
            request = self.request(number, data)
        answer = self.driver.execute(ioctl_name(number), request)
        wanted = request.least_answer
        if len(answer) < _HEADER + wanted:
            raise self._too_short(number, len(answer), wanted)
        return answer[_HEADER:]

    def split_request(
        self, number: int, data: bytes, cut: int, memory: Sequence[Sequence[Span]] = ()
    ) -> Request:
        """A WR ioctl whose payload is two descriptors, the first `cut` bytes long, and SG lists."""
        command = media.CMD_SESSION.pack(media.CMD_IOCTL, self.id, number)
        parts = tuple(part for part in (data[:cut], data[cut:]) if part)
        lists = tuple(sg_list(spans) for spans in memory)
        return Request(command, parts, lists, sends=True, receives=True)

    def prepare_buffer(
        self, number: int, buffer: Buffer, memory: Sequence[Sequence[Span]] = ()
    ) -> PreparedCommand | None:
        """QBUF and the like prepared for `finish`, None where its chain needs an indirect table."""
        if self.driver.indirect:
            return None
        request = self.split_request(number, buffer.pack(), BUFFER_SIZE, memory)
        if 2 * len(request.parts) + len(request.lists) + 2 > self.driver.vmm.commandq.shared_slots:
            return None
        return self.driver.prepare(request, own_slots=False)

    def buffer_ioctl(
        self, request: str, buffer: Buffer, memory: Sequence[Sequence[Span]] = ()
    ) -> Buffer:
        """
        QUERYBUF, QBUF or PREPARE_BUF; the buffer as the device gave it back.

        `memory` has the spans of each USERPTR plane. Raises as `ioctl` does.
        """
        return unpack_buffer(self.ioctl(request, buffer.pack(), memory))

    def request_buffers(self, count: int, buf_type: int, memory: int) -> tuple[int, int]:
        """REQBUFS; how many buffers there are now, and `capabilities`. Raises GuestIoctlError."""
        asked = structs.REQUESTBUFFERS.pack(count, buf_type, memory, 0, 0)
        answer = self.ioctl("REQBUFS", asked)
        got, _, _, capabilities, _ = structs.REQUESTBUFFERS.unpack_from(answer)
        return got, capabilities

    def query_buffer(self, index: int, buf_type: int, memory: int, planes: int = 0) -> Buffer:
        """QUERYBUF; `planes` is the length of the planes array to send (multi-planar only)."""
        pointer = 0x7FFC_5000_6000 if planes else 0
        asked = Buffer(
            index, buf_type, memory, m=pointer, length=planes, planes=(Plane(),) * planes
        )
        return self.buffer_ioctl("QUERYBUF", asked)

    def stream_on(self, buf_type: int) -> None:
        """STREAMON. Raises GuestIoctlError."""
        self.ioctl("STREAMON", buf_type.to_bytes(4, "little"))

    def stream_off(self, buf_type: int) -> None:
        """STREAMOFF; events that came before the answer are dropped, as Linux drops them."""
        self.ioctl("STREAMOFF", buf_type.to_bytes(4, "little"))
        self.driver.collect()
        self.dqbufs = deque(b for b in self.dqbufs if b.type != buf_type)

    # -- mappings ----------------------------------------------------------------------------

    def mmap(self, mem_offset: int, *, writable: bool = True) -> tuple[int, memoryview]:
        """
        MMAP of the plane with that mem_offset: its address in region 0, and its bytes.

        The view has the length the device answered. Raises GuestIoctlError when the device
        refuses, BackendError when it mapped nothing there.
        """
        flags = media.MMAP_FLAG_RW if writable else 0
        command = media.MMAP_COMMAND.pack(media.CMD_MMAP, self.id, flags, mem_offset)
        answer = self.driver.execute("MMAP", Request(command, response=media.RESP_MMAP.size))
        if len(answer) < media.RESP_MMAP.size:
            raise BackendError(f"back-end answered MMAP with {len(answer)} bytes, 24 are needed")
        _, address, length = media.RESP_MMAP.unpack_from(answer)
        region = self.driver.vmm.regions.get(media.MMAP_SHMID)
        if region is None:
            raise BackendError("back-end answered MMAP, but has no shared-memory region 0")
        vmm = self.driver.vmm
        # Without acknowledgements the answer may be seen before the mapping that it speaks of.
        while not region.covers(address, length) and vmm.wait(0):
            pass
        return address, region.view(address, length)

    def munmap(self, address: int) -> None:
        """MUNMAP of an address that `mmap` gave. Raises GuestIoctlError."""
        command = media.MUNMAP_COMMAND.pack(media.CMD_MUNMAP, address)
        self.driver.execute("MUNMAP", Request(command, response=_HEADER))
