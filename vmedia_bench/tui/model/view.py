"""All that the panes are shown at one moment."""

from dataclasses import dataclass, field

from vmedia_bench.control.operations.bench import Snapshot, VmState
from vmedia_bench.tui.model.rates import NS, STEP_NS, Rates


@dataclass(frozen=True, slots=True)
class View:
    """One snapshot with what the screen adds: rates, the session looked at, whether it is live."""

    snapshot: Snapshot
    rates: Rates = field(default_factory=Rates)
    session: int | None = None
    live: bool = True
    """False: the bench is lost, and this is what was seen last."""

    @property
    def waiting(self) -> bool:
        """Whether no VM is connected."""
        return self.snapshot.status.vm in {VmState.WAITING, VmState.GONE}

    @property
    def since_step_s(self) -> float:
        """Seconds since rates changed: ages are as of then, so that all is drawn at once."""
        return self.snapshot.at_ns % STEP_NS / NS

    def concerns(self, session: int | None) -> bool:
        """Whether something of `session` is to be shown; what is nobody's always is."""
        return self.session is None or session is None or session == self.session
