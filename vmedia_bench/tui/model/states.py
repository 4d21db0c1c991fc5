"""Each state's mark, word and tone: never a colour alone."""

from vmedia_bench.control.operations.bench import VmState
from vmedia_bench.control.operations.sessions import SessionPhase

VM = {
    VmState.WAITING: ("○", "waiting", "dim"),
    VmState.CONNECTED: ("◐", "connected", "accent"),
    VmState.READY: ("●", "ready", "good"),
    VmState.PAUSED: ("‖", "paused", "warn"),
    VmState.GONE: ("✖", "gone", "bad"),
}

SESSION = {
    SessionPhase.OPEN: ("○", "open", ""),
    SessionPhase.BUFFERS: ("◐", "buffers", "accent"),
    SessionPhase.STREAMING: ("●", "streaming", "good"),
    SessionPhase.FAILED: ("✖", "failed", "bad"),
}

BUFFER = {
    "dequeued": ("○", "dim"),
    "prepared": ("◇", "accent"),
    "queued": ("◆", "accent"),
    "filling": ("▶", "warn"),
    "done": ("✓", "good"),
    "error": ("✖", "bad"),
}

LOG = {
    "DEBUG": ("·", "dim"),
    "INFO": ("○", ""),
    "WARNING": ("▲", "warn"),
    "ERROR": ("✖", "bad"),
}
