"""What rules do to an event on its way to the driver."""

from collections.abc import Sequence

from vmedia_bench.faults.describe import event_name, flag_text
from vmedia_bench.faults.entry import Entry
from vmedia_bench.faults.rule import Do
from vmedia_bench.faults.stage import Stage
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.v4l2 import is_multiplanar

NS = 1_000_000_000
MAX_SHIFTS = 1024
"""Queues that a running FLAG keeps the numbers of; sessions come and go."""
_START = media.EVENT_HEADER.size
_PLANES = _START + structs.BUFFER.size
_TYPE, _FLAGS, _BYTESUSED, _TV_SEC, _TV_USEC, _SEQUENCE, _LENGTH = 1, 3, 2, 5, 6, 8, 11


def change_event(entry: Entry, event: bytes, stage: Stage) -> tuple[Sequence[bytes], str]:
    """Let a rule act on an event; gives what to send instead, and what was done, in words."""
    plan = entry.plan
    action = plan.rule.action
    name = event_name(event)
    match action.do:
        case Do.DROP:
            return [], f"{name} dropped"
        case Do.DUPLICATE:
            return [event, event], f"{name} sent twice"
        case Do.USED_LENGTH:
            return [event[: action.length]], f"{name} cut to {action.length} bytes"
        case Do.CORRUPT:
            assert plan.patch is not None
            what = f"{action.field} = {action.value}" if action.field else f"hex {action.hex}"
            return [plan.patch.apply(event)], f"{name} sent with {what}"
        case Do.FLAG:
            return [flagged(entry, event)], f"{name} sent with {flag_text(action)}"
    entry.hold(plan.delay_ns, lambda: release(entry, event, stage))
    return [], f"{name} sent {action.delay_ms:g} ms late"


def release(entry: Entry, event: bytes, stage: Stage) -> None:
    """Send an event that was kept back; one that is void only where the rule may crash guests."""
    if not stage.release_event(event) and entry.allowed:
        stage.send_event(event)


def flagged(entry: Entry, event: bytes) -> bytes:
    """A DQBUF event with flags added and other values put, as FLAG says."""
    plan = entry.plan
    action = plan.rule.action
    values = list(structs.BUFFER.unpack_from(event, _START))
    values[_FLAGS] |= plan.flags
    before = values[_TV_SEC] * NS + values[_TV_USEC] * 1000
    sequence, stamp = _counted(entry, event, values[_SEQUENCE], before)
    values[_SEQUENCE] = sequence & 0xFFFF_FFFF
    values[_TV_SEC], rest = divmod(stamp, NS)
    values[_TV_USEC] = rest // 1000
    out = bytearray(event)
    if action.bytesused is not None:
        if is_multiplanar(values[_TYPE]):
            _use_planes(out, min(values[_LENGTH], media.MAX_PLANES), action.bytesused)
        else:
            values[_BYTESUSED] = action.bytesused
    structs.BUFFER.pack_into(out, _START, *values)
    return bytes(out)


def _counted(entry: Entry, event: bytes, sequence: int, stamp: int) -> tuple[int, int]:
    """The sequence number and the timestamp in ns that a buffer is to have."""
    action = entry.plan.rule.action
    new = sequence if action.sequence is None else action.sequence
    new_stamp = stamp if action.timestamp_ns is None else action.timestamp_ns
    if not action.running:
        return new, new_stamp
    queue = (int.from_bytes(event[4:8], "little"), int.from_bytes(event[12:16], "little"))
    if queue not in entry.shifts and len(entry.shifts) >= MAX_SHIFTS:
        del entry.shifts[next(iter(entry.shifts))]
    shift = entry.shifts.setdefault(queue, (new - sequence, new_stamp - stamp))
    return sequence + shift[0], stamp + shift[1]


def _use_planes(event: bytearray, count: int, bytesused: int) -> None:
    for index in range(count):
        structs.U32.pack_into(event, _PLANES + index * structs.PLANE.size, bytesused)
