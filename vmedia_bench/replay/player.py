"""
A recorded guest, played again: its commands in its order, and its patience for events.

An event that the recorded guest had when it sent a command is waited for before that command is
sent: what the guest did next may hang on it (a QBUF of the buffer that came back does). Data of
output buffers and of control payloads is not in a trace; both are zeros.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from vmedia_bench.guest.driver import Descriptor, Driver
from vmedia_bench.guest.errors import BackendError, GuestError
from vmedia_bench.guest.events import DqbufEvent, ErrorEvent, Event, V4l2Event, parse_event
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.replay.comparison import compare_answers, compare_events, event_line
from vmedia_bench.replay.report import Difference, ReplayReport, Skipped
from vmedia_bench.replay.translation import NOBODY, Translation, needed_memory
from vmedia_bench.trace.entry import Entry, summarize
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import VIDIOC_REQBUFS, VIDIOC_STREAMOFF

EVENT_LIMIT_S: Final = 2.0
"""How long an event may keep the replay waiting, the first time one is missing."""
IMPATIENT_S: Final = 0.05
"""The same, once one of its kind did not come."""
MEMORY: Final = 32 << 20
"""Guest memory beside what the commands name, in bytes."""
MOST_MEMORY: Final = 2 << 30
LARGEST_ROOM: Final = 1 << 20
"""No answer is longer; a recorded guest may have offered more."""
_PAGE: Final = 4096
_ENDS_EVENTS: Final = frozenset((VIDIOC_STREAMOFF, VIDIOC_REQBUFS))

Progress = Callable[[int, int], None]


class EventKey(NamedTuple):
    """Events that come one after the other: those of a queue, or of one type of a session."""

    session: int
    name: str
    type: int = 0
    id: int = 0


def replay(
    records: Iterable[Record],
    socket: Path,
    *,
    metadata: Mapping[str, Any] | None = None,
    order: str = "qemu",
    event_limit_s: float = EVENT_LIMIT_S,
    progress: Progress | None = None,
) -> ReplayReport:
    """
    Play a trace against the back-end on `socket`; what it did differently is in the report.

    `metadata` is the trace's own, `order` the VMM to behave like, `progress` is told how many of
    how many records are done. Raises BackendUnreachableError where nobody listens, and GuestError
    for an unknown order; whatever the back-end does afterwards is in the report.
    """
    kept = list(records)
    report = ReplayReport(str(socket))
    memory = MEMORY + needed_memory(r.request for r in kept if r.kind == Kind.COMMAND)
    if memory > MOST_MEMORY:
        report.notes.append(f"the trace names {memory >> 20} MB of guest memory, which is too much")
        memory = MOST_MEMORY
    started = time.monotonic()
    with Vmm.connect(socket, order=order, memory_size=-(-memory // _PAGE) * _PAGE) as vmm:
        _compare_config(report, (metadata or {}).get("config"), vmm.config)
        player = _Player(vmm, report, event_limit_s)
        try:
            for done, record in enumerate(kept):
                player.play(record)
                if progress is not None and not done % 256:
                    progress(done, len(kept))
            player.finish()
        except BackendError as problem:
            report.aborted = f"{problem}, at record {player.seq}"
        report.notes += [f"the back-end's slip: {each}" for each in vmm.violations]
    report.seconds = time.monotonic() - started
    return report


def _compare_config(report: ReplayReport, recorded: object, config: bytes) -> None:
    if isinstance(recorded, str) and recorded != config.hex():
        report.add(Difference(0, 0, "config", "config", recorded, config.hex()))


class _Player:
    """One guest on its way through a trace."""

    def __init__(self, vmm: Vmm, report: ReplayReport, event_limit_s: float) -> None:
        self.seq = 0
        self._vmm = vmm
        self._report = report
        self._limit = event_limit_s
        self._driver = Driver(vmm)
        self._driver.on_event = self._arrived
        self._translation = Translation(vmm.ram.allocate)
        self._events: dict[EventKey, deque[Event]] = {}
        self._missing: set[EventKey] = set()
        self._due: list[Record] = []
        self._fault = ""

    def play(self, record: Record) -> None:
        """The next record. Raises BackendError where the replay cannot go on."""
        self.seq = record.seq
        if record.kind == Kind.EVENT:
            self._due.append(record)
        elif record.kind == Kind.FAULT:
            self._fault = record.note
        elif record.kind == Kind.COMMAND:
            # Events from within the command's own time are its doing and come after it is sent.
            before = [event for event in self._due if event.start_ns < record.start_ns]
            within = [event for event in self._due if event.start_ns >= record.start_ns]
            self._due.clear()
            self._expect(before)
            entry = summarize(record)
            self._command(record, entry)
            if entry.ioctl not in _ENDS_EVENTS and entry.name != "CLOSE":
                self._expect(within)
            self._fault = ""

    def finish(self) -> None:
        """Wait for the last events."""
        self._expect(self._due)
        self._due.clear()

    # -- commands ----------------------------------------------------------------------------

    def _command(self, record: Record, entry: Entry) -> None:
        sessions = self._translation.sessions
        stranger = entry.session and entry.session not in sessions
        if entry.name == "OPEN" and entry.session in sessions:
            # The recorded device was reset, or another guest came.
            self._vmm.reset()
            self._translation.forget()
            self._events.clear()
        elif stranger and entry.name != "OPEN" and entry.status == 0:
            why = f"session {entry.session} was opened before the trace begins"
            self._report.skipped.append(Skipped(record.seq, entry.name, why))
            return
        try:
            request = self._translation.request(record.request)
        except GuestError as problem:
            self._report.skipped.append(Skipped(record.seq, entry.name, str(problem)))
            return
        response, used = self._send(record, request)
        self._report.commands += 1
        if record.response or entry.name == "CLOSE":
            for deviation in compare_answers(record, response, used):
                self._differ(record.seq, entry.session, entry.name, *deviation)
        else:
            self._report.skipped.append(Skipped(record.seq, entry.name, "it had no answer"))
        self._settle(record, entry, response)

    def _settle(self, record: Record, entry: Entry, response: bytes) -> None:
        """Take over what the two answers say about sessions, offsets and queues."""
        sessions = self._translation.sessions
        if entry.name == "CLOSE":
            self._drop_events(sessions.pop(entry.session, NOBODY))
        if entry.status or len(response) < 4 or any(response[:4]):
            return
        if entry.name == "OPEN" and len(response) >= media.RESP_OPEN.size:
            sessions[entry.session] = media.RESP_OPEN.unpack_from(response)[1]
        elif entry.ioctl in _ENDS_EVENTS:
            at = media.CMD_SESSION.size + (4 if entry.ioctl == VIDIOC_REQBUFS else 0)
            kind = structs.U32.unpack_from(record.request, at)[0]
            self._events.pop(EventKey(sessions[entry.session], "DQBUF", kind), None)
        self._translation.answered(record.request, record.response, response)

    def _send(self, record: Record, request: bytes) -> tuple[bytes, int]:
        """Send it in a chain of the recorded shape; what was written, and the used length."""
        ram = self._vmm.ram
        room = min(sum(record.writable), LARGEST_ROOM)
        at = ram.allocate(len(request) + room)
        try:
            ram.at(at, len(request))[:] = request
            readable, writable = list(record.readable), list(record.writable)
            slots = self._vmm.commandq.shared_slots
            if sum(writable) != room or len(readable) + len(writable) > slots:
                writable = [room]
            if sum(readable) != len(request) or len(readable) + len(writable) > slots:
                readable = [len(request)]
            chain: list[Descriptor] = []
            place = at
            for lengths, writes in ((readable, False), (writable, True)):
                for length in lengths:
                    if length:
                        chain.append((place, length, writes))
                    place += length
            used = self._driver.raw_chain(chain)
            response = bytes(ram.at(at + len(request), min(used, room))) if room else b""
        finally:
            ram.free(at)
        self._driver.collect()
        return response, used

    # -- events ------------------------------------------------------------------------------

    def _arrived(self, event: Event) -> None:
        """The driver has one."""
        self._driver.strays.clear()
        key = _key(event)
        if key is not None:
            self._events.setdefault(key, deque()).append(event)

    def _expect(self, records: list[Record]) -> None:
        """Wait for each of these recorded events, and compare it with the one that comes."""
        for record in records:
            recorded = parse_event(record.response)
            key = _key(recorded)
            mine = None if key is None else self._translation.sessions.get(key.session)
            if key is None or mine is None:
                continue
            self.seq = record.seq
            replayed = self._wait(key._replace(session=mine))
            about = (record.seq, key.session, key.name)
            if replayed is None:
                self._differ(*about, "event", event_line(recorded), "")
                continue
            self._report.events += 1
            for what, was, now in compare_events(recorded, replayed):
                self._differ(*about, f"event.{what}", was, now)

    def _wait(self, key: EventKey) -> Event | None:
        """The next event of that kind; None when it does not come in time."""
        end = time.monotonic() + (IMPATIENT_S if key in self._missing else self._limit)
        while not (waiting := self._events.get(key)):
            left = end - time.monotonic()
            if left <= 0:
                self._missing.add(key)
                return None
            self._driver.wait_event(left)
        self._missing.discard(key)
        return waiting.popleft()

    def _drop_events(self, session: int) -> None:
        for key in [key for key in self._events if key.session == session]:
            del self._events[key]

    def _differ(
        self, seq: int, session: int, name: str, what: str, recorded: str, replayed: str
    ) -> None:
        self._report.add(Difference(seq, session, name, what, recorded, replayed, self._fault))


def _key(event: Event) -> EventKey | None:
    """What an event is expected by; None for what is none."""
    if isinstance(event, DqbufEvent):
        return EventKey(event.session_id, "DQBUF", event.buffer.type)
    if isinstance(event, V4l2Event):
        return EventKey(event.session_id, "EVENT", event.type, event.id)
    return EventKey(event.session_id, "ERROR") if isinstance(event, ErrorEvent) else None
