"""Decoded frames into slots, on a thread of its own, while the next one is decoded."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Final

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from vmedia_bench.backends.codec.messages import Produced, Refused, Report
from vmedia_bench.backends.file.canvas import Bytes, Canvas, Placement
from vmedia_bench.backends.file.container import PIXEL_FORMATS, copy_frame, lines_of

_PLANAR: Final = frozenset(("yuv420p", "yuvj420p"))
"""What FFmpeg calls frames with a plane each for Y, U and V; the second with full range."""


@dataclass(frozen=True, slots=True)
class Painting:
    """A frame to put into `out`; `visible` is how much of it, (width, height) in pixels."""

    frame: av.VideoFrame
    visible: tuple[int, int]
    canvas: Canvas
    out: Bytes
    report: Produced


class Painter:
    """
    Paints frames and says what there is to say, in the order of the calls.

    FFmpeg and NumPy let other threads run while they work, so that a frame is copied while the
    next one is decoded.
    """

    def __init__(self, say: Callable[[Report], None]) -> None:
        self._say = say
        self._jobs: SimpleQueue[Painting | Report] = SimpleQueue()
        self._scaler = VideoReformatter()
        Thread(target=self._work, daemon=True, name="painter").start()

    def paint(self, painting: Painting) -> None:
        """Put a frame into its slot, then tell."""
        self._jobs.put(painting)

    def say(self, report: Report) -> None:
        """Tell it behind the frames that were given before."""
        self._jobs.put(report)

    def _work(self) -> None:
        try:
            while True:
                self._say(self._done(self._jobs.get()))
        except ConnectionError:
            # The bench is gone: the process ends where it listens.
            return
        except Exception:  # noqa: BLE001 (whatever it is, nothing comes out any more)
            traceback.print_exc()
            os._exit(1)

    def _done(self, job: Painting | Report) -> Report:
        if not isinstance(job, Painting):
            return job
        try:
            self._put(job)
        except (av.error.FFmpegError, ValueError) as error:
            return Refused(f"cannot convert a frame: {error}")
        return job.report

    def _put(self, job: Painting) -> None:
        """Copy the visible part into a frame, in its format and the stream's own colours."""
        raw = job.canvas.raw
        assert raw is not None
        wanted = PIXEL_FORMATS[raw.code]
        picture = job.frame
        if wanted == "nv12" and picture.format.name in _PLANAR:
            _interleave(picture, job.canvas, job.out, job.visible)
            return
        if picture.format.name != wanted:
            # More threads would take the processors from the decoder.
            picture = self._scaler.reformat(picture, format=wanted, threads=1)
        copy_frame(picture, job.canvas, job.out, Placement(0, 0, *job.visible))


def _interleave(frame: av.VideoFrame, canvas: Canvas, out: Bytes, visible: tuple[int, int]) -> None:
    """
    Copy a planar frame into one of two planes.

    swscale would do it with a frame in between, which costs as much again.
    """
    width, height = visible
    (luma, luma_at), (chroma, chroma_at) = canvas.parts
    y, u, v = map(lines_of, frame.planes)
    canvas.lines(out, luma, luma_at)[:height, :width] = y[:height, :width]
    columns, rows = -(-width // 2), -(-height // 2)
    # Two samples as one number, the first in its low byte: three times as fast as one by one.
    pairs = canvas.lines(out, chroma, chroma_at).view("<u2")[:rows, :columns]
    np.multiply(v[:rows, :columns], 256, out=pairs, dtype=np.uint16, casting="unsafe")
    pairs += u[:rows, :columns]
