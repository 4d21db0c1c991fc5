"""Decoded frames become frames of the capture format, in order, on a thread of their own."""

import subprocess
import sys
from queue import Queue
from typing import Any

import av
import numpy as np
import pytest

from vmedia_bench.backends.codec.coding import aligned
from vmedia_bench.backends.codec.messages import Drained, Produced, Report
from vmedia_bench.backends.codec.painting import Painter, Painting
from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.wire.v4l2 import fourcc

LIMIT_S = 20


def decoded(width: int, height: int) -> Any:
    """A frame as a decoder gives it, every sample another."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for number, plane in enumerate(frame.planes):
        size = plane.buffer_size
        plane.update((np.arange(size) * 7 + 50 * number).astype(np.uint8).tobytes())
    return frame


@pytest.mark.parametrize("size", [(320, 240), (322, 234), (33, 17)])
@pytest.mark.parametrize("code", ["NV12", "NM12", "YU12"])
def test_what_is_visible_is_what_ffmpeg_makes_of_it(code: str, size: tuple[int, int]) -> None:
    said: Queue[Report] = Queue()
    painter = Painter(said.put)
    frame = decoded(*size)
    canvas = Canvas(fourcc(code), aligned(size))
    out = np.zeros(canvas.length, np.uint8)
    report = Produced(1, 1, 0, canvas.length, 1)
    painter.paint(Painting(frame, size, canvas, out, report))
    painter.say(Drained(1, 1))
    assert said.get(timeout=LIMIT_S) == report
    assert said.get(timeout=LIMIT_S) == Drained(1, 1)
    wanted = frame.reformat(format="yuv420p" if code == "YU12" else "nv12")
    for (part, base), plane in zip(canvas.parts, wanted.planes, strict=True):
        rows = -(-size[1] // part.rows_per_line)
        # A row of chroma has samples for half the pixels, rounded up.
        length = size[0] if part.samples == "Yy" else -(-size[0] // 2) * len(part.samples)
        theirs = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        ours = canvas.lines(out, part, base)
        assert np.array_equal(ours[:rows, :length], theirs[:rows, :length])


def test_a_painter_that_fails_takes_its_process_along() -> None:
    program = """
import threading
from vmedia_bench.backends.codec.messages import Drained
from vmedia_bench.backends.codec.painting import Painter
def say(report):
    raise RuntimeError("out of paint")
Painter(say).say(Drained(1, 1))
threading.Event().wait()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 1
    assert "out of paint" in ended.stderr
