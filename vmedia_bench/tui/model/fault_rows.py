"""Fault rules as rows, and which fields of a new one count."""

from vmedia_bench.control.operations.faults import FaultRow
from vmedia_bench.faults.actions import KINDS
from vmedia_bench.faults.rule import Do, On, Schedule
from vmedia_bench.tui.model.rows import Cell, Column, Row
from vmedia_bench.tui.model.text import age_text

COLUMNS = (
    Column("ID", 4, right=True),
    Column("state", 9),
    Column("fired", 6, right=True),
    Column("matched", 7, right=True),
    Column("last", 8, right=True),
    Column("schedule", 14),
    Column("rule", flex=True),
)
_MATCHED_BY = {
    On.COMMAND: ("command", "ioctl", "session", "type", "buffer"),
    On.EVENT: ("event", "session", "type", "buffer"),
    On.FRAME: ("session", "type"),
    On.SHMEM_MAP: (),
    On.NOW: (),
}
_ALWAYS = {"match.on", "action.do", "name", "armed", "schedule.count"}
_SCHEDULED = {
    "schedule.every",
    "schedule.skip",
    "schedule.probability",
    "schedule.from_s",
    "schedule.until_s",
}


def fault_rows(faults: tuple[FaultRow, ...], now_ns: int) -> list[Row]:
    """One row a rule, in the order in which they are tried."""
    return [_row(fault, now_ns) for fault in faults]


def _row(fault: FaultRow, now_ns: int) -> Row:
    state: Cell = ("○ off", "dim")
    if fault.spent:
        state = ("✓ spent", "dim")
    elif fault.armed:
        state = ("⚑ armed", "hot")
    last: Cell = ("never", "dim")
    if fault.last_fired_ns:
        last = age_text((now_ns - fault.last_fired_ns) / 1e9)
    crash = "▲ " if fault.may_crash_guest else ""
    return Row(
        fault.id,
        (
            str(fault.id),
            state,
            str(fault.fired) if fault.fired else ("0", "dim"),
            (str(fault.matched), "dim"),
            last,
            (schedule_text(fault.rule.schedule), "dim"),
            f"{crash}{fault.text}",
        ),
        "" if fault.armed and not fault.spent else "dim",
    )


def schedule_text(schedule: Schedule) -> str:
    """A schedule in few words."""
    words = []
    if schedule.count is not None:
        words.append("once" if schedule.count == 1 else f"{schedule.count} times")
    if schedule.every != 1:
        words.append(f"each {schedule.every}.")
    if schedule.skip:
        words.append(f"skip {schedule.skip}")
    if schedule.probability != 1.0:
        words.append(f"{schedule.probability:.0%}")
    if schedule.from_s:
        words.append(f"from {schedule.from_s:g} s")
    if schedule.until_s is not None:
        words.append(f"to {schedule.until_s:g} s")
    return " ".join(words) or "always"


def relevant_fields(texts: dict[str, str]) -> set[str]:
    """The fields of a rule's form that count, by place and action; names are dotted."""
    shown = {f"rule.{name}" for name in _ALWAYS} | {"may_crash_guest"}
    on, do = texts.get("rule.match.on", ""), texts.get("rule.action.do", "")
    if on in set(On):
        shown |= {f"rule.match.{name}" for name in _MATCHED_BY[On(on)]}
        if on != On.NOW:
            shown |= {f"rule.{name}" for name in _SCHEDULED}
    if do in set(Do):
        kind = KINDS[Do(do)]
        shown |= {f"rule.action.{name}" for name in (*kind.needs, *kind.takes)}
    return shown


def misfit(texts: dict[str, str]) -> str:
    """Why place and action do not go together, or what the action lacks; empty when it is right."""
    on, do = texts.get("rule.match.on", ""), texts.get("rule.action.do", "")
    if on not in set(On) or do not in set(Do):
        return ""
    kind = KINDS[Do(do)]
    if On(on) not in kind.places:
        return f"{do} goes with {', '.join(sorted(kind.places))}, not with {on}"
    lacking = [name for name in kind.needs if not texts.get(f"rule.action.{name}")]
    return f"{do} needs {' and '.join(lacking)}" if lacking else ""


def faults_title(faults: tuple[FaultRow, ...]) -> str:
    """What stands beside the pane's name."""
    if not faults:
        return "none"
    armed = sum(fault.armed and not fault.spent for fault in faults)
    return f"{armed} armed of {len(faults)}"
