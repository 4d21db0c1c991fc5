"""Coded streams made on the spot, and a guest's ways of having them decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from tests.backends.samples import Rgb, picture, psnr, yu12
from vmedia_bench.guest.m2m import (
    M2mStream,
    decoder_command,
    queue_types,
    selection,
    set_format,
)
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame
from vmedia_bench.picture.rgb import to_rgb
from vmedia_bench.wire.v4l2 import BufFlag, DecCmd, EventType, SelTarget, fourcc

MSEC = 1_000_000
LIMIT_S = 60.0
ENCODERS = {
    "H264": ("libx264", {"bf": "2", "g": "10", "qp": "12"}),
    "HEVC": ("libx265", {"x265-params": "qp=12:bframes=2:keyint=10:log-level=none"}),
    "VP80": ("libvpx", {"crf": "4", "g": "10", "deadline": "realtime"}),
    "VP90": ("libvpx-vp9", {"crf": "10", "g": "10", "deadline": "realtime", "cpu-used": "8"}),
    "AV01": ("libsvtav1", {"crf": "15", "g": "10", "preset": "10"}),
    "MPG2": ("mpeg2video", {"bf": "2", "g": "10", "qmin": "1", "qmax": "3"}),
}
"""Coded format to FFmpeg's encoder, and how to encode well and with frames out of order."""


class Stream(NamedTuple):
    """A coded stream and what it shows; `packets` are in decoding order with their times in ns."""

    code: str
    pictures: list[Rgb]
    packets: list[tuple[bytes, int]]


def time_of(number: int) -> int:
    """The time of a picture, one that no clock would give."""
    return (number + 1) * 40 * MSEC


def encoded(
    code: str,
    count: int = 20,
    size: tuple[int, int] = (320, 240),
    first: int = 0,
    options: dict[str, str] | None = None,
) -> Stream:
    """Encode `count` pictures; their times begin with that of picture `first`."""
    import av

    name, usual = ENCODERS[code]
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    if code != "AV01":
        context.bit_rate = 8_000_000
    context.options = options or usual
    pictures = [picture(first + number, *size) for number in range(count)]
    packets = []
    for number, pixels in enumerate([*pictures, None]):
        frame = None
        if pixels is not None:
            planar = np.frombuffer(yu12(pixels), np.uint8).reshape(size[1] * 3 // 2, size[0])
            frame = av.VideoFrame.from_ndarray(planar, format="yuv420p")
            frame.pts = number
        packets += [
            (bytes(packet), time_of(first + (packet.pts or 0))) for packet in context.encode(frame)
        ]
    return Stream(code, pictures, packets)


class Shown(NamedTuple):
    """A decoded frame, cut to what is visible."""

    pixels: Rgb
    timestamp_ns: int
    flags: int


class Decoding:
    """
    A guest that decodes as the interface's documentation tells it to.

    It opens the output queue, waits for the size when it is told, sets the capture queue up, and
    does so anew whenever a SOURCE_CHANGE comes, or later with `hold_changes`. `sizes` are the
    capture formats it saw.
    """

    def __init__(self, session: Session, code: str, *, raw: str = "NV12", buffers: int = 4) -> None:
        self.session = session
        self.buffers = buffers
        self.output_type, self.capture_type = queue_types(session)
        self.raw = fourcc(raw)
        session.subscribe(EventType.SOURCE_CHANGE)
        session.subscribe(EventType.EOS)
        set_format(session, self.output_type, fourcc(code), (320, 240))
        self.output = M2mStream(session, self.output_type)
        self.output.stream_on()
        self.capture: M2mStream | None = None
        self.shown: list[Shown] = []
        self.sizes: list[tuple[int, int]] = []
        self.last = False
        self.ended = False
        self.hold_changes = False
        self._changed = False

    def set_up_capture(self) -> None:
        """Capture Setup: the format as it is now, buffers, STREAMON."""
        if self.capture is not None:
            self.capture.close()
        self._format = set_format(self.session, self.capture_type, self.raw)
        self.sizes.append((self._format.width, self._format.height))
        self.visible = selection(self.session, self.capture_type, int(SelTarget.COMPOSE))
        self.capture = M2mStream(self.session, self.capture_type, count=self.buffers)
        self.capture.queue_all()
        self.capture.stream_on()
        self.last = False

    def feed(self, packets: Sequence[tuple[bytes, int]]) -> None:
        """Queue packets as buffers come free, taking frames meanwhile."""
        for data, timestamp_ns in packets:
            self.wait(lambda: bool(self.output.idle) or self._collect_output())
            self.output.send([data], timestamp_ns=timestamp_ns)

    def drain(self) -> None:
        """STOP, then everything up to the last frame."""
        self.wait(lambda: self.capture is not None)
        decoder_command(self.session, DecCmd.STOP)
        self.wait(lambda: self.last and not self._changed)

    def wait(self, until: Callable[[], bool]) -> None:
        """Do what comes up until something is so. AssertionError: it never was."""
        end = monotonic() + LIMIT_S
        while not until():
            assert monotonic() < end, f"{len(self.shown)} frames, {self.session.error=}"
            if not self._turn():
                self.session.driver.wait_event(0.05)
        self._turn()

    def _turn(self) -> bool:
        """Take what there is; False when there was nothing."""
        busy = False
        self.session.driver.collect()
        while self.capture is not None and (frame := self.capture.poll()) is not None:
            self._show(frame)
            busy = True
        # The event comes before the last buffer: whoever has seen that one finds it here.
        while self.session.events:
            event = self.session.events.popleft()
            self._changed |= event.type == EventType.SOURCE_CHANGE
            self.ended |= event.type == EventType.EOS
            busy = True
        restart = self.capture is None or self.last
        if self._changed and restart and not self.hold_changes:
            self._changed = False
            self.set_up_capture()
            busy = True
        return busy

    def _collect_output(self) -> bool:
        return self.output.poll() is not None

    def _show(self, frame: Frame) -> None:
        assert self.capture is not None
        if frame.bytesused[0]:
            pixels = to_rgb(self._format, self.capture.copy(frame))
            left, top, width, height = self.visible
            seen = pixels[top : top + height, left : left + width]
            self.shown.append(Shown(seen, frame.timestamp_ns, frame.flags))
        elif frame.error:
            self.shown.append(Shown(np.zeros((1, 1, 3), np.uint8), frame.timestamp_ns, frame.flags))
        if frame.last:
            self.last = True
        else:
            self.capture.requeue(frame)

    def close(self) -> None:
        """Free both queues; what the device did wrong fails the test."""
        for stream in (self.output, self.capture):
            if stream is not None:
                stream.close()
                assert stream.violations == []


def decode(session: Session, stream: Stream, **options: Any) -> list[Shown]:
    """Decode a stream from the first to the last frame."""
    decoding = Decoding(session, stream.code, **options)
    decoding.feed(stream.packets)
    decoding.drain()
    assert decoding.ended
    decoding.close()
    return decoding.shown


def assert_shows(shown: Sequence[Shown], stream: Stream, first: int = 0, least: float = 30) -> None:
    """Every picture in order, with its own time, as good as `least` dB."""
    assert [frame.timestamp_ns for frame in shown] == [
        time_of(first + number) for number in range(len(stream.pictures))
    ]
    for frame, original in zip(shown, stream.pictures, strict=True):
        assert frame.pixels.shape == original.shape
        assert psnr(frame.pixels, original) > least
        assert not frame.flags & BufFlag.ERROR
