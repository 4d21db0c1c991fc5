"""Which action goes with which place, and which of an action's fields it needs or may have."""

from dataclasses import dataclass

from vmedia_bench.faults.rule import Do, On

_ANYWHERE = frozenset((On.COMMAND, On.EVENT, On.NOW))
_ASKED = frozenset((On.COMMAND, On.EVENT))


@dataclass(frozen=True, slots=True)
class Kind:
    """One action: where it may stand; fields it must have, and may have beside them."""

    places: frozenset[On]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


KINDS = {
    Do.ERRNO: Kind(frozenset((On.COMMAND,)), ("errno",), ("delay_ms",)),
    Do.DELAY: Kind(_ASKED, ("delay_ms",)),
    Do.NEVER: Kind(frozenset((On.COMMAND,))),
    Do.USED_LENGTH: Kind(_ASKED, ("length",), ("delay_ms",)),
    Do.HEADER_ONLY: Kind(frozenset((On.COMMAND,)), (), ("delay_ms",)),
    Do.CORRUPT: Kind(_ASKED, (), ("field", "value", "hex", "offset", "delay_ms")),
    Do.DROP: Kind(frozenset((On.EVENT, On.FRAME))),
    Do.DUPLICATE: Kind(frozenset((On.EVENT,))),
    Do.REORDER: Kind(frozenset((On.EVENT,)), (), ("delay_ms",)),
    Do.FLAG: Kind(
        frozenset((On.EVENT,)), (), ("flags", "bytesused", "sequence", "timestamp_ns", "running")
    ),
    Do.REFUSE: Kind(frozenset((On.SHMEM_MAP,))),
    Do.STALL: Kind(frozenset((On.SHMEM_MAP,)), (), ("delay_ms",)),
    Do.SESSION_ERROR: Kind(_ANYWHERE, ("errno",), ("session",)),
    Do.DQBUF: Kind(
        _ANYWHERE,
        ("buffer",),
        ("session", "type", "flags", "bytesused", "sequence", "timestamp_ns"),
    ),
    Do.SOURCE_CHANGE: Kind(_ANYWHERE, (), ("session",)),
    Do.EOS: Kind(_ANYWHERE, (), ("session",)),
    Do.CONTROL: Kind(_ANYWHERE, ("control", "value"), ("session",)),
    Do.STOP_RING: Kind(_ANYWHERE, ("ring",), ("delay_ms",)),
    Do.DISCONNECT: Kind(_ANYWHERE),
    Do.CONFIG: Kind(_ANYWHERE, (), ("card", "hex", "offset", "delay_ms")),
}
"""Every action."""

FOR_SESSIONS = frozenset((Do.SESSION_ERROR, Do.DQBUF, Do.SOURCE_CHANGE, Do.EOS, Do.CONTROL))
"""Actions that are done to sessions."""
LASTING = frozenset((Do.STOP_RING, Do.CONFIG))
"""Actions that change something until their rule is disarmed or removed."""
ON_ITS_OWN = FOR_SESSIONS | LASTING | {Do.DISCONNECT}
"""Actions that need no command or event to act on."""
