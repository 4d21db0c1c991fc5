"""The decoding process: packets in, frames out, by PyAV."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import Any, Final, NamedTuple

import av
import av.error
import av.logging

from vmedia_bench.backends.codec.coding import CODINGS, MAX_SIZE, aligned
from vmedia_bench.backends.codec.messages import (
    Changed,
    Damaged,
    Data,
    Drain,
    Drained,
    Input,
    Produced,
    Refused,
)
from vmedia_bench.backends.codec.nal import access_units, holds_picture
from vmedia_bench.backends.codec.painting import Painter, Painting
from vmedia_bench.backends.codec.process import Coder, OpenPool
from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.backends.worker import Channel
from vmedia_bench.wire.v4l2 import fourcc

_KINDS: Final = {1: "I", 2: "P", 3: "B"}
# Damage is remembered for so many packets; frames come out long before.
_REMEMBERED: Final = 256


class Geometry(NamedTuple):
    """The visible size of pictures."""

    width: int
    height: int

    @property
    def frame(self) -> tuple[int, int]:
        """The size of the frames they are in."""
        return aligned((self.width, self.height))


def slice_threads(code: str, processors: int) -> int:
    """
    How many threads pay for parts of a picture; 0: FFmpeg chooses.

    HEVC's rows wait for those above, which takes more from the processes around than it gives.
    """
    return max(1, processors - 1) if code == "HEVC" else 0


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def main(channel: Channel, threads: tuple[int, bool]) -> None:
    """Serve until the bench hangs up."""
    av.logging.set_level(av.logging.ERROR)
    decoder = Decoder(channel, threads)
    try:
        decoder.run()
    except (av.error.FFmpegError, ValueError) as error:
        decoder.say(Refused(f"cannot decode: {error}"))


class Decoder(Coder):
    """
    One stream. `threads` is how many, and whether each may decode a frame of its own.

    What comes out waits in `_ready` in order: frames, tokens of lost ones, and Drained.
    """

    def __init__(self, channel: Channel, threads: tuple[int, bool]) -> None:
        super().__init__(channel)
        self._threads, self._frame_threads = threads
        self._context: Any = None
        self._ready: deque[av.VideoFrame | Damaged | Drained] = deque()
        self._damaged: deque[int] = deque(maxlen=_REMEMBERED)
        self._told: Geometry | None = None
        self._settled: Geometry | None = None
        self._awaited = 0
        self._token = 0
        self._painter = Painter(self.say)
        self._canvas: Canvas | None = None
        self._canvas_pool: OpenPool | None = None

    def begin(self, command: Input) -> None:
        """A seek keeps the parameters of the stream; another codec begins from nothing."""
        self._ready.clear()
        self._damaged.clear()
        if self.input is not None and self.input.code == command.code and self._context is not None:
            self._context.flush_buffers()
            self._told = self._settled
            return
        context = av.CodecContext.create(CODINGS[fourcc(command.code)].decoder, "r")
        if self._frame_threads:
            context.thread_type, context.thread_count = "AUTO", self._threads
        else:
            context.thread_type = "SLICE"
            context.thread_count = self._threads or slice_threads(command.code, processors())
        self._context = context
        self._told = self._settled = None

    def code(self, data: bytes, command: Data) -> None:
        """Decode a buffer, most often one picture; all of them carry its token."""
        for unit in access_units(self.input.code if self.input else "", data):
            self._decode(unit, command)
        # Headers tell the size; with frames out of order the first picture comes much later, and
        # a guest with few buffers would wait for ever.
        size = Geometry(self._context.width, self._context.height)
        if self._told is None and min(size) > 0:
            self._announce(size)

    def _decode(self, data: bytes, command: Data) -> None:
        """Decode a packet; what FFmpeg complains of counts as damage to its frame."""
        packet = av.Packet(data)
        packet.pts = command.token
        lost = False
        with av.logging.Capture(local=False) as complaints:
            try:
                frames = self._context.decode(packet)
            except av.error.InvalidDataError:
                frames = []
                lost = holds_picture(self.input.code if self.input else "", data)
        if lost:
            self._ready.append(Damaged(command.generation, command.token))
        elif complaints:
            self._damaged.append(command.token)
        self._ready.extend(frames)

    def finish(self, command: Drain) -> None:
        """Flush; the stream may go on afterwards."""
        # It fails where there is nothing inside that could come out.
        with suppress(av.error.FFmpegError):
            self._ready.extend(self._context.decode(None))
        self._context.flush_buffers()
        self._ready.append(Drained(command.generation, command.drain))

    def deliver(self) -> bool | None:
        """Give out what is ready, as far as there are slots."""
        if not self._ready:
            return None
        item = self._ready[0]
        if isinstance(item, (Damaged, Drained)):
            self._ready.popleft()
            self._painter.say(item)
            return True
        geometry = Geometry(item.width, item.height)
        if geometry != self._told:
            self._announce(geometry)
        pool = self.pool
        if pool is None or pool.pool.pool <= self._awaited or not pool.free:
            return False
        if (pool.pool.width, pool.pool.height) != geometry.frame:
            return False
        self._settled = geometry
        self._ready.popleft()
        self._put(item, pool, geometry)
        return True

    def _announce(self, geometry: Geometry) -> None:
        """Tell the size of what follows; where there are slots of this size already, go on."""
        if geometry.width > MAX_SIZE[0] or geometry.height > MAX_SIZE[1]:
            raise ValueError(f"pictures of {geometry.width}x{geometry.height} are too large")
        pool = self.pool
        fits = pool is not None and (pool.pool.width, pool.pool.height) == geometry.frame
        goes_on = fits and self._told is None
        self._told = geometry
        self._painter.say(Changed(self.generation, geometry.width, geometry.height, not goes_on))
        if pool is not None and not goes_on:
            self._awaited = pool.pool.pool

    def _put(self, frame: av.VideoFrame, pool: OpenPool, geometry: Geometry) -> None:
        slot = pool.free.popleft()
        canvas = self._canvas_of(pool)
        # A second frame out of one packet has no time of its own.
        token = self._token if frame.pts is None else frame.pts
        self._token = token
        damaged = frame.is_corrupt or token in self._damaged
        kind = "I" if frame.key_frame else _KINDS.get(int(frame.pict_type), "")
        report = Produced(
            self.generation, pool.pool.pool, slot, canvas.length, token, kind, bool(damaged)
        )
        self._painter.paint(Painting(frame, geometry, canvas, pool.slots[slot], report))

    def _canvas_of(self, pool: OpenPool) -> Canvas:
        if self._canvas is None or self._canvas_pool is not pool:
            self._canvas = Canvas(pool.pool.pixelformat, (pool.pool.width, pool.pool.height))
            self._canvas_pool = pool
            for slot in pool.slots:
                self._canvas.clear(slot)
        return self._canvas
