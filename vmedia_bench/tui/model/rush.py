"""Commands that rush by: numbers that nobody can read are no reason to wake up for."""

from dataclasses import replace
from typing import Final

from vmedia_bench.control.operations.bench import BenchStatus, Snapshot
from vmedia_bench.tui.model.rates import NS

RUSH: Final = 2_000
"""Commands a second."""


def only_rush(before: Snapshot, now: Snapshot) -> bool:
    """Whether more commands than RUSH came between the two, and nothing else happened."""
    commands = now.status.counters.commands - before.status.counters.commands
    return commands * NS > RUSH * (now.at_ns - before.at_ns) > 0 and _without_commands(
        before
    ) == _without_commands(now)


def _without_commands(snapshot: Snapshot) -> Snapshot:
    """The same, but for the time and what each command moves."""
    return replace(
        snapshot,
        at_ns=0,
        status=_status_without_commands(snapshot.status),
        sessions=tuple(replace(each, age_s=0.0, commands=0) for each in snapshot.sessions),
        trace_last=0,
    )


def _status_without_commands(status: BenchStatus) -> BenchStatus:
    return replace(
        status,
        uptime_s=0.0,
        rings=tuple(
            replace(ring, avail_index=0, used_index=0, in_flight=0, offered=0)
            for ring in status.rings
        ),
        counters=replace(status.counters, commands=0, errors=0, kicks=0, calls=0),
    )
