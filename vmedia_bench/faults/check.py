"""From a rule as people write it to one in numbers, with every mistake found before it is added."""

from dataclasses import MISSING, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING

from vmedia_bench.faults import names
from vmedia_bench.faults.actions import KINDS, ON_ITS_OWN
from vmedia_bench.faults.errors import RuleError
from vmedia_bench.faults.matching import TYPE_AND_INDEX, Target
from vmedia_bench.faults.patch import Patch
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule
from vmedia_bench.wire import media

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NS_PER_MS = 1_000_000
MAX_DELAY_MS = 3_600_000.0
# The device gives SHMEM_MAP up after 4 s, so that MMAP is answered within the driver's 5 s.
STALL_LIMIT_MS = 4000.0
REORDER_LIMIT_MS = 1000.0

_U32 = (1 << 32) - 1
_BOUNDS = {
    "length": _U32,
    "offset": (4 << 20) - 1,
    "bytesused": _U32,
    "sequence": _U32,
    "timestamp_ns": (1 << 63) - 1,
    "session": _U32,
    "buffer": _U32,
    "ring": 1,
}
_MATCH_FIELDS = {
    On.COMMAND: frozenset(("command", "ioctl", "session", "type", "buffer")),
    On.EVENT: frozenset(("event", "session", "type", "buffer")),
    On.FRAME: frozenset(("session", "type")),
    On.SHMEM_MAP: frozenset[str](),
    On.NOW: frozenset[str](),
}
_ONLY_ONCE = ("every", "skip", "probability", "seed", "until_s")


@dataclass(frozen=True, slots=True)
class Plan:
    """A rule in numbers; `delay_ns` and `patch` as its action needs them."""

    rule: Rule
    target: Target
    errno: int = 0
    delay_ns: int = 0
    patch: Patch | None = None
    flags: int = 0
    type: int = 1
    control: int = 0
    value: int = 0


def checked(rule: Rule) -> Plan:
    """The plan of a rule that makes sense; RuleError says what is wrong with any other."""
    match, action = rule.match, rule.action
    _check_place(match.on, action)
    _check_fields(action)
    _check_schedule(match.on, rule.schedule)
    target = _target(match, action.do)
    return Plan(
        rule,
        target,
        errno=names.errno_of(action.errno, "action.errno") if action.errno is not None else 0,
        delay_ns=round(_delay_ms(match.on, action) * NS_PER_MS),
        patch=_patch(match.on, target, action),
        flags=names.buffer_flags_of(action.flags, "action.flags"),
        type=_dqbuf_type(target, action),
        control=names.control_of(action.control, "action.control") if action.control else 0,
        value=_control_value(action),
    )


def _check_place(on: On, action: Action) -> None:
    places = KINDS[action.do].places
    if on not in places:
        where = ", ".join(sorted(places))
        raise RuleError(f"action.do: {action.do} does not go with on = {on}, only with {where}")


def _check_fields(action: Action) -> None:
    kind = KINDS[action.do]
    given = _given(action) - {"do"}
    for name in kind.needs:
        if name not in given:
            raise RuleError(f"action.{name}: {action.do} needs it")
    allowed = {*kind.needs, *kind.takes}
    for name in sorted(given - allowed):
        takes = ", ".join((*kind.needs, *kind.takes)) or "nothing"
        raise RuleError(f"action.{name}: {action.do} has no use for it; it takes {takes}")
    for name, highest in _BOUNDS.items():
        _check_range(f"action.{name}", getattr(action, name), 0, highest)
    _check_number("action.delay_ms", action.delay_ms, 0, MAX_DELAY_MS)
    if action.do is Do.FLAG and not given - {"running"}:
        raise RuleError("action: flag needs flags, bytesused, sequence or timestamp_ns")
    if action.card is not None and len(action.card.encode()) > 32:
        raise RuleError(f"action.card: {action.card!r} has more than 32 bytes")


def _check_schedule(on: On, schedule: Schedule) -> None:
    _check_range("schedule.count", schedule.count, 1, _U32)
    _check_range("schedule.every", schedule.every, 1, _U32)
    _check_range("schedule.skip", schedule.skip, 0, _U32)
    _check_number("schedule.probability", schedule.probability, 0, 1)
    _check_number("schedule.from_s", schedule.from_s, 0, MAX_DELAY_MS)
    if schedule.until_s is not None:
        _check_number("schedule.until_s", schedule.until_s, 0, MAX_DELAY_MS)
        if schedule.until_s <= schedule.from_s:
            raise RuleError(f"schedule.until_s: {schedule.until_s:g} is not after from_s")
    if on is On.NOW:
        for name in sorted(_given(schedule) & set(_ONLY_ONCE)):
            raise RuleError(f"schedule.{name}: on = now acts once; only from_s counts")
        if schedule.count not in {None, 1}:
            raise RuleError("schedule.count: on = now acts once")


def _target(match: Match, do: Do) -> Target:
    allowed = _MATCH_FIELDS[match.on]
    for name in sorted(_given(match) - {"on"} - allowed):
        if match.on is On.NOW and name == "session":
            raise RuleError("match.session: on = now matches nothing; use action.session")
        raise RuleError(f"match.{name}: on = {match.on} has no use for it")
    _check_range("match.session", match.session, 0, _U32)
    _check_range("match.buffer", match.buffer, 0, _U32)
    command = None if match.command is None else names.command_of(match.command, "match.command")
    ioctl = None if match.ioctl is None else names.ioctl_of(match.ioctl, "match.ioctl")
    if ioctl is not None:
        if command not in {None, media.CMD_IOCTL}:
            raise RuleError(f"match.ioctl: {match.command} is no ioctl")
        command = media.CMD_IOCTL
    event = None if match.event is None else names.event_of(match.event, "match.event")
    if do is Do.FLAG and event is None:
        event = media.EVT_DQBUF
    target = Target(
        command,
        ioctl,
        event,
        match.session,
        None if match.type is None else names.buffer_type_of(match.type, "match.type"),
        match.buffer,
    )
    _check_target(match.on, target)
    _check_action_on(target, do)
    return target


def _check_target(on: On, target: Target) -> None:
    if target.session is not None and target.command in {media.CMD_OPEN, media.CMD_MUNMAP}:
        name = media.COMMAND_NAMES[target.command]
        raise RuleError(f"match.session: {name} does not say for which session it is")
    for name, asked in (("type", target.type), ("buffer", target.buffer)):
        if asked is None:
            continue
        if on is On.COMMAND and not _tells(target, name):
            what = target.ioctl.name if target.ioctl else media.COMMAND_NAMES[target.command or 0]
            raise RuleError(f"match.{name}: {what} has no buffer {name}")
        if on is On.EVENT and target.event not in {None, media.EVT_DQBUF}:
            raise RuleError(f"match.{name}: only a DQBUF event has a buffer {name}")


def _tells(target: Target, name: str) -> bool:
    """Whether what matches can hold a buffer type, or index."""
    if target.command is None:
        return True
    if target.ioctl is None:
        return target.command == media.CMD_IOCTL
    places = TYPE_AND_INDEX.get(target.ioctl.number)
    return places is not None and (name == "type" or places[1] is not None)


def _check_action_on(target: Target, do: Do) -> None:
    if target.command == media.CMD_CLOSE and do in {Do.ERRNO, Do.HEADER_ONLY, Do.CORRUPT}:
        raise RuleError(f"action.do: CLOSE has no answer; {do} cannot act on it, never can")
    if do is Do.FLAG and target.event != media.EVT_DQBUF:
        raise RuleError("action.do: only a DQBUF event has a buffer to flag")


def _delay_ms(on: On, action: Action) -> float:
    if action.do is Do.STALL:
        if action.delay_ms >= STALL_LIMIT_MS:
            raise RuleError(
                f"action.delay_ms: the device gives SHMEM_MAP up after {STALL_LIMIT_MS:g} ms; "
                "0 stalls it for good"
            )
        return action.delay_ms or STALL_LIMIT_MS
    if action.do is Do.REORDER:
        return action.delay_ms or REORDER_LIMIT_MS
    if action.delay_ms and on is On.EVENT and action.do not in ON_ITS_OWN | {Do.DELAY}:
        raise RuleError(f"action.delay_ms: an event cannot be both late and {action.do}")
    return action.delay_ms


def _patch(on: On, target: Target, action: Action) -> Patch | None:
    if action.hex is not None:
        if action.field is not None or action.value is not None:
            raise RuleError("action.hex: give either field and value, or hex")
        patch = Patch(action.offset or 0, _bytes(action.hex))
        if action.do is Do.CONFIG and patch.end > media.CONFIG.size:
            raise RuleError(
                f"action.offset: the configuration space ends at byte {media.CONFIG.size}, "
                f"this would end at {patch.end}"
            )
        return patch
    if action.offset is not None:
        raise RuleError("action.hex: offset needs it")
    if action.do is Do.CONFIG:
        if action.card is None:
            raise RuleError("action.card: config needs it, or hex")
        return Patch(8, action.card.encode().ljust(32, b"\0"))
    if action.do is not Do.CORRUPT:
        return None
    if action.field is None or action.value is None:
        raise RuleError("action.field: corrupt needs field and value, or hex")
    from vmedia_bench.faults.field_patch import field_patch

    return field_patch(on, target, action.field, action.value)


def _bytes(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise RuleError(f"action.hex: {text!r} is not hexadecimal") from None
    if not data:
        raise RuleError("action.hex: it is empty")
    return data


def _dqbuf_type(target: Target, action: Action) -> int:
    if action.type is not None:
        return names.buffer_type_of(action.type, "action.type")
    return 1 if target.type is None else target.type


def _control_value(action: Action) -> int:
    if action.do is not Do.CONTROL or action.value is None:
        return 0
    try:
        value = int(action.value, 0)
    except ValueError:
        raise RuleError(f"action.value: {action.value!r} is no number") from None
    _check_range("action.value", value, -(1 << 63), (1 << 63) - 1)
    return value


def _given(part: "DataclassInstance") -> set[str]:
    """The fields that differ from their default."""
    return {
        field.name
        for field in fields(part)
        if field.default is MISSING or getattr(part, field.name) != field.default
    }


def _check_range(name: str, value: int | None, lowest: int, highest: int) -> None:
    if value is not None and not lowest <= value <= highest:
        raise RuleError(f"{name}: {value} is not within {lowest} and {highest}")


def _check_number(name: str, value: float, lowest: float, highest: float) -> None:
    if not isfinite(value) or not lowest <= value <= highest:
        raise RuleError(f"{name}: {value:g} is not within {lowest:g} and {highest:g}")
