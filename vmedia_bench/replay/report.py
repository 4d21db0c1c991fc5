"""What a replay found."""

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

MOST_KEPT: Final = 10_000


class Verdict(StrEnum):
    """The outcome; only SAME is success."""

    SAME = "same"
    """The back-end answered as the recorded one did."""
    DIFFERENT = "different"
    ABORTED = "aborted"
    """The replay could not go on to the end."""


@dataclass(slots=True)
class Difference:
    """
    One place where the back-end did something else than the recorded one, the first of `times`.

    `what` is `response.status`, a decoded field's path, `used`, `event`, `event.flags` and the
    like, or `config`.
    """

    seq: int
    """The recorded command or event."""
    session: int
    """As it was recorded."""
    name: str
    """QBUF, OPEN, DQBUF ..."""
    what: str
    recorded: str
    replayed: str
    fault: str = ""
    """A fault that had fired in the recording just before: likely the reason."""
    times: int = 1
    """How often the session's commands or events of that name differed so."""

    def __str__(self) -> str:
        reason = f" (recorded with a fault: {self.fault})" if self.fault else ""
        often = f", {self.times} times" if self.times > 1 else ""
        return (
            f"#{self.seq} session {self.session} {self.name}: {self.what} was "
            f"{self.recorded or 'nothing'}, is {self.replayed or 'nothing'}{often}{reason}"
        )

    @property
    def kind(self) -> tuple[int, str, str, str, str, str]:
        """What two differences have in common that are listed once."""
        return self.session, self.name, self.what, self.recorded, self.replayed, self.fault


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recorded command that was not sent, and why."""

    seq: int
    name: str
    why: str


@dataclass(slots=True)
class ReplayReport:
    """
    All of it. `differences` has each once with how often it came, at most 10,000 of them;
    `different` counts all.

    `aborted` says why the replay ended early, `notes` what is to know when reading the rest.
    """

    socket: str
    commands: int = 0
    events: int = 0
    """Events that came and were expected."""
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    aborted: str = ""
    seconds: float = 0.0
    _known: dict[tuple[object, ...], Difference] = field(default_factory=dict, repr=False)

    @property
    def verdict(self) -> Verdict:
        """The outcome."""
        if self.aborted:
            return Verdict.ABORTED
        return Verdict.DIFFERENT if self.different else Verdict.SAME

    def add(self, difference: Difference) -> None:
        """Take note of a difference."""
        self.different += 1
        known = self._known.get(difference.kind)
        if known is not None:
            known.times += 1
        elif len(self.differences) < MOST_KEPT:
            self._known[difference.kind] = difference
            self.differences.append(difference)

    def to_json(self) -> dict[str, Any]:
        """Everything, with the verdict, as JSON says it."""
        shown = asdict(replace(self, _known={}))
        del shown["_known"]
        return {"verdict": str(self.verdict), **shown}

    def summary(self) -> str:
        """One line."""
        end = f", aborted: {self.aborted}" if self.aborted else ""
        left_out = f", {len(self.skipped)} left out" if self.skipped else ""
        return (
            f"{self.commands} commands and {self.events} events replayed{left_out}, "
            f"{self.different} differences{end}"
        )
