"""The engine with a clock and a stage that only move when a test says so."""

from collections.abc import Callable

from vmedia_bench.faults.engine import Engine
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import ioctl_named

MS = 1_000_000
ANSWER = media.RESP_HEADER.pack(0) + b"payload of an answer"


class HandStage:
    """Satisfies faults.stage.Stage: everything that was asked of it is in `asked`."""

    def __init__(self) -> None:
        self.standing = False
        self.sessions: tuple[int, ...] = (3,)
        self.asked: list[tuple[object, ...]] = []
        self.fired_texts: list[str] = []
        self.fired_sessions: list[int] = []
        self.void: set[bytes] = set()
        self.card = b"Camera"
        self.own = media.CONFIG.pack(1, 0, self.card)
        self.shown = self.own

    def intercept(self, on: bool) -> None:
        assert on != self.standing
        self.standing = on

    def fired(self, rule: int, session: int, text: str) -> None:
        self.fired_texts.append(text)
        self.fired_sessions.append(session)

    def open_sessions(self) -> tuple[int, ...]:
        return self.sessions

    def fail_session(self, session_id: int, errno: int) -> None:
        self.asked.append(("fail", session_id, errno))

    def send_event(self, event: bytes) -> None:
        self.asked.append(("send", event))

    def release_event(self, event: bytes) -> bool:
        if event in self.void:
            return False
        self.asked.append(("release", event))
        return True

    def config(self) -> bytes:
        return self.shown

    def set_config(self, config: bytes | None) -> None:
        self.shown = self.own if config is None else config

    def stop_ring(self, index: int) -> None:
        self.asked.append(("stop", index))

    def resume_ring(self, index: int) -> None:
        self.asked.append(("resume", index))

    def disconnect(self, reason: str) -> None:
        self.asked.append(("disconnect", reason))


class HandClock:
    """Time in nanoseconds; `let_pass` calls what is due, in its order."""

    def __init__(self) -> None:
        self.time = 1_000_000_000
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0

    def now(self) -> int:
        return self.time

    def later(self, delay_ns: int, call: Callable[[], None]) -> Callable[[], None]:
        self._serial += 1
        timer = (self.time + delay_ns, self._serial, call)
        self._due.append(timer)

        def cancel() -> None:
            if timer in self._due:
                self._due.remove(timer)

        return cancel

    def let_pass(self, ms: float = 0) -> None:
        end = self.time + round(ms * MS)
        while ready := sorted(timer for timer in self._due if timer[0] <= end):
            self._due.remove(ready[0])
            self.time = max(self.time, ready[0][0])
            ready[0][2]()
        self.time = end

    @property
    def waiting(self) -> int:
        return len(self._due)


class Rig:
    """An engine, and a device behind it that answers everything alike."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.stage = HandStage()
        self.engine = Engine(self.clock.now, self.clock.later, self.stage)
        self.executed: list[bytes] = []

    def add(self, match: Match, action: Action, *, crash: bool = False, **schedule: object) -> int:
        """Add a rule; its number."""
        rule = Rule(match=match, action=action, schedule=Schedule(**schedule))  # type: ignore[arg-type]
        return self.engine.add(rule, may_crash_guest=crash).id

    def answers(self, request: bytes, answer: bytes = ANSWER) -> list[tuple[bytes, int | None]]:
        """Let a command come; the answers that came of it, there and then and later on."""
        came: list[tuple[bytes, int | None]] = []

        def execute() -> bytes:
            self.executed.append(request)
            return answer

        response = self.engine.command(request, execute)
        if isinstance(response, bytes):
            came.append((response, None))
        else:
            response.then(lambda data, used=None: came.append((data, used)))
        return came

    def answer(self, request: bytes) -> bytes:
        """Let a command come; its answer, which must be there at once."""
        ((data, used),) = self.answers(request)
        assert used is None
        return data


def ioctl(name: str, session: int = 3, payload: bytes = b"") -> bytes:
    """An IOCTL command; without a payload it is all zeros."""
    row = ioctl_named(name)
    header = media.CMD_SESSION.pack(media.CMD_IOCTL, session, row.number)
    return header + (payload or bytes(row.size))


def qbuf(index: int, session: int = 3, buf_type: int = 1) -> bytes:
    """QBUF of a buffer."""
    return ioctl("QBUF", session, structs.U32.pack(index) + structs.U32.pack(buf_type) + bytes(80))


def dqbuf_event(index: int, sequence: int = 0, session: int = 3, stamp_ns: int = 0) -> bytes:
    """A DQBUF event of a single-planar capture queue."""
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    buffer = structs.BUFFER.pack(
        index, 1, 100, 0x2000, 1, seconds, rest // 1000, bytes(16), sequence, 1, 0, 4096, 0
    )
    header = media.EVENT_HEADER.pack(media.EVT_DQBUF, session)
    return (header + buffer).ljust(media.EVENT_DQBUF_SIZE, b"\0")


def v4l2_event(session: int = 3, kind: int = 3) -> bytes:
    """A V4L2 event."""
    header = media.EVENT_HEADER.pack(media.EVT_EVENT, session)
    return header + structs.EVENT.pack(kind, bytes(64), 0, 0, 0, 0, 0)


COMMAND = Match(on=On.COMMAND)
QBUF = Match(on=On.COMMAND, ioctl="QBUF")
DQBUF = Match(on=On.EVENT, event="DQBUF")
EVENT = Match(on=On.EVENT)
FRAME = Match(on=On.FRAME)
SHMEM = Match(on=On.SHMEM_MAP)
NOW = Match(on=On.NOW)
EIO = Action(do=Do.ERRNO, errno="EIO")
DROP = Action(do=Do.DROP)
OPEN = media.CMD_HEADER.pack(media.CMD_OPEN, 0)
CLOSE = media.CMD_SESSION.pack(media.CMD_CLOSE, 3, 0)
MMAP = media.MMAP_COMMAND.pack(media.CMD_MMAP, 3, 0, 0)
