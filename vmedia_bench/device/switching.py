"""Another backend under a running device: at once, hot, or by force."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from errno import ENODEV
from typing import Literal, TypeGuard

from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.v4l2.node import VideoNode
from vmedia_bench.v4l2.ports import Node, NodeMaker
from vmedia_bench.v4l2.source import VideoSource

log = logging.getLogger(__name__)

Mode = Literal["refuse", "hot", "force"]


@dataclass(frozen=True, slots=True)
class Switch:
    """
    What a change did, or would do: the sessions that stream on, and those that got EVT_ERROR.

    `config_changed`: the node's config space is another one. `obstacles` are why it would be
    refused; only a dry run has any.
    """

    card: str
    sessions_kept: tuple[int, ...]
    sessions_ended: tuple[int, ...]
    config_changed: bool
    obstacles: tuple[str, ...] = ()


class SwitchRefusedError(Exception):
    """Sessions are in the way. One line, with what to do; `sessions` are their IDs."""

    def __init__(self, why: str, sessions: Sequence[int]) -> None:
        super().__init__(why)
        self.sessions = tuple(sessions)


def switch(
    device: MediaDevice, maker: NodeMaker, mode: Mode = "refuse", *, dry_run: bool = False
) -> Switch:
    """
    Put what `maker` makes in place of the device's node, and announce a new config space.

    With no open session it is swapped at once, whatever the mode. With some, "refuse" names
    them, "hot" changes the source under them where both nodes are emulated and the new source
    serves what they negotiated, and "force" ends them with EVT_ERROR ENODEV first. Mappings of
    the old node's buffers stay valid until the guest's MUNMAP.

    Raises SwitchRefusedError, and what the new node raises when it cannot be built or started
    (OSError, ValueError, V4l2Error); the old one goes on then. A maker that is not used, after a
    dry run too, is let go.
    """
    sessions = tuple(s.id for s in device.sessions.all() if not s.failed_with)
    obstacles = _obstacles(device.node, maker, mode, sessions)
    if dry_run:
        return _forecast(device, maker, mode, sessions, obstacles)
    if obstacles:
        discard(maker)
        raise SwitchRefusedError(obstacles[0], sessions)
    before = device.own_config_space()
    hot = bool(sessions) and mode == "hot"
    try:
        if hot:
            _swap_source(device.node, maker)
        else:
            device.replace_node(maker.make_node(device.ports), ENODEV)
    except BaseException:
        discard(maker)
        raise
    changed = device.own_config_space() != before
    if changed and not device.config_overridden:
        device.announce_config()
    log.info("the backend is %s now", device.node.card)
    kept = sessions if hot else ()
    ended = () if hot else sessions
    return Switch(device.node.card, kept, ended, changed)


def discard(maker: NodeMaker) -> None:
    """Let go of a maker that is not used: a source may hold a process."""
    if isinstance(maker, VideoSource):
        maker.detach()


def _obstacles(
    node: Node, maker: NodeMaker, mode: Mode, sessions: tuple[int, ...]
) -> tuple[str, ...]:
    """Whole lines, the first one worth showing alone."""
    if not sessions or mode == "force":
        return ()
    alone = len(sessions) == 1
    who = f"session {sessions[0]} is" if alone else f"sessions {_list(sessions)} are"
    them = "it" if alone else "them"
    if mode == "refuse":
        return (f"{who} open: --hot changes the picture under {them}, --force ends {them}",)
    if not isinstance(node, VideoNode) or not _is_emulated(maker):
        why: tuple[str, ...] = ("a device of the host cannot be changed while it is used",)
    else:
        why = node.obstacles(maker)
    return (f"{who} open and cannot be kept: {'; '.join(why)}; --force ends {them}",) if why else ()


def _is_emulated(maker: NodeMaker) -> TypeGuard[VideoSource]:
    return isinstance(maker, VideoSource) and type(maker).make_node is VideoSource.make_node


def _swap_source(node: Node, maker: NodeMaker) -> None:
    if not isinstance(node, VideoNode) or not isinstance(maker, VideoSource):
        raise TypeError("only a source can take a source's place")
    node.use(maker)


def _forecast(
    device: MediaDevice,
    maker: NodeMaker,
    mode: Mode,
    sessions: tuple[int, ...],
    obstacles: tuple[str, ...],
) -> Switch:
    """Build the node beside the one that works, to see what it is, and let it go again."""
    before = device.own_config_space()
    node = maker.make_node(replace(device.ports, arm=lambda _deadline: None))
    try:
        changed = device.config_space_of(node) != before
        card = node.card
    finally:
        node.detach()
    kept = sessions if mode == "hot" and not obstacles else ()
    ended = sessions if mode == "force" else ()
    return Switch(card, kept, ended, changed, obstacles)


def _list(sessions: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, sessions[:-1]))} and {sessions[-1]}"
