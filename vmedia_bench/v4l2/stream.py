"""
One streaming queue: when a frame is due, and what becomes of it.

A paced stream's frame k is due at start + k * interval, computed anew for each k, so it never
drifts. A frame for which no buffer is queued is dropped, and its sequence number with it, as
hardware does. A source that has no frame yet puts the beginning off, as a camera that warms up
does: the first frame it gives has the number that was due. Later it owes the frames it has not
got in time: the next one it gives shows that they are lost, and another source, put in its place
before that, goes on with the first number owed. An unpaced stream goes as fast as buffers come.
"""

import logging
from collections.abc import Callable, Sequence
from errno import EIO
from fractions import Fraction

from vmedia_bench.v4l2.buffer import Buffer
from vmedia_bench.v4l2.buffer_layout import dqbuf_event
from vmedia_bench.v4l2.events import NSEC_PER_SEC, EventHub, EventSink
from vmedia_bench.v4l2.planes import PlaneTail
from vmedia_bench.v4l2.queue import Queue
from vmedia_bench.v4l2.source import Filled, Frame, Plane, VideoSource
from vmedia_bench.wire.v4l2 import BufFlag

log = logging.getLogger(__name__)

# How many frames one call makes at most: the loop must stay fair, and a stream that is late by
# more has lost those frames, as a camera would have.
MAX_BURST = 4
# A source that fails this often in a row will not recover: its session gets EVT_ERROR.
MAX_FAILURES = 8

# How long an unpaced stream takes for a frame that is lost on purpose.
LOST_FRAME_NS = 1_000_000

_ERROR = int(BufFlag.ERROR)
_FILL_FLAGS = int(BufFlag.ERROR | BufFlag.KEYFRAME | BufFlag.PFRAME | BufFlag.BFRAME | BufFlag.LAST)
_COPY = int(BufFlag.TIMESTAMP_COPY)
_COPIED_FLAGS = _FILL_FLAGS | int(BufFlag.TIMECODE | BufFlag.TSTAMP_SRC_MASK)


class Stream:
    """
    The frames of one queue. `deadline` is when `advance` wants to be called next, in ns of
    CLOCK_MONOTONIC; None: nothing to do until a buffer is queued or the source has news.

    `changed` is called when the deadline moved outside `advance`; `failed(errno)` when the
    source is beyond hope.
    """

    def __init__(
        self,
        source: VideoSource,
        queue: Queue,
        sink: EventSink,
        hub: EventHub,
        *,
        now: Callable[[], int],
        changed: Callable[[], None],
        failed: Callable[[int], None],
    ) -> None:
        self.source = source
        self.deadline: int | None = None
        self.sequence = 0
        self.frames = 0
        self.dropped = 0
        self._queue = queue
        self._sink = sink
        self._hub = hub
        self._now = now
        self._changed = changed
        self._failed = failed
        self._copies_timestamps = bool(queue.timestamp_flags & _COPY)
        self._fill_flags = _COPIED_FLAGS if self._copies_timestamps else _FILL_FLAGS
        self._failures = 0
        self._field = 0
        self._interval = Fraction(0)
        self._started_ns = 0
        self._period = (0, 1)
        self._begun = False
        self._put_off = False
        self._owed = 0
        self._announced = -1
        self._run = self._output if queue.is_output else self._capture

    # Start and stop

    def start(self, interval: Fraction) -> None:
        """Begin with frame 0, now; raises what the source's start raises."""
        self.source.start(self._queue.format, interval)
        self._field = self._queue.format.field
        self._failures = self.sequence = self.frames = self.dropped = self._owed = 0
        self._announced = -1
        self._pace(interval)

    def replace_source(self, source: VideoSource, interval: Fraction) -> None:
        """Go on with another source, started if the queue runs; no number is missing between."""
        before, self.source = self.source, source
        self.sequence -= self._owed
        self._owed = 0
        if self._queue.running:
            self._end(before)
            self._pace(interval)

    def stop(self) -> None:
        """End it; a source that cannot even stop is logged and let go."""
        self.deadline = None
        self._end(self.source)
        self._changed()

    def _end(self, source: VideoSource) -> None:
        try:
            source.stop(self._queue.type)
        except Exception:
            log.exception("%s failed to stop", source.card)

    def _pace(self, interval: Fraction) -> None:
        """Make the next frame due now, and the others an interval apart from it."""
        self._interval = interval if self.source.paced else Fraction(0)
        self._period = (interval.numerator * NSEC_PER_SEC, interval.denominator)
        self._begun = self._queue.is_output
        self._put_off = False
        self._begin(self._now())
        self._changed()

    def _begin(self, now: int) -> None:
        """Let the next frame be due now."""
        self.deadline = now
        self._started_ns = 0
        self._started_ns = now - self._due(self.sequence)

    # Time

    def wake(self) -> None:
        """A buffer was queued, or the source has news: a stream that waits for it goes on."""
        if (self.deadline is None or self._put_off) and self._queue.running:
            self.deadline = self._now()
            self._changed()

    def advance(self, now: int) -> None:
        """Make the frames that are due, at most MAX_BURST, and set the next deadline."""
        if self.deadline is None or now < self.deadline:
            return
        if self._interval:
            self._advance_paced(now)
        else:
            self._advance_unpaced(now)

    def _advance_paced(self, now: int) -> None:
        if self._put_off:
            self._put_off = False
            self._begin(now)
        period, parts = self._period
        newest = (now - self._started_ns) * parts // period
        lost = newest + 1 - MAX_BURST - self.sequence
        if lost > 0:
            self.sequence += lost
            self._owed += lost
        while self.sequence <= newest and self._queue.running:
            self._announce()
            if not self._wanted() or not self._queue.queued:
                self._lose(1)
            elif not self._next_frame(self._due(self.sequence)):
                if not self._begun:
                    self._put_off = True
                    break
                self._owed += 1
            self.sequence += 1
        if self._queue.running:
            self.deadline = self._due(self.sequence + self._put_off)

    def _advance_unpaced(self, now: int) -> None:
        for _ in range(MAX_BURST):
            if self._queue.queued and not self._wanted():
                self._lose(1)
                self.sequence += 1
                self.deadline = now + LOST_FRAME_NS
                return
            if not self._queue.queued or not self._next_frame(self._now()):
                self.deadline = None
                return
            self._announce()
            self.sequence += 1
        self.deadline = now if self._queue.queued else None

    def _lose(self, count: int) -> None:
        """Count frames that the guest will never see, and those owed from before them."""
        count += self._owed
        self._owed = 0
        self.dropped += count
        self._sink.frames_lost(count)

    def _wanted(self) -> bool:
        return self._sink.frame_wanted(self._queue.owner, self._queue.type)

    def _announce(self) -> None:
        if self._hub.frame_sync_wanted and self._announced != self.sequence:
            self._announced = self.sequence
            self._hub.frame_sync(self.sequence)

    def _due(self, k: int) -> int:
        """Rounded up, so that at its deadline a frame really is due."""
        period, parts = self._period
        return self._started_ns - (-k * period // parts)

    # One frame

    def _next_frame(self, timestamp_ns: int) -> bool:
        """Make one frame in the first buffer queued; False when the source has none."""
        buffer = self._queue.queued[0]
        frame = Frame(self.sequence, timestamp_ns, self._interval)
        if self._copies_timestamps and self._queue.is_output:
            timestamp_ns = buffer.timestamp_ns
            frame = Frame(
                self.sequence,
                timestamp_ns,
                self._interval,
                buffer.flags,
                buffer.field,
                buffer.timecode,
            )
        try:
            if not self._run(frame, buffer):
                return False
            self._failures = 0
        except Exception:
            # Of a row of failures only the first is worth a traceback.
            if not self._failures:
                log.exception("%s failed at frame %d", self.source.card, self.sequence)
            self._failures += 1
            self._break(buffer)
        self._begun = True
        self._return(buffer, timestamp_ns)
        return True

    def _return(self, buffer: Buffer, timestamp_ns: int) -> None:
        """Give the buffer back to the guest; a source that always fails loses its session."""
        buffer.sequence = self.sequence & 0xFFFFFFFF
        if not self._copies_timestamps:
            buffer.timestamp_ns = timestamp_ns
        self.frames += 1
        if self._owed:
            self._lose(0)
        self._queue.complete()
        owner = self._queue.owner
        if owner is not None:
            self._sink.dqbuf(owner, *dqbuf_event(self._queue, buffer))
        if self._failures >= MAX_FAILURES:
            self._failed(EIO)

    def _capture(self, frame: Frame, buffer: Buffer) -> bool:
        filled = self.source.fill(frame, buffer.targets)
        if filled is None:
            return False
        _check_filled(filled, buffer)
        for plane, bytesused in zip(buffer.planes, filled.bytesused, strict=True):
            plane.bytesused = bytesused
        buffer.flags = filled.flags & self._fill_flags
        buffer.field = self._field if filled.field is None else filled.field
        if filled.timestamp_ns is not None:
            buffer.timestamp_ns = filled.timestamp_ns
            buffer.timecode = filled.timecode
        return True

    def _output(self, frame: Frame, buffer: Buffer) -> bool:
        targets: Sequence[Plane] = buffer.targets
        used = [plane.bytesused - plane.data_offset for plane in buffer.planes]
        if any(plane.data_offset for plane in buffer.planes):
            targets = [
                PlaneTail(target, plane.data_offset)
                for target, plane in zip(targets, buffer.planes, strict=True)
            ]
        return self.source.drain(frame, targets, used) is not False

    def _break(self, buffer: Buffer) -> None:
        """Mark a buffer as one whose contents cannot be trusted."""
        buffer.flags |= _ERROR
        buffer.field = buffer.field or self._field
        if not self._queue.is_output:
            for plane in buffer.planes:
                plane.bytesused = 0


def _check_filled(filled: Filled, buffer: Buffer) -> None:
    """ValueError for a source that says it wrote more than there was room for."""
    if len(filled.bytesused) != len(buffer.planes):
        raise ValueError(f"{len(filled.bytesused)} planes filled of {len(buffer.planes)}")
    for plane, bytesused in zip(buffer.planes, filled.bytesused, strict=True):
        if not 0 <= bytesused <= plane.length:
            raise ValueError(f"{bytesused} bytes filled of a plane of {plane.length}")
