"""The helper process of a file camera: reads, decodes, scales and paints into shared slots."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from os import close
from typing import Final

import numpy as np

from vmedia_bench.backends.file.canvas import Bytes, Canvas, Placement
from vmedia_bench.backends.file.media import MediaError, NoMediaError, Shot
from vmedia_bench.backends.file.messages import (
    Command,
    Ended,
    Free,
    Opened,
    Pace,
    Ready,
    Refused,
    Seek,
    Start,
    decode_command,
    encode,
)
from vmedia_bench.backends.file.opening import open_media
from vmedia_bench.backends.file.options import FileOptions
from vmedia_bench.backends.file.player import Player
from vmedia_bench.backends.worker import Channel, SharedFrames

# So many pictures that cannot be painted in a row, and the file is given up.
_MAX_BAD: Final = 25


@dataclass(slots=True)
class _Job:
    """One run from Start to Stop: the frame format, its slots, and which of them are free."""

    start: Start
    canvas: Canvas
    frames: SharedFrames
    slots: list[Bytes]
    free: deque[int]
    position: int = 0
    ended: bool = False
    placed: dict[int, Placement] = field(default_factory=dict)


def main(channel: Channel, options: FileOptions) -> None:
    """Serve until the bench hangs up."""
    try:
        reader = open_media(options)
    except MediaError as error:
        channel.send(encode(Refused(str(error), isinstance(error, NoMediaError))))
        return
    info = reader.info
    channel.send(
        encode(
            Opened(
                info.kind,
                *info.size,
                (info.rate.numerator, info.rate.denominator),
                info.duration_ns,
                info.bt709,
            )
        )
    )
    painter = Painter(channel, Player(reader, loop=options.loop))
    try:
        while painter.turn():
            pass
    except MediaError as error:
        channel.send(encode(Refused(str(error))))


class Painter:
    """Paints as long as there are free slots, and listens in between."""

    def __init__(self, channel: Channel, player: Player) -> None:
        self._channel = channel
        self._player = player
        self._job: _Job | None = None
        self._bad = 0

    def turn(self) -> bool:
        """Take what the bench says, then paint a picture; False when the bench hung up."""
        job = self._job
        idle = job is None or job.ended or not job.free
        try:
            message = self._channel.receive(wait=idle)
        except BlockingIOError:
            self._paint()
            return True
        if message is None:
            return False
        self._obey(decode_command(message.data), message.fds)
        return True

    def _obey(self, command: Command, fds: tuple[int, ...]) -> None:
        if isinstance(command, Start):
            self._begin(command, fds[0])
            return
        for fd in fds:
            close(fd)
        job = self._job
        if isinstance(command, Pace):
            self._player.step_ns, self._player.loop = command.step_ns, command.loop
            if job is not None and command.loop:
                job.ended = False
        elif job is None:
            return
        elif isinstance(command, Free):
            if command.generation == job.start.generation:
                job.free.append(command.slot)
        elif isinstance(command, Seek):
            self._player.seek(command.position_ns)
            job.position, job.ended = command.position, False
        else:
            self._end()

    def _begin(self, start: Start, fd: int) -> None:
        self._end()
        canvas = Canvas(start.pixelformat, (start.width, start.height))
        frames = SharedFrames(fd, start.slots, canvas.length)
        slots = [np.frombuffer(frames.slot(index), np.uint8) for index in range(start.slots)]
        self._job = _Job(start, canvas, frames, slots, deque(range(start.slots)))
        self._player.step_ns, self._player.loop = start.step_ns, start.loop
        self._player.seek(start.position_ns)

    def _end(self) -> None:
        if self._job is not None:
            self._job.frames.close()
            self._job = None

    def _paint(self) -> None:
        job = self._job
        if job is None or job.ended or not job.free:
            return
        shot = self._player.next()
        if shot is None:
            job.ended = True
            self._channel.send(encode(Ended(job.start.generation, job.position)))
            return
        slot = job.free[0]
        try:
            used = _put(job, slot, shot)
        except (OSError, ValueError, SyntaxError) as error:
            # A damaged picture is left out, as a player would do.
            self._bad += 1
            if self._bad > _MAX_BAD:
                raise MediaError(
                    f"{self._bad} pictures in a row cannot be shown: {error}"
                ) from error
            return
        self._bad = 0
        job.free.popleft()
        ready = Ready(
            job.start.generation, job.position, slot, used, shot.time_ns, shot.duration_ns
        )
        self._channel.send(encode(ready))


def _put(job: _Job, slot: int, shot: Shot) -> int:
    """Paint; a slot is made black first where the picture does not cover what was there."""
    out = job.slots[slot]
    used, place = shot.picture.paint(job.canvas, out)
    if job.canvas.raw is None or job.placed.get(slot) == place:
        return used
    job.placed[slot] = place
    if place[2:] != job.canvas.size:
        job.canvas.clear(out)
        used, _ = shot.picture.paint(job.canvas, out)
    return used
