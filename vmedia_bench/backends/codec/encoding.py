"""The encoding process: pictures in, packets out, by PyAV."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any, Final

import av
import av.error
import av.logging
import numpy as np

from vmedia_bench.backends.codec.coding import CODINGS
from vmedia_bench.backends.codec.controls import (
    B_FRAMES,
    BITRATE,
    BITRATE_MODE,
    GOP_SIZE,
    H264_LEVEL,
    H264_LEVELS,
    H264_PROFILE,
    HEVC_LEVEL,
    HEVC_LEVELS,
)
from vmedia_bench.backends.codec.messages import (
    Damaged,
    Data,
    Drain,
    Drained,
    Input,
    Produced,
    Refused,
)
from vmedia_bench.backends.codec.process import Coder
from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.backends.worker import Channel
from vmedia_bench.wire.v4l2 import fourcc

_I_PICTURE: Final = 1
_ANY_PICTURE: Final = 0
# H.264 profile by the index of its menu, as libx264 calls it.
_H264_PROFILES: Final = ("baseline", "baseline", "main", "main", "high")
# Quick enough for a live picture, and no frame held back for longer than B-frames need.
_OPTIONS: Final = {
    "libx264": {"preset": "veryfast", "tune": "zerolatency"},
    "libx265": {"preset": "ultrafast", "tune": "zerolatency"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "libsvtav1": {"preset": "10", "svtav1-params": "pred-struct=1:rc=2"},
    "libaom-av1": {"usage": "realtime", "cpu-used": "9"},
}


def main(channel: Channel, threads: tuple[int, bool]) -> None:
    """Serve until the bench hangs up."""
    av.logging.set_level(av.logging.ERROR)
    encoder = Encoder(channel, threads[0])
    try:
        encoder.run()
    except (av.error.FFmpegError, ValueError) as error:
        encoder.say(Refused(f"cannot encode: {error}"))


class Encoder(Coder):
    """One stream of pictures; what comes out waits in `_ready` in order."""

    def __init__(self, channel: Channel, threads: int) -> None:
        super().__init__(channel)
        self._threads = threads
        self._context: Any = None
        self._canvas: Canvas | None = None
        self._ready: deque[Any] = deque()
        self._kinds: dict[int, str] = {}
        self._count = 0
        self._highest = -1
        self._tokens: dict[int, int] = {}

    def begin(self, command: Input) -> None:
        """Begin a new stream."""
        self._ready.clear()
        self._tokens.clear()
        self._count = 0
        self._highest = -1
        self._canvas = Canvas(command.pixelformat, (command.width, command.height))
        self._context = _open_context(command, self._threads)

    def code(self, data: bytes, command: Data) -> None:
        """Encode a picture; one that is not whole is lost."""
        canvas = self._canvas
        if canvas is None or len(data) < canvas.length:
            self._ready.append(Damaged(command.generation, command.token))
            return
        frame = _frame(data, canvas)
        # Encoders want times that grow by one; the guest's own come back by the token.
        frame.pts = self._count
        frame.time_base = self._context.time_base
        frame.pict_type = _I_PICTURE if command.key else _ANY_PICTURE
        self._tokens[self._count] = command.token
        self._count += 1
        self._ready.extend(self._context.encode(frame))

    def finish(self, command: Drain) -> None:
        """Flush; what comes afterwards is a new stream."""
        self._ready.extend(self._context.encode(None))
        self._ready.append(Drained(command.generation, command.drain))
        if self.input is not None:
            self._context = _open_context(self.input, self._threads)

    def deliver(self) -> bool | None:
        """Give out what is ready, as far as there are slots."""
        if not self._ready:
            return None
        item = self._ready[0]
        if isinstance(item, (Damaged, Drained)):
            self._ready.popleft()
            self.say(item)
            return True
        pool = self.pool
        if pool is None or not pool.free:
            return False
        self._ready.popleft()
        token = self._tokens.pop(item.pts or 0, 0)
        data = bytes(item)
        if len(data) > pool.pool.size:
            self.say(Damaged(self.generation, token))
            return True
        slot = pool.free.popleft()
        pool.slots[slot][: len(data)] = np.frombuffer(data, np.uint8)
        # What is shown before something that was coded earlier can only be a B-frame.
        early = (item.pts or 0) < self._highest
        self._highest = max(self._highest, item.pts or 0)
        kind = "I" if item.is_keyframe else "B" if early else "P"
        self.say(Produced(self.generation, pool.pool.pool, slot, len(data), token, kind))
        return True


def _open_context(command: Input, threads: int) -> Any:
    """Open the first encoder for the format that FFmpeg has; ValueError when it has none."""
    coding = CODINGS[fourcc(command.code)]
    name = next((name for name in coding.encoders if name in av.codecs_available), None)
    if name is None:
        raise ValueError(f"FFmpeg has no encoder for {command.code}")
    settings = {int(cid): value for cid, value in command.settings.items()}
    if name == "libx265":
        return _open_hevc(command, threads, settings)
    context = _new_context(name, command, threads, settings)
    options = dict(_OPTIONS.get(name, {}))
    if name == "libx264":
        if settings[BITRATE_MODE]:
            options |= {"maxrate": str(settings[BITRATE]), "bufsize": str(settings[BITRATE])}
        options["profile"] = _H264_PROFILES[settings[H264_PROFILE]]
        level = H264_LEVELS[settings[H264_LEVEL]]
        options["level"] = level if level != "1b" else "1.0"
        if settings[B_FRAMES]:
            # It would switch B-frames off.
            options.pop("tune")
    context.options = options
    context.open()
    return context


def _open_hevc(command: Input, threads: int, settings: dict[int, int]) -> Any:
    """Open libx265 with the level asked for, or the next one that has room for the pictures."""
    levels = HEVC_LEVELS[settings[HEVC_LEVEL] :]
    for level in levels:
        context = _new_context("libx265", command, threads, settings)
        parameters = f"log-level=none:level-idc={level}:high-tier=0"
        context.options = _OPTIONS["libx265"] | {"x265-params": parameters}
        try:
            # It only says that it cannot be opened.
            with av.logging.Capture(local=False):
                context.open()
        except av.error.FFmpegError:
            if level == levels[-1]:
                raise
        else:
            break
    return context


def _new_context(name: str, command: Input, threads: int, settings: dict[int, int]) -> Any:
    """Make an encoder that is not open yet, with what all of them understand."""
    rate = Fraction(*command.rate)
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = command.width, command.height, "yuv420p"
    context.framerate = rate
    context.time_base = 1 / rate
    context.gop_size = settings[GOP_SIZE]
    context.max_b_frames = settings[B_FRAMES] if name in {"libx264", "libx265"} else 0
    context.bit_rate = settings[BITRATE]
    context.thread_count = threads
    return context


def _frame(data: bytes, canvas: Canvas) -> av.VideoFrame:
    """Make a planar frame of a raw one."""
    width, height = canvas.size
    frame = av.VideoFrame(width, height, "yuv420p")
    source = np.frombuffer(data, np.uint8)
    planes: list[Any] = list(frame.planes)
    for (part, base), at in zip(canvas.parts, range(3), strict=False):
        lines = canvas.lines(source, part, base)
        if part.samples == "UV":
            _fill(planes[1], lines[:, 0::2])
            _fill(planes[2], lines[:, 1::2])
        else:
            _fill(planes[at], lines)
    return frame


def _fill(plane: Any, lines: Any) -> None:
    target = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    target[: len(lines), : lines.shape[1]] = lines
