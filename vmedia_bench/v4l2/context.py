"""
What a file handle works on: formats, queues, controls, events and the source behind them.

A camera has one context for the whole node, as its hardware has one state; a codec has one for
each session. Everything that an ioctl changes is here.
"""

from collections.abc import Callable
from errno import EINVAL
from fractions import Fraction
from functools import partial

from vmedia_bench.v4l2.controls import ControlHandler
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.events import EventHub
from vmedia_bench.v4l2.formats import can_serve, initial_format
from vmedia_bench.v4l2.ports import NodePorts, Reactor
from vmedia_bench.v4l2.queue import Queue
from vmedia_bench.v4l2.source import (
    ControlValue,
    Format,
    Input,
    IntervalRange,
    Output,
    Rect,
    VideoSource,
    nearest_interval,
)
from vmedia_bench.v4l2.stream import Stream
from vmedia_bench.wire.v4l2 import VIDEO_MAX_FRAME, BufFlag, Cap, fourcc_name

_COPY = int(BufFlag.TIMESTAMP_COPY)
_MONOTONIC = int(BufFlag.TIMESTAMP_MONOTONIC)
_CAPTURES = int(Cap.VIDEO_CAPTURE | Cap.VIDEO_CAPTURE_MPLANE)
_SHOWS = int(Cap.VIDEO_OUTPUT | Cap.VIDEO_OUTPUT_MPLANE)


class Context:
    """
    The V4L2 state over one source; satisfies source.SourceHost, the source's way back.

    `changed` is called when a stream's deadline moved; `failed(owner, errno)` when a queue's
    source is beyond hope.
    """

    def __init__(
        self,
        source: VideoSource,
        ports: NodePorts,
        *,
        changed: Callable[[], None],
        failed: Callable[[int, int], None],
        max_buffers: int = VIDEO_MAX_FRAME,
    ) -> None:
        self.source = source
        self.sink = ports.sink
        self.input = 0
        self.output = 0
        self.crops: dict[int, Rect] = {}
        self.events = EventHub(ports.sink, ports.now, source.events, self._initial_event)
        self.controls = self._handler(source)
        self.extra_ioctls = source.extra_ioctls()
        self.queues: dict[int, Queue] = {}
        self.streams: dict[int, Stream] = {}
        self._ports = ports
        self._changed = changed
        self._failed = failed
        self._max_buffers = max_buffers
        source.attach(self)
        for buf_type in source.buf_types:
            self._add_queue(int(buf_type))
        self.interval = source.default_interval()
        self.has_intervals = bool(self._intervals())
        self.set_interval(None)
        for queue in self.queues.values():
            source.configure(queue.format)

    def _add_queue(self, buf_type: int) -> None:
        is_codec = len(self.source.buf_types) > 1
        queue = Queue(
            initial_format(self.source, buf_type),
            self._ports.memory,
            start=partial(self._start, buf_type),
            stop=partial(self._stop, buf_type),
            min_buffers=self.source.min_buffers,
            max_buffers=self._max_buffers,
            timestamp_flags=_COPY if is_codec else _MONOTONIC,
        )
        self.queues[buf_type] = queue
        self.streams[buf_type] = Stream(
            self.source,
            queue,
            self.sink,
            self.events,
            now=self._ports.now,
            changed=self._changed,
            failed=partial(self._queue_failed, queue),
        )

    # What ioctls ask

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs; none for a device that shows or transcodes."""
        return self.source.inputs if self.source.device_caps & _CAPTURES else ()

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs; none for a device that captures or transcodes."""
        return self.source.outputs if self.source.device_caps & _SHOWS else ()

    def queue(self, buf_type: int) -> Queue:
        """Give the queue of a buffer type; EINVAL when the device does not have it."""
        queue = self.queues.get(buf_type)
        if queue is None:
            raise V4l2Error(EINVAL, f"buffer type {buf_type} is none of this device")
        return queue

    def check_idle(self) -> None:
        """EBUSY while any queue has buffers."""
        for queue in self.queues.values():
            queue.check_idle()

    def set_format(self, fmt: Format) -> None:
        """Put a negotiated format in force; the interval follows what its size allows."""
        self.source.configure(fmt)
        self.queues[fmt.type].format = fmt
        self.set_interval(self.interval)

    def set_interval(self, wanted: Fraction | None) -> None:
        """Set the nearest interval the current format allows; None asks for the default."""
        intervals = self._intervals()
        if intervals:
            self.interval = nearest_interval(
                intervals, self.source.default_interval() if wanted is None else wanted
            )

    def close(self, session_id: int) -> None:
        """Free what a session owns and end its subscriptions."""
        for queue in self.queues.values():
            if queue.owner == session_id:
                queue.free()
        self.events.forget(session_id)

    # Another source under the same state

    def obstacles(self, source: VideoSource) -> tuple[str, ...]:
        """Say why `source` cannot take over while sessions are open; nothing when it can."""
        if set(map(int, source.buf_types)) != set(self.queues) or source.per_session:
            return ("it has other queues",)
        found = [
            f"it cannot serve {fourcc_name(queue.format.pixelformat)} "
            f"{queue.format.width}x{queue.format.height}"
            for queue in self.queues.values()
            if not can_serve(source, queue.format)
        ]
        if not found and self.has_intervals:
            intervals = self._intervals(source)
            if not intervals or nearest_interval(intervals, self.interval) != self.interval:
                found.append(f"it has no frame interval of {self.interval} s")
        return tuple(found)

    def replace_source(self, source: VideoSource) -> None:
        """
        Put another source under the open sessions; the streams run on, controls start anew.

        Only for a source without `obstacles`. What its `configure` or `start` raises leaves the
        old one in place.
        """
        source.attach(self)
        try:
            for queue in self.queues.values():
                source.configure(queue.format)
                if queue.running:
                    source.start(queue.format, self.interval)
        except BaseException:
            source.detach()
            raise
        for queue in self.queues.values():
            queue.min_buffers = source.min_buffers
            self.streams[queue.type].replace_source(source, self.interval)
        self.source.detach()
        self.source = source
        self.input = self.output = 0
        self.crops.clear()
        self.has_intervals = bool(self._intervals())
        self.controls = self._handler(source)
        self.extra_ioctls = source.extra_ioctls()
        self.events.supported = source.events
        self.events.controls_replaced()

    # What the source says

    @property
    def reactor(self) -> Reactor:
        """The event loop, for sources with descriptors or delays of their own."""
        return self._ports.reactor

    def frame_ready(self) -> None:
        """Try fill() and drain() of every stream again."""
        for stream in self.streams.values():
            stream.wake()

    def end_of_stream(self) -> None:
        """Emit V4L2_EVENT_EOS."""
        self.events.end_of_stream()

    def source_changed(self, changes: int) -> None:
        """Emit V4L2_EVENT_SOURCE_CHANGE with SrcChange bits."""
        self.events.source_change(changes)

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Show a control's value that the source has changed on its own."""
        self.controls.set_from_source(cid, value)

    def queued(self, buf_type: int) -> int:
        """Tell how many buffers of a queue wait to be filled or drained."""
        return len(self.queues[buf_type].queued)

    def streaming(self, buf_type: int) -> bool:
        """Tell whether a queue is between STREAMON and STREAMOFF."""
        return self.queues[buf_type].streaming

    def reset_format(self, buf_type: int) -> None:
        """Put the source's default format of a queue in force anew, buffers or not."""
        self.queues[buf_type].format = initial_format(self.source, buf_type)

    def fail(self, errno: int) -> None:
        """Give up: the sessions that own queues get EVT_ERROR."""
        for owner in {queue.owner for queue in self.queues.values()} - {None}:
            if owner is not None:
                self._failed(owner, errno)

    # Inside

    def _handler(self, source: VideoSource) -> ControlHandler:
        return ControlHandler(
            source.controls,
            on_change=source.control_changed,
            read_volatile=source.read_control,
            emit=self.events.emit,
        )

    def _intervals(self, source: VideoSource | None = None) -> tuple[Fraction, ...] | IntervalRange:
        """Ask for the intervals of the first queue's format; a device has one rate."""
        fmt = next(iter(self.queues.values())).format
        return (source or self.source).intervals(fmt.pixelformat, fmt.width, fmt.height)

    def _start(self, buf_type: int) -> None:
        self.streams[buf_type].start(self.interval)

    def _stop(self, buf_type: int) -> None:
        self.streams[buf_type].stop()

    def _queue_failed(self, queue: Queue, errno: int) -> None:
        if queue.owner is not None:
            self._failed(queue.owner, errno)

    def _initial_event(self, cid: int) -> bytes | None:
        return self.controls.initial_event(cid)
