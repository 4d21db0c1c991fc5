"""
What back-ends get wrong: each check asks for one thing and tells, in words, what it got.

A check is a function of a subject that returns findings. The order
is from harmless to rude, as a fragile back-end may not live to see the last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from errno import EINVAL, ENOTTY

from vmedia_bench.guest.chains import Request
from vmedia_bench.guest.control_calls import CONTROLS_SIZE, pack_controls
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.v4l2 import (
    BufCap,
    CtrlFlag,
    CtrlType,
    EventSubFlag,
    EventType,
    Memory,
    is_capture,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a device by its driver, and the types of its video queues."""

    driver: Driver
    types: Sequence[int]


Check = Callable[[Subject], list[str]]

_UNKNOWN_SESSION = 0xFFFF_FFF0
_UNKNOWN_OFFSET = 0x7FFF_F000
_FRAMES = 5
# Long enough for a back-end that answers at all.
_SILENCE = 0.1
_REPLACED = ("QUERYCAP", "DQBUF", "DQEVENT", "LOG_STATUS")


def _status(session: Session, request: str | int, payload: bytes = b"") -> int:
    try:
        session.ioctl(request, payload)
    except GuestIoctlError as error:
        return error.errno
    return 0


def _wrong(what: str, status: int, wanted: int) -> list[str]:
    if status == wanted:
        return []
    got = errno_name(status) if status else "success"
    return [f"{what} is answered with {got}, not {errno_name(wanted)}"]


def configuration(subject: Subject) -> list[str]:
    """The configuration space and the shared-memory regions make sense."""
    vmm = subject.driver.vmm
    findings = []
    if not vmm.config:
        findings.append("there is no configuration space: protocol feature CONFIG is not offered")
    elif not subject.types:
        findings.append("device_caps name no video queue")
    if media.MMAP_SHMID not in vmm.regions:
        findings.append("there is no shared-memory region 0, so MMAP buffers cannot be mapped")
    for shmid, region in vmm.regions.items():
        if region.size & (region.size - 1):
            findings.append(f"shared-memory region {shmid} is no power of two: QEMU aborts")
    count, sized = vmm.handshake.shmem_count, len(vmm.regions)
    if count != sized:
        findings.append(f"GET_SHMEM_CONFIG counts {count} regions and gives sizes for {sized}")
    return findings


def unsupported_ioctls(subject: Subject) -> list[str]:
    """ENOTTY for what does not exist or is replaced ("Unsupported ioctls")."""
    with subject.driver.open() as session:
        findings = _wrong("an unknown ioctl (200)", _status(session, 200, bytes(8)), ENOTTY)
        for name in _REPLACED:
            findings += _wrong(f"VIDIOC_{name}", _status(session, name), ENOTTY)
    return findings


def wrong_arguments(subject: Subject) -> list[str]:
    """EINVAL for queue types and indexes that do not exist."""
    findings = []
    with subject.driver.open() as session:
        bad_type = structs.FORMAT.pack(0x7F, bytes(200))
        findings += _wrong("G_FMT of queue type 127", _status(session, "G_FMT", bad_type), EINVAL)
        for kind in subject.types:
            far = structs.FMTDESC.pack(0xFFFF, kind, 0, b"", 0, 0)
            what = f"ENUM_FMT past the end of queue type {kind}"
            findings += _wrong(what, _status(session, "ENUM_FMT", far), EINVAL)
    return findings


def reserved_fields(subject: Subject) -> list[str]:
    """Reserved fields come back as zero, whatever was in them."""
    findings = []
    with subject.driver.open() as session:
        for kind in subject.types:
            asked = structs.FMTDESC.pack(0, kind, 0, b"", 0, 0)[:-12] + b"\xff" * 12
            answer = session.ask("ENUM_FMT", asked)
            if answer and any(answer[-12:]):
                findings.append("ENUM_FMT leaves reserved fields that are not zero")
        request = session.request(26, structs.INPUT.pack(0, b"", 0, 0, 0, 0, 0, 0))
        answer, used = subject.driver.submit(request)
        if used >= 8 and any(answer[4:8]):
            findings.append("the reserved word of a response header is not zero")
    return findings


def controls(subject: Subject) -> list[str]:
    """Pointers come back untouched, and an error brings the controls with it."""
    findings = []
    with subject.driver.open() as session:
        asked = pack_controls([(0x0098_7FFF, 0, 0)])
        try:
            session.ioctl("G_EXT_CTRLS", asked)
            findings.append("G_EXT_CTRLS of a control that does not exist succeeds")
        except GuestIoctlError as error:
            if error.errno != ENOTTY:
                findings += _controls_written(error.payload, asked)
        for info in session.controls(menus=False):
            if info.type == CtrlType.CTRL_CLASS or info.flags & CtrlFlag.WRITE_ONLY:
                continue
            if not info.has_payload:
                asked = pack_controls([(info.id, 0, 0)])
                answer = session.ask("G_EXT_CTRLS", asked)
                if answer is not None:
                    findings += _pointer("G_EXT_CTRLS", asked, answer)
                break
    return findings


def _pointer(name: str, asked: bytes, answer: bytes) -> list[str]:
    before, after = asked[CONTROLS_SIZE - 8 :][:8], answer[CONTROLS_SIZE - 8 :][:8]
    return [] if before == after else [f"{name} does not give the controls pointer back untouched"]


def _controls_written(payload: bytes, asked: bytes) -> list[str]:
    if len(payload) < len(asked):
        return ["a failed G_EXT_CTRLS does not write the controls back: Linux then says EINVAL"]
    return _pointer("a failed G_EXT_CTRLS", asked, payload)


def initial_events(subject: Subject) -> list[str]:
    """SEND_INITIAL: the event is there before the response to SUBSCRIBE_EVENT."""
    with subject.driver.open() as session:
        for info in session.controls(menus=False):
            if info.type in {CtrlType.CTRL_CLASS, CtrlType.BUTTON}:
                continue
            try:
                session.subscribe(EventType.CTRL, info.id, EventSubFlag.SEND_INITIAL)
            except GuestIoctlError as error:
                return [f"control events cannot be subscribed to: {error}"]
            if session.events:
                return []
            late = session.next_event(_SILENCE) is not None
            return [f"SEND_INITIAL: the event comes {'too late' if late else 'never'}"]
    return []


def mappings(subject: Subject) -> list[str]:
    """MMAP: the length is the buffer's, the address stays; what is unknown is EINVAL."""
    findings = []
    with subject.driver.open() as session:
        for kind in subject.types:
            findings += list(_mapping(session, kind))
        try:
            session.mmap(_UNKNOWN_OFFSET)
            findings.append("MMAP of an unknown offset succeeds")
        except GuestIoctlError as error:
            findings += _wrong("MMAP of an unknown offset", error.errno, EINVAL)
        try:
            session.munmap(_UNKNOWN_OFFSET)
            findings.append("MUNMAP of an unknown address succeeds")
        except GuestIoctlError as error:
            findings += _wrong("MUNMAP of an unknown address", error.errno, EINVAL)
    return findings


def _mapping(session: Session, kind: int) -> Iterator[str]:
    with Stream(session, kind, count=2) as stream:
        yield from stream.violations
        if not stream.count:
            yield f"REQBUFS of 2 buffers of queue type {kind} gives none"
            return
        planes = len(session.get_format(kind).planes) if kind in {9, 10} else 0
        plane = session.query_buffer(0, kind, Memory.MMAP, planes).memory_planes()[0]
        first, _ = session.mmap(plane.m & 0xFFFFFFFF)
        second, _ = session.mmap(plane.m & 0xFFFFFFFF)
        if first != second:
            yield f"two MMAPs of one buffer give {first:#x} and {second:#x}"
        for _ in range(2):
            session.munmap(first)
    yield from _refusals(session)


def _refusals(session: Session) -> Iterator[str]:
    channel = session.driver.vmm.channel
    for request in channel.requests if channel else ():
        if request.refusal:
            yield f"{request.name} at {request.offset:#x} had to be refused: {request.refusal}"


def capture(subject: Subject) -> list[str]:
    """A few frames, as a strict driver takes them, from MMAP and from USERPTR buffers."""
    findings = []
    for kind in subject.types:
        if not is_capture(kind) or {2, 10} & set(subject.types):
            continue
        with subject.driver.open() as session:
            _, bits = session.request_buffers(0, kind, Memory.MMAP)
            findings += _frames(session, kind, Memory.MMAP)
            if bits & BufCap.SUPPORTS_USERPTR:
                findings += _frames(session, kind, Memory.USERPTR)
    return list(dict.fromkeys(findings))


def _frames(session: Session, kind: int, memory: Memory) -> list[str]:
    with Stream(session, kind, memory=memory, scatter=3) as stream:
        stream.queue_all()
        stream.stream_on()
        try:
            for _ in stream.frames(_FRAMES):
                pass
        except BackendTimeoutError as error:
            return [*stream.violations, str(error)]
        stream.stream_off()
        stream.check_silence(_SILENCE)
        return [f"{memory.name}: {line}" for line in stream.violations]


def session_life(subject: Subject) -> list[str]:
    """CLOSE has no answer and forgives; a session that is not there is an error."""
    findings = []
    session = subject.driver.open()
    session_id = session.id
    session.close()
    for what, number in (("CLOSE", subject.driver.open().id), ("a second CLOSE", session_id)):
        used = subject.driver.close_session(number)
        if used:
            findings.append(f"{what} is answered with {used} bytes, it has no answer")
    for number in (session_id, _UNKNOWN_SESSION):
        command = media.CMD_SESSION.pack(media.CMD_IOCTL, number, 38)
        request = Request(command, (bytes(4),), (), sends=True, receives=True)
        answer, used = subject.driver.submit(request)
        if used < media.RESP_HEADER.size:
            findings.append(f"an error is answered with {used} bytes, a header has 8")
        elif not int.from_bytes(answer[:4], "little"):
            findings.append("an ioctl of a session that is not open succeeds")
    subject.driver.open().close()
    return findings


def malformed_commands(subject: Subject) -> list[str]:
    """Commands that are none get an answer, and the next one works."""
    findings = []
    with subject.driver.open() as session:
        short = media.CMD_SESSION.pack(media.CMD_IOCTL, session.id, 4) + bytes(4)
        cases = (
            ("a command of 4 bytes", b"\1\0\0\0", EINVAL),
            ("IOCTL of 12 bytes", short[:12], EINVAL),
            ("G_FMT with 4 bytes of payload", short, EINVAL),
            ("command 99", media.CMD_HEADER.pack(99, 0), ENOTTY),
        )
        for what, command, wanted in cases:
            answer = subject.driver.submit_bytes(command, 8)
            if len(answer) < media.RESP_HEADER.size:
                findings.append(f"{what} is answered with {len(answer)} bytes, a header has 8")
                continue
            findings += _wrong(what, int.from_bytes(answer[:4], "little"), wanted)
    return findings


CHECKS: tuple[Check, ...] = (
    configuration,
    unsupported_ioctls,
    wrong_arguments,
    reserved_fields,
    controls,
    initial_events,
    mappings,
    capture,
    session_life,
    malformed_commands,
)
"""All checks, in the order in which they should run."""
