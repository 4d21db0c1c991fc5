"""What rules do without a command or an event to act on."""

from collections.abc import Callable, Sequence

from vmedia_bench.faults.check import Plan
from vmedia_bench.faults.describe import action_text
from vmedia_bench.faults.entry import Entry
from vmedia_bench.faults.rule import Do
from vmedia_bench.faults.stage import Later, Stage
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.v4l2 import EventCtrlChange, EventType, Field, Memory, SrcChange

NS = 1_000_000_000
_CTRL = int(EventType.CTRL)
_EOS = int(EventType.EOS)
_SOURCE_CHANGE = int(EventType.SOURCE_CHANGE)
_RESOLUTION = structs.EVENT_SRC_CHANGE.pack(int(SrcChange.RESOLUTION))
_VALUE = int(EventCtrlChange.VALUE)
_INTEGER = 1
_NO_TIMECODE = bytes(16)


def act_on_session(plan: Plan, session: int, stage: Stage, now: int) -> None:
    """Do a session's action, one of FOR_SESSIONS; `now` is what its event is stamped with."""
    match plan.rule.action.do:
        case Do.SESSION_ERROR:
            stage.fail_session(session, plan.errno)
        case Do.DQBUF:
            stage.send_event(_dqbuf_event(plan, session))
        case Do.SOURCE_CHANGE:
            stage.send_event(_v4l2_event(session, _SOURCE_CHANGE, _RESOLUTION, 0, now))
        case Do.EOS:
            stage.send_event(_v4l2_event(session, _EOS, b"", 0, now))
        case Do.CONTROL:
            stage.send_event(_control_event(plan, session, now))


def act_on_bench(
    entry: Entry,
    stage: Stage,
    later: Later,
    *,
    ended: Callable[[], None],
    others: Callable[[], Sequence[Plan]],
) -> None:
    """Do an action that is about no session.

    A lasting one can be undone by `entry.lasting` from then on; `ended` is called when its time
    is over. `others` gives the lasting ones that still stand at the time of undoing.
    """
    plan = entry.plan
    if plan.rule.action.do is Do.DISCONNECT:
        stage.disconnect(f"{entry.name}: {action_text(plan.rule.action)}")
        return
    if plan.patch is not None:
        stage.set_config(plan.patch.apply(stage.config()))
    else:
        stage.stop_ring(plan.rule.action.ring or 0)
    cancel = later(plan.delay_ns, ended) if plan.delay_ns else None

    def end() -> None:
        if cancel is not None:
            cancel()
        _undo(plan, stage, others())

    entry.lasting = end


def _undo(plan: Plan, stage: Stage, others: Sequence[Plan]) -> None:
    """Undo what one rule has changed and no other one still wants so."""
    if plan.patch is None:
        ring = plan.rule.action.ring or 0
        if all(other.patch is not None or other.rule.action.ring != ring for other in others):
            stage.resume_ring(ring)
        return
    stage.set_config(None)
    for other in others:
        if other.patch is not None:
            stage.set_config(other.patch.apply(stage.config()))


def _dqbuf_event(plan: Plan, session: int) -> bytes:
    action = plan.rule.action
    seconds, rest = divmod(action.timestamp_ns or 0, NS)
    used = action.bytesused or 0
    header = media.EVENT_HEADER.pack(media.EVT_DQBUF, session)
    buffer = structs.BUFFER.pack(
        action.buffer or 0,
        plan.type,
        used,
        plan.flags,
        int(Field.NONE),
        seconds,
        rest // 1000,
        _NO_TIMECODE,
        action.sequence or 0,
        int(Memory.MMAP),
        0,
        1,
        0,
    )
    plane = structs.PLANE.pack(used, used, 0, 0)
    return (header + buffer + plane).ljust(media.EVENT_DQBUF_SIZE, b"\0")


def _control_event(plan: Plan, session: int, now: int) -> bytes:
    union = structs.EVENT_CTRL.pack(_VALUE, _INTEGER, plan.value, 0, 0, 0, 0, 0)
    return _v4l2_event(session, _CTRL, union, plan.control, now)


def _v4l2_event(session: int, kind: int, union: bytes, event_id: int, now: int) -> bytes:
    header = media.EVENT_HEADER.pack(media.EVT_EVENT, session)
    return header + structs.EVENT.pack(kind, union, 0, 0, *divmod(now, NS), event_id)
