"""
The fault engine: it keeps the rules and stands between device and driver while one is armed.

On a command, an event, a frame or a SHMEM_MAP at most one rule acts: the first, in the order in
which they were added, whose match and schedule say so. Rules that act on their own (EVT_ERROR,
stop a ring ...) and are triggered by a command or an event all do, once that is dealt with.
"""

from collections.abc import Callable, Sequence

from vmedia_bench.faults.actions import FOR_SESSIONS, ON_ITS_OWN
from vmedia_bench.faults.answers import Execute, Response, answer_for
from vmedia_bench.faults.check import Plan, checked
from vmedia_bench.faults.crash import risk_of
from vmedia_bench.faults.describe import action_text, command_name, event_name
from vmedia_bench.faults.entry import Entry, FaultState
from vmedia_bench.faults.errors import (
    CrashRefusedError,
    RuleError,
    SessionNotOpenError,
    UnknownFaultError,
)
from vmedia_bench.faults.event_changes import change_event, release
from vmedia_bench.faults.index import Entries, Index
from vmedia_bench.faults.matching import Facts, command_facts, command_key, event_facts
from vmedia_bench.faults.own_actions import act_on_bench, act_on_session
from vmedia_bench.faults.rule import Do, On, Rule
from vmedia_bench.faults.schedule import NS, Course
from vmedia_bench.faults.stage import Later, Now, Stage
from vmedia_bench.wire import media

Done = Callable[[bool], None]
Chosen = tuple[Entry | None, list[Entry]]

MAX_RULES = 256
"""Beyond them the oldest spent ones are forgotten."""

_NOTHING = Facts(None, None, None)


class Engine:
    """
    Fault rules at work. It satisfies the device's Interceptor; it does no I/O and has no clock.

    `now` is CLOCK_MONOTONIC in ns, `later(ns, call)` gives what cancels the call. Numbers of
    rules count from 1 and are not used twice.
    """

    def __init__(self, now: Now, later: Later, stage: Stage) -> None:
        self._now = now
        self._later = later
        self._stage = stage
        self._entries: dict[int, Entry] = {}
        self._index = Index()
        self._serial = 0
        self._standing = False
        self._swaps: dict[int, Callable[[], None]] = {}

    # The operator's side

    def add(self, rule: Rule, may_crash_guest: bool = False) -> FaultState:
        """
        Add a rule, and arm it if it says so.

        Raises RuleError for one that makes no sense, or one too many, CrashRefusedError for one
        that may crash the guest without leave, SessionNotOpenError for one that acts now on no
        open session.
        """
        plan = checked(rule)
        risk = risk_of(plan)
        if risk is not None and risk.asks and not may_crash_guest:
            raise CrashRefusedError(risk.reason)
        entry = Entry(self._serial + 1, plan, risk, self._later, allowed=may_crash_guest)
        if rule.armed:
            self._check_sessions(entry)
        self._make_room()
        self._serial += 1
        self._entries[entry.id] = entry
        if rule.armed:
            self._arm(entry)
        return entry.state()

    def remove(self, number: int) -> None:
        """Take a rule out and let go of what it holds back. Raises UnknownFaultError."""
        self._disarm(self._entry(number))
        del self._entries[number]

    def arm(self, number: int) -> FaultState:
        """Let a rule act; its schedule begins anew. Raises as `add` does, or UnknownFaultError."""
        entry = self._entry(number)
        if not entry.armed:
            self._check_sessions(entry)
            self._arm(entry)
        return entry.state()

    def disarm(self, number: int) -> FaultState:
        """Keep a rule from acting and let go of what it holds back. Raises UnknownFaultError."""
        entry = self._entry(number)
        self._disarm(entry)
        return entry.state()

    def clear(self) -> None:
        """Remove all rules and let go of what they hold back."""
        for number in list(self._entries):
            self.remove(number)

    def state(self, number: int) -> FaultState:
        """One rule as it stands. Raises UnknownFaultError."""
        return self._entry(number).state()

    def states(self) -> tuple[FaultState, ...]:
        """All rules as they stand, in the order in which they are tried."""
        return tuple(entry.state() for entry in self._entries.values())

    def guest_gone(self) -> None:
        """The guest was reset or has left: answers and events that are held back are void."""
        for entry in self._entries.values():
            entry.void()
        self._swaps.clear()
        self._stand()

    # The device's side

    def command(self, request: bytes, execute: Execute) -> Response:
        """A command came: the answer that the driver is to get."""
        key = command_key(request)
        entries = self._index.for_command(key)
        if not entries:
            return execute()
        facts = command_facts(request)
        acting, own = self._choose(entries, facts)
        if acting is None:
            answer = execute()
        else:
            answer, text = answer_for(acting, request, execute)
            self._fired(acting, facts.session, f"{command_name(key)} {text}")
        for entry in own:
            self._act_soon(entry, facts.session)
        return answer

    def event(self, event: bytes) -> Sequence[bytes] | None:
        """An event is about to go out: None for as it is, else what goes out instead."""
        kind, session = media.EVENT_HEADER.unpack_from(event)
        swap = self._swaps.pop(session, None)
        entries = self._index.for_event(kind)
        facts = event_facts(event) if entries else _NOTHING
        acting, own = self._choose(entries, facts, swapping=swap is not None)
        instead: Sequence[bytes] | None = None
        if acting is not None:
            if acting.plan.rule.action.do is Do.REORDER:
                self._swap(acting, session, event)
                instead, text = [], f"{event_name(event)} sent after the next event"
            else:
                instead, text = change_event(acting, event, self._stage)
            self._fired(acting, session, text)
        if swap is not None:
            self._later(0, swap)
            self._stand()
        for entry in own:
            self._act_soon(entry, session)
        return instead

    def frame(self, session_id: int, buf_type: int) -> bool:
        """A frame is due: False when it is to be lost."""
        acting, _ = self._choose(self._index.frame, Facts(session_id, buf_type, None))
        if acting is None:
            return True
        self._fired(acting, session_id, "frame dropped")
        return False

    def shmem_map(self, proceed: Callable[[Done], None], done: Done) -> None:
        """The front-end is to be asked for a mapping: `proceed(done)` asks."""
        acting, _ = self._choose(self._index.shmem_map, _NOTHING)
        if acting is None:
            proceed(done)
            return
        action = acting.plan.rule.action
        if action.do is Do.REFUSE:
            self._fired(acting, None, "SHMEM_MAP refused")
            done(False)
            return
        asks = bool(action.delay_ms)
        acting.hold(acting.plan.delay_ns, lambda: proceed(done) if asks else done(False))
        text = f"asked {action.delay_ms:g} ms late" if asks else "stalled: refused after 4 s"
        self._fired(acting, None, f"SHMEM_MAP {text}")

    # Choosing and firing

    def _choose(self, entries: Entries, facts: Facts, *, swapping: bool = False) -> Chosen:
        """The rule that acts on something, if one does, and those that follow on their own."""
        acting: Entry | None = None
        own: list[Entry] = []
        now = self._now() if entries else 0
        for entry in entries:
            plan, course = entry.plan, entry.course
            do = plan.rule.action.do
            alone = do in ON_ITS_OWN
            if (acting is not None and not alone) or entry.lasting is not None:
                continue
            if swapping and do is Do.REORDER:
                continue
            if course is None or not plan.target.fits(facts) or not course.looks(now):
                continue
            entry.matched += 1
            if not course.chooses():
                continue
            if alone:
                own.append(entry)
            else:
                acting = entry
        return acting, own

    def _fired(self, entry: Entry, session: int | None, text: str) -> None:
        now = self._now()
        entry.fired += 1
        entry.last_fired_ns = now
        self._stage.fired(entry.id, session or 0, text)
        self._retire_if_spent(entry, now)

    def _retire_if_spent(self, entry: Entry, now: int) -> None:
        if entry.armed and entry.lasting is None and entry.course and entry.course.spent(now):
            self._retire(entry)

    def _retire(self, entry: Entry) -> None:
        """Its schedule is over; what it holds back still comes at its time."""
        entry.spent = True
        entry.armed = False
        entry.stand_down()
        self._reindex()

    def _swap(self, entry: Entry, session: int, event: bytes) -> None:
        def send() -> None:
            if self._swaps.get(session) is due:
                del self._swaps[session]
                self._stand()
            release(entry, event, self._stage)

        due = self._swaps[session] = entry.hold(entry.plan.delay_ns, send)

    # Acting on its own

    def _act_soon(self, entry: Entry, session: int | None) -> None:
        """Once the command or event that led to it is dealt with."""

        def act() -> None:
            if entry.armed:
                self._act(entry, session)

        self._later(0, act)

    def _act(self, entry: Entry, session: int | None) -> None:
        action = entry.plan.rule.action
        text = action_text(action)
        if action.do in FOR_SESSIONS:
            wanted = action.session if action.session is not None else session
            there = self._stage.open_sessions()
            found = [s for s in there if wanted in {None, s}]
            for each in found:
                act_on_session(entry.plan, each, self._stage, self._now())
            if not found:
                text = f"nothing done: {SessionNotOpenError(wanted, there)}"
            session = wanted
        elif entry.lasting is None:
            act_on_bench(
                entry,
                self._stage,
                self._later,
                ended=lambda: self._let_last(entry),
                others=self._lasting_plans,
            )
        self._fired(entry, session, text)

    def _lasting_plans(self) -> list[Plan]:
        return [entry.plan for entry in self._entries.values() if entry.lasting is not None]

    def _let_last(self, entry: Entry) -> None:
        """The time of a lasting action is over."""
        entry.stand_down()
        if entry.plan.rule.match.on is On.NOW:
            self._retire(entry)
        else:
            self._retire_if_spent(entry, self._now())

    def _check_sessions(self, entry: Entry) -> None:
        """SessionNotOpenError for a rule that acts now, and on nobody."""
        rule = entry.plan.rule
        wanted = rule.action.session
        if rule.match.on is not On.NOW or rule.action.do not in FOR_SESSIONS:
            return
        there = self._stage.open_sessions()
        if rule.schedule.from_s == 0 and (not there if wanted is None else wanted not in there):
            raise SessionNotOpenError(wanted, there)

    # Arming

    def _make_room(self) -> None:
        if len(self._entries) < MAX_RULES:
            return
        spent = next((number for number, entry in self._entries.items() if entry.spent), None)
        if spent is None:
            raise RuleError(f"there are {MAX_RULES} rules already: remove some")
        self.remove(spent)

    def _arm(self, entry: Entry) -> None:
        schedule = entry.plan.rule.schedule
        now = self._now()
        entry.armed, entry.spent = True, False
        entry.course = Course(schedule, now)
        entry.shifts.clear()
        if entry.plan.rule.match.on is On.NOW:
            if schedule.from_s:
                entry.timer = self._later(round(schedule.from_s * NS), lambda: self._act_now(entry))
            else:
                self._act_now(entry)
            return
        if entry.course.end is not None:
            entry.timer = self._later(entry.course.end - now, lambda: self._retire(entry))
        self._reindex()

    def _act_now(self, entry: Entry) -> None:
        entry.timer = None
        entry.matched += 1
        self._act(entry, None)
        if entry.lasting is None:
            self._retire(entry)

    def _disarm(self, entry: Entry) -> None:
        entry.armed = False
        self._reindex()
        entry.stand_down()
        entry.let_go()

    def _reindex(self) -> None:
        self._index = Index(entry for entry in self._entries.values() if entry.armed)
        self._stand()

    def _stand(self) -> None:
        """Be in the way exactly while something is to be seen there."""
        standing = self._index.any or bool(self._swaps)
        if standing != self._standing:
            self._standing = standing
            self._stage.intercept(standing)

    def _entry(self, number: int) -> Entry:
        entry = self._entries.get(number)
        if entry is None:
            raise UnknownFaultError(number, tuple(self._entries))
        return entry
