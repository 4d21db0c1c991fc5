"""Rules, commands and events in words."""

from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule
from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS


def rule_text(rule: Rule) -> str:
    """A rule in one line: `VIDIOC_QBUF of session 3: answer EIO, 1 time`."""
    parts = [f"{match_text(rule.match)}: {action_text(rule.action)}"]
    parts += schedule_parts(rule.schedule)
    return ", ".join(parts)


def match_text(match: Match) -> str:
    """What a rule looks at."""
    if match.on is On.NOW:
        return "now"
    what = {
        On.COMMAND: _command_text(match),
        On.EVENT: f"{match.event.upper()} event" if match.event else "event",
        On.FRAME: "frame",
        On.SHMEM_MAP: "SHMEM_MAP",
    }[match.on]
    if match.buffer is not None:
        what += f" of buffer {match.buffer}"
    if match.type is not None:
        what += f" of {match.type.upper().removeprefix('V4L2_BUF_TYPE_')}"
    if match.session is not None:
        what += f" of session {match.session}"
    return what


def _command_text(match: Match) -> str:
    if match.ioctl is not None:
        return f"VIDIOC_{match.ioctl.upper().removeprefix('VIDIOC_')}"
    return match.command.upper() if match.command is not None else "command"


def action_text(action: Action) -> str:  # noqa: C901, PLR0911, PLR0912 (one case each)
    """What a rule does."""
    session = "" if action.session is None else f" for session {action.session}"
    late = f", {action.delay_ms:g} ms late" if action.delay_ms else ""
    match action.do:
        case Do.ERRNO:
            return f"answer {action.errno}{late}"
        case Do.DELAY:
            return f"{action.delay_ms:g} ms late"
        case Do.NEVER:
            return "never answer"
        case Do.USED_LENGTH:
            return f"used length {action.length}{late}"
        case Do.HEADER_ONLY:
            return f"answer the header only{late}"
        case Do.CORRUPT if action.field is not None:
            return f"{action.field} = {action.value}{late}"
        case Do.CORRUPT:
            return f"{action.hex} at {action.offset or 0}{late}"
        case Do.REORDER:
            return "send after the next one"
        case Do.FLAG:
            return f"set {flag_text(action)}"
        case Do.STALL:
            return f"ask {action.delay_ms:g} ms late" if action.delay_ms else "never ask"
        case Do.SESSION_ERROR:
            return f"EVT_ERROR {action.errno}{session}"
        case Do.DQBUF:
            return f"unasked DQBUF of buffer {action.buffer}{session}"
        case Do.SOURCE_CHANGE:
            return f"SOURCE_CHANGE event{session}"
        case Do.EOS:
            return f"EOS event{session}"
        case Do.CONTROL:
            return f"CTRL event, {action.control} = {action.value}{session}"
        case Do.STOP_RING:
            ring = "eventq" if action.ring else "commandq"
            return f"serve the {ring} no more" + _for_a_time(action)
        case Do.DISCONNECT:
            return "close the connection"
        case Do.CONFIG:
            what = f"card = {action.card!r}" if action.card is not None else f"hex = {action.hex}"
            return f"config space: {what}" + _for_a_time(action)
    return str(action.do)


def _for_a_time(action: Action) -> str:
    return f" for {action.delay_ms:g} ms" if action.delay_ms else ""


def flag_text(action: Action) -> str:
    """What FLAG adds and puts."""
    parts = ["|".join(action.flags)] if action.flags else []
    for name in ("bytesused", "sequence", "timestamp_ns"):
        value = getattr(action, name)
        if value is not None:
            parts.append(f"{name} {value}")
    if action.running:
        parts.append("and go on from there")
    return ", ".join(parts)


def schedule_parts(schedule: Schedule) -> list[str]:
    """The parts of a schedule that say something."""
    parts = []
    if schedule.skip:
        parts.append(f"after {schedule.skip}")
    if schedule.every > 1:
        parts.append(f"one in {schedule.every}")
    if schedule.probability < 1:
        parts.append(f"{schedule.probability:.3g} of them (seed {schedule.seed})")
    if schedule.count is not None:
        parts.append("once" if schedule.count == 1 else f"{schedule.count} times")
    if schedule.from_s:
        parts.append(f"from {schedule.from_s:g} s")
    if schedule.until_s is not None:
        parts.append(f"until {schedule.until_s:g} s")
    return parts


def command_name(key: tuple[int, int]) -> str:
    """What a command is called, by command and ioctl number."""
    command, ioctl = key
    if command == media.CMD_IOCTL:
        return IOCTLS[ioctl].name if ioctl in IOCTLS else f"ioctl {ioctl}"
    return media.COMMAND_NAMES.get(command, f"command {command}")


def event_name(event: bytes) -> str:
    """What an event is called: `DQBUF of buffer 2`, `EVENT`, `ERROR`."""
    kind = media.EVENT_HEADER.unpack_from(event)[0]
    name = media.EVENT_NAMES.get(kind, f"event {kind}")
    if kind == media.EVT_DQBUF:
        return f"{name} of buffer {int.from_bytes(event[8:12], 'little')}"
    return name
