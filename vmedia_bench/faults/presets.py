"""
Ready-made rules. The first ones mirror the error injection of vivid, the kernel's virtual driver.

Source: the kernel's "The Virtual Video Test Driver (vivid)", "Controls", error injection.
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches

from vmedia_bench.faults.errors import UnknownPresetError
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule, Schedule

ONCE = Schedule(count=1)
_SEQUENCE_WRAPS = 0xFFFF_FF80
# 16 s before the seconds no longer fit 32 bits.
_TIMESTAMP_WRAPS_NS = ((1 << 32) - 16) * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A ready-made rule under a name."""

    name: str
    summary: str
    rule: Rule


def _preset(
    name: str, summary: str, match: Match, action: Action, schedule: Schedule = ONCE
) -> Preset:
    return Preset(
        name=name,
        summary=summary,
        rule=Rule(match=match, action=action, name=name, schedule=schedule),
    )


def _fails(name: str, ioctl: str, errno: str = "EINVAL", *, schedule: Schedule = ONCE) -> Preset:
    which = "The next" if schedule is ONCE else "Every"
    summary = f"{which} VIDIOC_{ioctl} fails with {errno}."
    match = Match(on=On.COMMAND, ioctl=ioctl)
    return _preset(name, summary, match, Action(do=Do.ERRNO, errno=errno), schedule)


_DQBUF = Match(on=On.EVENT, event="DQBUF")
_EVENT = Match(on=On.EVENT, event="EVENT")
_NOW = Match(on=On.NOW)
_FRAME = Match(on=On.FRAME)
_SHMEM = Match(on=On.SHMEM_MAP)
_ALWAYS = Schedule()

_OF_VIVID = (
    _fails("reqbufs-error", "REQBUFS"),
    _fails("create-bufs-error", "CREATE_BUFS"),
    _fails("qbuf-error", "QBUF"),
    _fails("prepare-buf-error", "PREPARE_BUF"),
    _fails("streamon-error", "STREAMON"),
    _fails("queue-error", "QBUF", "EIO", schedule=_ALWAYS),
    _preset(
        "buffer-error",
        "The next buffer comes back with V4L2_BUF_FLAG_ERROR.",
        _DQBUF,
        Action(do=Do.FLAG, flags=("ERROR",)),
    ),
    _preset(
        "drop-frames",
        "One frame in ten is lost, at random; its buffer stays queued.",
        _FRAME,
        Action(do=Do.DROP),
        Schedule(probability=0.1),
    ),
    _preset(
        "sequence-wrap",
        "Sequence numbers go on from 0xFFFFFF80, and soon begin at 0 again.",
        _DQBUF,
        Action(do=Do.FLAG, sequence=_SEQUENCE_WRAPS, running=True),
        _ALWAYS,
    ),
    _preset(
        "timestamp-wrap",
        "Timestamps go on from 16 s before their seconds exceed 32 bits.",
        _DQBUF,
        Action(do=Do.FLAG, timestamp_ns=_TIMESTAMP_WRAPS_NS, running=True),
        _ALWAYS,
    ),
    _preset(
        "disconnect",
        "As if it were unplugged: every command but CLOSE fails with ENODEV.",
        Match(on=On.COMMAND),
        Action(do=Do.ERRNO, errno="ENODEV"),
        _ALWAYS,
    ),
)

_COMMANDS = (
    _preset(
        "open-error",
        "The next OPEN fails with EBUSY.",
        Match(on=On.COMMAND, command="OPEN"),
        Action(do=Do.ERRNO, errno="EBUSY"),
    ),
    _fails("s-fmt-busy", "S_FMT", "EBUSY"),
    _fails("s-ctrl-error", "S_EXT_CTRLS", "EIO"),
    _fails("old-s-ctrl-error", "S_CTRL", "EIO"),
    _fails("streamoff-error", "STREAMOFF", "EIO"),
    _preset(
        "mmap-error",
        "The next MMAP fails with ENOMEM.",
        Match(on=On.COMMAND, command="MMAP"),
        Action(do=Do.ERRNO, errno="ENOMEM"),
    ),
    _preset(
        "slow-commands",
        "Every command is answered 100 ms late.",
        Match(on=On.COMMAND),
        Action(do=Do.DELAY, delay_ms=100),
        _ALWAYS,
    ),
    _preset(
        "lost-answer",
        "The next ioctl is never answered; Linux gives it up after 5 s.",
        Match(on=On.COMMAND, command="IOCTL"),
        Action(do=Do.NEVER),
    ),
    _preset(
        "short-answer",
        "The next VIDIOC_G_FMT is answered with a header and no payload.",
        Match(on=On.COMMAND, ioctl="G_FMT"),
        Action(do=Do.HEADER_ONLY),
    ),
    _preset(
        "no-used-length",
        "The next VIDIOC_G_FMT is answered in full, but with used length 0.",
        Match(on=On.COMMAND, ioctl="G_FMT"),
        Action(do=Do.USED_LENGTH, length=0),
    ),
    _preset(
        "wrong-format",
        "VIDIOC_G_FMT of a single-planar capture queue says that frames are 1 pixel wide.",
        Match(on=On.COMMAND, ioctl="G_FMT", type="VIDEO_CAPTURE"),
        Action(do=Do.CORRUPT, field="fmt.pix.width", value="1"),
        _ALWAYS,
    ),
)

_EVENTS = (
    _preset("lost-buffer", "The next DQBUF event is never sent.", _DQBUF, Action(do=Do.DROP)),
    _preset(
        "late-buffers",
        "Every DQBUF event comes 200 ms late.",
        _DQBUF,
        Action(do=Do.DELAY, delay_ms=200),
        _ALWAYS,
    ),
    _preset(
        "swapped-buffers",
        "DQBUF events change places in pairs.",
        _DQBUF,
        Action(do=Do.REORDER),
        _ALWAYS,
    ),
    _preset(
        "empty-buffer",
        "The next buffer comes back with bytesused 0.",
        _DQBUF,
        Action(do=Do.FLAG, bytesused=0),
    ),
    _preset(
        "last-buffer",
        "The next buffer comes back with V4L2_BUF_FLAG_LAST.",
        _DQBUF,
        Action(do=Do.FLAG, flags=("LAST",)),
    ),
    _preset(
        "cut-event",
        "The next DQBUF event has 100 of its 608 bytes.",
        _DQBUF,
        Action(do=Do.USED_LENGTH, length=100),
    ),
    _preset("lost-event", "The next V4L2 event is never sent.", _EVENT, Action(do=Do.DROP)),
    _preset("twice-event", "The next V4L2 event is sent twice.", _EVENT, Action(do=Do.DUPLICATE)),
    _preset(
        "twice-buffer",
        "The next DQBUF event is sent twice.",
        _DQBUF,
        Action(do=Do.DUPLICATE),
    ),
    _preset(
        "stale-buffer",
        "After the next VIDIOC_REQBUFS, buffer 0 comes back although nobody queued it.",
        Match(on=On.COMMAND, ioctl="REQBUFS"),
        Action(do=Do.DQBUF, buffer=0),
    ),
    _preset(
        "no-such-buffer",
        "After the next VIDIOC_STREAMON, buffer 1000 comes back, which no queue has.",
        Match(on=On.COMMAND, ioctl="STREAMON"),
        Action(do=Do.DQBUF, buffer=1000),
    ),
)

_ON_ITS_OWN = (
    _preset("freeze", "No more frames, until it is removed.", _FRAME, Action(do=Do.DROP), _ALWAYS),
    _preset(
        "session-error",
        "EVT_ERROR with EIO, now.",
        _NOW,
        Action(do=Do.SESSION_ERROR, errno="EIO"),
    ),
    _preset("source-change", "V4L2_EVENT_SOURCE_CHANGE, now.", _NOW, Action(do=Do.SOURCE_CHANGE)),
    _preset("eos", "V4L2_EVENT_EOS, now.", _NOW, Action(do=Do.EOS)),
    _preset(
        "shmem-refused",
        "The next SHMEM_MAP is refused, so that MMAP fails with ENOMEM.",
        _SHMEM,
        Action(do=Do.REFUSE),
    ),
    _preset(
        "shmem-stalled",
        "The next SHMEM_MAP is not answered, so that MMAP fails with ENOMEM after 4 s.",
        _SHMEM,
        Action(do=Do.STALL),
    ),
    _preset(
        "stop-eventq",
        "No event reaches the guest, until it is removed.",
        _NOW,
        Action(do=Do.STOP_RING, ring=1),
    ),
    _preset(
        "stop-commandq",
        "No command is answered, until it is removed.",
        _NOW,
        Action(do=Do.STOP_RING, ring=0),
    ),
    _preset(
        "other-card",
        "The device calls itself Faulty Camera, until it is removed.",
        _NOW,
        Action(do=Do.CONFIG, card="Faulty Camera"),
    ),
    _preset("hang-up", "The vhost-user connection closes, now.", _NOW, Action(do=Do.DISCONNECT)),
)

PRESETS = {preset.name: preset for preset in (*_OF_VIVID, *_COMMANDS, *_EVENTS, *_ON_ITS_OWN)}
"""All presets by name."""


def preset_rule(name: str, session: int | None = None, count: int | None = None) -> Rule:
    """A preset's rule, for one session only if one is named, and acting `count` times instead.

    Raises UnknownPresetError. What makes no sense of the two is for the engine to say.
    """
    preset = PRESETS.get(name)
    if preset is None:
        near = get_close_matches(name, PRESETS, n=3, cutoff=0.5)
        raise UnknownPresetError(name, near)
    rule = preset.rule
    if session is not None:
        if rule.match.on is On.NOW:
            rule = replace(rule, action=replace(rule.action, session=session))
        else:
            rule = replace(rule, match=replace(rule.match, session=session))
    if count is not None:
        rule = replace(rule, schedule=replace(rule.schedule, count=count))
    return rule
