"""
Which rules may crash a guest, and why, in one sentence each.

Judged by Linux's virtio_media driver, whose weaknesses are known; docs/faults.md has them in a
table, with what was seen of them.
"""

from dataclasses import dataclass

from vmedia_bench.faults.check import NS_PER_MS, Plan
from vmedia_bench.faults.matching import Target
from vmedia_bench.faults.patch import Patch
from vmedia_bench.faults.rule import Do, On
from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import (
    VIDIOC_CREATE_BUFS,
    VIDIOC_PREPARE_BUF,
    VIDIOC_QBUF,
    VIDIOC_QUERYBUF,
    VIDIOC_REQBUFS,
)
from vmedia_bench.wire.v4l2 import VIDEO_MAX_FRAME

# The driver waits 5 s from its kick on, and the clock of a rule starts later.
LATE_NS = 4500 * NS_PER_MS
_BUFFER_HEADER = media.RESP_HEADER.size + 88

LATE = (
    "the driver gives a command up after 5 s, and an answer after that is written into "
    "memory that it has freed"
)
FREED_SESSION = (
    "the driver frees a session at EVT_ERROR while the program still has it open, and what the "
    "program does next with it uses freed memory"
)
TWICE = "the driver puts a buffer that comes back twice into its list twice, and the list breaks"
UNASKED = (
    "a buffer that comes back without being queued, or after REQBUFS, breaks the driver's lists "
    "or lies in memory that it has freed"
)
HALF_QUEUED = (
    "the driver takes QBUF for failed while the device has the buffer; a program that queues it "
    "again gets it back twice, and the driver's list breaks"
)
TRUSTED = "the driver uses this field as it comes, as an index, a size or an address"
VMM_ABORTS = "QEMU aborts the whole VM when the guest needs its back-end and it is gone"


@dataclass(frozen=True, slots=True)
class Risk:
    """Why a rule may crash the guest; `asks` for leave, but for what the specification foresees."""

    reason: str
    asks: bool = True


def risk_of(plan: Plan) -> Risk | None:  # noqa: PLR0911 (one case for each action)
    """The risk of a rule, None where it has none that is known."""
    action, on = plan.rule.action, plan.rule.match.on
    if on is On.COMMAND and action.do is not Do.STOP_RING and plan.delay_ns >= LATE_NS:
        return Risk(LATE)
    match action.do:
        case Do.STOP_RING:
            held = plan.delay_ns == 0 or plan.delay_ns >= LATE_NS
            return Risk(LATE) if action.ring == 0 and held else None
        case Do.HEADER_ONLY | Do.USED_LENGTH:
            return _too_short(plan, on)
        case Do.CORRUPT:
            assert plan.patch is not None
            risky = _event_risk if on is On.EVENT else _response_risk
            return risky(plan.target, plan.patch)
        case Do.DUPLICATE:
            return Risk(TWICE) if plan.target.event in {None, media.EVT_DQBUF} else None
        case Do.DQBUF:
            # The driver looks whether it has such a buffer, and no queue has so many.
            harmless = action.buffer is not None and action.buffer >= VIDEO_MAX_FRAME
            return None if harmless else Risk(UNASKED)
        case Do.SESSION_ERROR:
            return Risk(FREED_SESSION, asks=False)
        case Do.DISCONNECT:
            return Risk(VMM_ABORTS)
    return None


def _too_short(plan: Plan, on: On) -> Risk | None:
    """Answers that Linux refuses although the command was executed; it is true of QBUF alone."""
    length = plan.rule.action.length
    if on is On.EVENT or not plan.target.may_be(VIDIOC_QBUF):
        return None
    return Risk(HALF_QUEUED) if length is None or length < _BUFFER_HEADER else None


def _response_risk(target: Target, patch: Patch) -> Risk | None:
    for risky, start, end, reason in (
        (target.command in {None, media.CMD_OPEN}, 8, 12, TRUSTED),
        (target.command in {None, media.CMD_MMAP}, 8, 16, TRUSTED),
        (target.may_be(VIDIOC_QBUF), 0, 4, HALF_QUEUED),
        (target.may_be(VIDIOC_REQBUFS), 8, 16, TRUSTED),
        (target.may_be(VIDIOC_CREATE_BUFS), 8, 16, TRUSTED),
        *(
            (target.may_be(ioctl), 12, 16, TRUSTED)
            for ioctl in (VIDIOC_QBUF, VIDIOC_PREPARE_BUF, VIDIOC_QUERYBUF)
        ),
    ):
        if risky and patch.touches(start, end):
            return Risk(reason)
    return None


def _event_risk(target: Target, patch: Patch) -> Risk | None:
    trusted = 16 if target.event in {None, media.EVT_DQBUF} else 8
    return Risk(TRUSTED) if patch.touches(0, trusted) else None
