"""One rule of the engine: its plan, what became of it, and what it holds back."""

from collections.abc import Callable
from dataclasses import dataclass

from vmedia_bench.faults.check import Plan
from vmedia_bench.faults.crash import Risk
from vmedia_bench.faults.describe import rule_text
from vmedia_bench.faults.rule import Rule
from vmedia_bench.faults.schedule import Course
from vmedia_bench.faults.stage import Later

MAX_HELD = 4096
"""What one rule holds back at most; beyond that the oldest is let go early."""


@dataclass(frozen=True, slots=True)
class FaultState:
    """A rule as it stands; `last_fired_ns` is CLOCK_MONOTONIC, 0 for never.

    `may_crash_guest` says why it may, "" when it cannot as far as is known.
    """

    id: int
    rule: Rule
    armed: bool
    spent: bool
    matched: int
    fired: int
    last_fired_ns: int
    text: str
    may_crash_guest: str


class Entry:
    """A rule that was added. `allowed` says that it may crash the guest.

    What it holds back (a late answer, an event) is done at its time, or at once by `let_go`, or
    never after `void`. `lasting` undoes what it has changed for as long as it stands.
    """

    def __init__(
        self, number: int, plan: Plan, risk: Risk | None, later: Later, *, allowed: bool
    ) -> None:
        self.id = number
        self.plan = plan
        self.allowed = allowed
        self.armed = False
        self.spent = False
        self.course: Course | None = None
        self.matched = 0
        self.fired = 0
        self.last_fired_ns = 0
        self.lasting: Callable[[], None] | None = None
        self.timer: Callable[[], None] | None = None
        # What a running FLAG adds: by session and queue type, to sequence and timestamp.
        self.shifts: dict[tuple[int, int], tuple[int, int]] = {}
        self._risk = risk
        self._later = later
        self._held: dict[int, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._serial = 0

    def state(self) -> FaultState:
        """What an onlooker gets to know."""
        rule = self.plan.rule
        return FaultState(
            self.id,
            rule,
            self.armed,
            self.spent,
            self.matched,
            self.fired,
            self.last_fired_ns,
            rule_text(rule),
            self._risk.reason if self._risk else "",
        )

    @property
    def name(self) -> str:
        """What to call it."""
        return self.plan.rule.name or f"fault {self.id}"

    def hold(self, delay_ns: int, call: Callable[[], None]) -> Callable[[], None]:
        """Do `call` after a delay; what comes back does it at once, if it was not done yet."""
        if len(self._held) >= MAX_HELD:
            self._let_go_of(next(iter(self._held)))
        self._serial += 1
        serial = self._serial

        def due() -> None:
            self._let_go_of(serial)

        self._held[serial] = (call, self._later(delay_ns, due))
        return due

    def let_go(self) -> None:
        """Do at once all that is held back, in the order in which it came."""
        for serial in list(self._held):
            self._let_go_of(serial)

    def _let_go_of(self, serial: int) -> None:
        held = self._held.pop(serial, None)
        if held is not None:
            call, cancel = held
            cancel()
            call()

    def void(self) -> None:
        """Forget all that is held back."""
        held, self._held = self._held, {}
        for _call, cancel in held.values():
            cancel()

    def stand_down(self) -> None:
        """Cancel its own timer and undo what it has changed."""
        if self.timer is not None:
            self.timer()
            self.timer = None
        if self.lasting is not None:
            undo, self.lasting = self.lasting, None
            undo()
