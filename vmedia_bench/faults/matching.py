"""What a command or an event is about, read by `struct` from its first bytes, and what fits it."""

from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from vmedia_bench.wire import ioctls, media
from vmedia_bench.wire.ioctls import Ioctl

_HEADER_SIZE = media.CMD_SESSION.size
_command = media.CMD_SESSION.unpack_from
_event = media.EVENT_HEADER.unpack_from
_u32 = Struct("<I").unpack_from
_dqbuf = Struct("<8xII").unpack_from  # index, type
_DQBUF_START = 16

_BUFFER = (20, 16)
TYPE_AND_INDEX: dict[int, tuple[int, int | None]] = {
    ioctls.VIDIOC_QBUF: _BUFFER,
    ioctls.VIDIOC_QUERYBUF: _BUFFER,
    ioctls.VIDIOC_PREPARE_BUF: _BUFFER,
    ioctls.VIDIOC_DQBUF: _BUFFER,
    ioctls.VIDIOC_REQBUFS: (20, None),
    ioctls.VIDIOC_CREATE_BUFS: (32, None),
    ioctls.VIDIOC_REMOVE_BUFS: (24, None),
    ioctls.VIDIOC_STREAMON: (16, None),
    ioctls.VIDIOC_STREAMOFF: (16, None),
    ioctls.VIDIOC_ENUM_FMT: (20, None),
    **dict.fromkeys(
        (
            ioctls.VIDIOC_G_FMT,
            ioctls.VIDIOC_S_FMT,
            ioctls.VIDIOC_TRY_FMT,
            ioctls.VIDIOC_G_PARM,
            ioctls.VIDIOC_S_PARM,
            ioctls.VIDIOC_CROPCAP,
            ioctls.VIDIOC_G_CROP,
            ioctls.VIDIOC_S_CROP,
            ioctls.VIDIOC_G_SELECTION,
            ioctls.VIDIOC_S_SELECTION,
        ),
        (16, None),
    ),
}
"""Where an IOCTL command holds a buffer type and a buffer index: bytes from its start."""


class Facts(NamedTuple):
    """What a rule may ask about; None where there is no such thing."""

    session: int | None
    type: int | None
    buffer: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """A rule's match in numbers; None matches everything."""

    command: int | None = None
    ioctl: Ioctl | None = None
    event: int | None = None
    session: int | None = None
    type: int | None = None
    buffer: int | None = None

    def fits(self, facts: Facts) -> bool:
        """Whether session, type and buffer are those that are asked for."""
        return (
            (self.session is None or self.session == facts.session)
            and (self.type is None or self.type == facts.type)
            and (self.buffer is None or self.buffer == facts.buffer)
        )

    def may_be(self, ioctl: int) -> bool:
        """Whether a command with this ioctl can match."""
        if self.command not in {None, media.CMD_IOCTL}:
            return False
        return self.ioctl is None or self.ioctl.number == ioctl


def command_key(request: bytes) -> tuple[int, int]:
    """Command and ioctl of a request, -1 for what it is too short to have."""
    if len(request) >= _HEADER_SIZE:
        command, _, number = _command(request)
        return command, number if command == media.CMD_IOCTL else -1
    if len(request) >= media.CMD_HEADER.size:
        return _u32(request)[0], -1
    return -1, -1


def command_facts(request: bytes) -> Facts:
    """Session, buffer type and index of any request."""
    if len(request) < _HEADER_SIZE:
        return Facts(None, None, None)
    command, session, number = _command(request)
    if command in {media.CMD_OPEN, media.CMD_MUNMAP}:
        return Facts(None, None, None)
    places = TYPE_AND_INDEX.get(number) if command == media.CMD_IOCTL else None
    if places is None:
        return Facts(session, None, None)
    type_at, index_at = places
    return Facts(session, _word(request, type_at), _word(request, index_at))


def event_facts(event: bytes) -> Facts:
    """Session of any event, buffer type and index of a DQBUF."""
    kind, session = _event(event)
    if kind != media.EVT_DQBUF or len(event) < _DQBUF_START:
        return Facts(session, None, None)
    index, buf_type = _dqbuf(event)
    return Facts(session, buf_type, index)


def _word(request: bytes, offset: int | None) -> int | None:
    if offset is None or len(request) < offset + 4:
        return None
    number: int = _u32(request, offset)[0]
    return number
