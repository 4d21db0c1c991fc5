"""What can be wrong with what an operator asks of the fault engine. Messages are one line."""

from collections.abc import Sequence


class FaultError(Exception):
    """Base of everything the engine raises on purpose."""


class RuleError(FaultError):
    """A rule that makes no sense; the message names the field and what to put there."""


class CrashRefusedError(FaultError):
    """A rule that may crash the guest, and nobody said that it may.

    `reason` is why it may, one sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"it may crash the guest: {reason} (--may-crash-guest allows it)")
        self.reason = reason


class SessionNotOpenError(FaultError):
    """A rule for a session that is not open; `open` are those that are."""

    def __init__(self, session: int | None, open_sessions: Sequence[int]) -> None:
        self.session = session
        self.open = tuple(open_sessions)
        which = "no session is open" if session is None else f"session {session} is not open"
        if not self.open:
            there = "" if session is None else "; none is"
        else:
            there = f"; open: {', '.join(map(str, self.open))}"
        super().__init__(which + there)


class UnknownFaultError(FaultError):
    """There is no rule with this number; `known` are the numbers there are."""

    def __init__(self, fault: int, known: Sequence[int]) -> None:
        self.known = tuple(known)
        there = f"there are {', '.join(map(str, known))}" if known else "there are none"
        super().__init__(f"there is no fault {fault}; {there}")


class UnknownPresetError(FaultError):
    """There is no preset of this name; `near` are those it may have meant."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        self.near = tuple(near)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"there is no preset {name!r}{hint}")
