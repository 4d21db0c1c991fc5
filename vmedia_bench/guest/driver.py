"""
A virtio-media driver: commands over the commandq, events off the eventq.

It lays commands out as the Linux driver does and keeps one in flight; `batch` keeps many, for
measurements.
"""

from collections.abc import Callable, Sequence

from vmedia_bench.guest.chains import CommandMemory, Request
from vmedia_bench.guest.errors import BackendError, GuestError, GuestIoctlError
from vmedia_bench.guest.events import BadEvent, ErrorEvent, Event, parse_event
from vmedia_bench.guest.prepared import PreparedCommand
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.vhost.layout import DESC, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE
from vmedia_bench.wire import media
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.vhost_user import F_INDIRECT_DESC

EVENT_BUFFERS = 16
SHADOW_SIZE = 0x4000
"""Bytes of memory for commands that run alone; a larger one gets memory of its own."""

# (guest-physical address, length in bytes, whether the device writes there)
Descriptor = tuple[int, int, bool]


class Driver:
    """
    The driver of one device. `driver.open()` gives a session.

    A device has one driver: making another resets the device and ends the first one's sessions.

    `shared` makes the two payloads of a WR ioctl one memory, as Linux does. `indirect` puts each
    chain into an indirect table (only where the feature was negotiated). `event_buffers` and
    `event_size` say how many buffers of how many bytes are posted on the eventq. Events without a
    session, or that are none, end up in `strays`.
    """

    def __init__(
        self,
        vmm: Vmm,
        *,
        shared: bool = True,
        indirect: bool = False,
        event_buffers: int = EVENT_BUFFERS,
        event_size: int = media.EVENT_MAX_SIZE,
    ) -> None:
        if indirect and not vmm.features & F_INDIRECT_DESC:
            raise GuestError("INDIRECT_DESC was not negotiated")
        self.vmm = vmm
        self.shared = shared
        self.indirect = indirect
        self.sessions: dict[int, Session] = {}
        self.strays: list[Event] = []
        self.event_count = 0
        self.on_event: Callable[[Event], None] | None = None
        self._event_size = event_size
        self._event_buffers = min(event_buffers, vmm.eventq.size)
        if vmm.unbind is not None:
            vmm.unbind()
            vmm.reset()
        self._begin()
        vmm.after_reset.append(self._restart)
        vmm.unbind = self._unbind

    def _begin(self) -> None:
        """Take hold of the rings and post the event buffers."""
        self._queue = self.vmm.commandq
        self._eventq = self.vmm.eventq
        ram = self.vmm.ram
        self._shadow = CommandMemory(ram, SHADOW_SIZE, shared=self.shared)
        self._events_at = ram.allocate(max(self._event_size * self._event_buffers, 1))
        self._post()

    def _post(self) -> None:
        size, ram = self._event_size, self.vmm.ram
        heads = range(self._event_buffers)
        self._event_views = [ram.at(self._events_at + size * i, size) for i in heads]
        table = b"".join(
            DESC.pack(self._events_at + size * i, size, DESC_F_WRITE, 0) for i in heads
        )
        self._eventq.write_descriptors(0, table)
        if heads:
            self._eventq.offer(heads)

    def _forget_sessions(self) -> None:
        for session in list(self.sessions.values()):
            session.forget("the device was reset")
        self.sessions.clear()

    def _unbind(self) -> None:
        """Make room for another driver."""
        self._forget_sessions()
        self.vmm.after_reset.remove(self._restart)
        self._shadow.close()
        self.vmm.ram.free(self._events_at)

    def _restart(self) -> None:
        """After a reset of the device: sessions are gone, event buffers are posted anew."""
        self._forget_sessions()
        self._queue, self._eventq = self.vmm.commandq, self.vmm.eventq
        self._post()

    # -- sessions ----------------------------------------------------------------------------

    def open(self) -> Session:
        """OPEN: a new session. Raises GuestIoctlError when the device refuses, BackendError."""
        answer = self.execute(
            "OPEN", Request(media.CMD_HEADER.pack(media.CMD_OPEN, 0), response=16)
        )
        if len(answer) < media.RESP_OPEN.size:
            raise BackendError(f"back-end answered OPEN with {len(answer)} bytes, 16 are needed")
        _, session_id = media.RESP_OPEN.unpack_from(answer)
        if session_id in self.sessions:
            raise BackendError(f"back-end opened session {session_id}, which is open already")
        session = Session(self, session_id)
        self.sessions[session_id] = session
        self.collect()
        return session

    def close_session(self, session_id: int) -> int:
        """CLOSE, which has no answer; returns the used length, which should be 0."""
        command = media.CMD_SESSION.pack(media.CMD_CLOSE, session_id, 0)
        _, used = self.submit(Request(command, response=0))
        self.sessions.pop(session_id, None)
        self.collect()
        return used

    # -- commands ----------------------------------------------------------------------------

    def execute(self, name: str, request: Request) -> bytes:
        """
        Run a command; all bytes of its answer, header included.

        Raises GuestIoctlError for a status other than 0, with the bytes after the header, and
        BackendError for an answer shorter than a header.
        """
        answer, used = self.submit(request)
        if used < media.RESP_HEADER.size:
            raise BackendError(f"back-end answered {name} with {used} bytes, a header has 8")
        status = media.RESP_HEADER.unpack_from(answer)[0]
        if status:
            raise GuestIoctlError(name, status, errno_name(status), answer[8:])
        return answer

    def submit(self, request: Request) -> tuple[bytes, int]:
        """Run any request; what the device wrote, and the used length. Raises BackendError."""
        size = len(request.command) + request.response + 2 * request.payload_size
        size += sum(map(len, request.lists)) + 16 * 64
        if size <= SHADOW_SIZE:
            return self._submit(request, self._shadow)
        memory = CommandMemory(self.vmm.ram, size, shared=self.shared)
        try:
            return self._submit(request, memory)
        finally:
            memory.close()

    def _submit(self, request: Request, memory: CommandMemory) -> tuple[bytes, int]:
        chain = memory.lay_out(request)
        used = self._transact(chain.descriptors(), chain.length)
        if self._eventq.news:
            self.collect()
        return memory.written(used), used

    def _transact(self, descriptors: bytes, count: int) -> int:
        """Run the chain made of `count` descriptors linked from index 0 on; the used length."""
        queue = self._queue
        if self.indirect or count > queue.shared_slots:
            if not self.vmm.features & F_INDIRECT_DESC:
                raise GuestError(f"a chain of {count} does not fit into a ring of {queue.size}")
            return self._transact_indirect(descriptors)
        queue.write_descriptors(0, descriptors)
        return queue.transact(0)

    def _transact_indirect(self, descriptors: bytes) -> int:
        ram = self.vmm.ram
        table = ram.allocate(len(descriptors), 16)
        try:
            ram.at(table, len(descriptors))[:] = descriptors
            entry = DESC.pack(table, len(descriptors), DESC_F_INDIRECT, 0)
            self._queue.write_descriptors(0, entry)
            return self._queue.transact(0)
        finally:
            ram.free(table)

    def raw_chain(self, descriptors: Sequence[Descriptor]) -> int:
        """
        Offer exactly these descriptors, in this order; the used length. For hostile tests.

        Each is an address, a length and whether the device writes there. Raises BackendError.
        """
        last = len(descriptors) - 1
        table = b"".join(
            DESC.pack(
                address,
                length,
                (DESC_F_WRITE if writes else 0) | (DESC_F_NEXT if at < last else 0),
                at + 1 if at < last else 0,
            )
            for at, (address, length, writes) in enumerate(descriptors)
        )
        self._queue.write_descriptors(0, table)
        return self._queue.transact(0)

    def submit_bytes(self, command: bytes, room: int) -> bytes:
        """
        Send any bytes with `room` writable ones behind them; what was written. Raises as submit.

        No answer is asked for when `room` is 0.
        """
        return self.submit(Request(command, response=room))[0]

    def prepare(self, request: Request, *, own_slots: bool = True) -> PreparedCommand:
        """
        A command built once, to run many times; with own slots it may run in a batch.

        Raises GuestError when the ring has no descriptors left.
        """
        ram = self.vmm.ram
        return PreparedCommand(self._queue, ram, request, shared=self.shared, own_slots=own_slots)

    def batch(self, commands: Sequence[PreparedCommand]) -> list[int]:
        """
        Run prepared commands, all in flight at once; their statuses, in the order given.

        Each needs slots of its own. Raises BackendError.
        """
        waiting = {command.head: command for command in commands}
        statuses: dict[int, int] = {}
        for head, used in self._queue.transact_many(list(waiting)):
            command = waiting.pop(head, None)
            if command is None:
                raise BackendError(f"back-end gave back chain {head}, which it was not offered")
            statuses[head] = command.settle(used)
        if self._eventq.news:
            self.collect()
        return [statuses[command.head] for command in commands]

    # -- events ------------------------------------------------------------------------------

    def collect(self) -> int:
        """
        Route all events that are there and post their buffers again; how many there were.

        Never sleeps. Raises BackendError when the eventq makes no sense.
        """
        eventq = self._eventq
        heads = []
        while (used := eventq.take()) is not None:
            head, length = used
            if head >= self._event_buffers:
                raise BackendError(f"back-end gave back event buffer {head}, which is none")
            if length > self._event_size:
                raise BackendError(f"back-end wrote {length} bytes into {self._event_size}")
            heads.append(head)
            self._route(parse_event(self._event_views[head][:length]))
        if heads:
            self.event_count += len(heads)
            eventq.offer(heads)
        return len(heads)

    def _route(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)
        session = None if isinstance(event, BadEvent) else self.sessions.get(event.session_id)
        if session is None:
            self.strays.append(event)
            return
        session.take_event(event)
        if isinstance(event, ErrorEvent):
            session.forget(f"the device reported {errno_name(event.errno)}", keep_id=True)

    def wait_event(self, timeout: float) -> bool:
        """
        Sleep until an event came, at most `timeout` seconds; False when none did.

        Raises BackendError when the connection is lost.
        """
        if self.collect():
            return True
        # Asking and looking again closes the gap in which an event could come unannounced.
        if self._eventq.ask_for_call():
            return bool(self.collect())
        return self.vmm.wait_for(lambda: self._eventq.news, timeout) and bool(self.collect())
