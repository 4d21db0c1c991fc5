"""What the sessions of decoders and encoders have in common: two queues, draining, the end."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from errno import EBUSY, EINVAL, EIO, ENOMEM
from typing import TYPE_CHECKING, Final, NamedTuple

from vmedia_bench.backends.codec.farm import Farm
from vmedia_bench.backends.codec.link import Link
from vmedia_bench.backends.codec.messages import (
    Changed,
    Damaged,
    Drained,
    Input,
    Produced,
    Refused,
    Report,
    Taken,
)
from vmedia_bench.backends.codec.options import CodecOptions
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Filled, Format, Frame, Plane, SourceHost, VideoSource
from vmedia_bench.wire.v4l2 import BufFlag, BufType, EventType, is_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

log = logging.getLogger(__name__)

_LAST: Final = int(BufFlag.LAST)
_ERROR: Final = int(BufFlag.ERROR)
_COPIED: Final = int(BufFlag.TIMECODE | BufFlag.TSTAMP_SRC_MASK)
_KINDS: Final = {
    "I": int(BufFlag.KEYFRAME),
    "P": int(BufFlag.PFRAME),
    "B": int(BufFlag.BFRAME),
}
_EOS: Final = int(EventType.EOS)
_SOURCE_CHANGE: Final = int(EventType.SOURCE_CHANGE)
# What a frame was made from is remembered so long; no codec holds that many back.
_ORIGINS: Final = 256


class _End(NamedTuple):
    """Everything from before a STOP command is out."""


class CodecSession(VideoSource):
    """
    One session's codec: OUTPUT buffers go to a process, its results to CAPTURE buffers.

    Results stay in order: frames, damage, a change of size, and the end of a drain are taken
    from one queue. Nothing passes the buffer with the LAST flag before START, or before the
    capture queue is restarted.
    """

    paced = False
    min_buffers = 0
    per_session = True
    target = ""
    announces_sizes = False

    def __init__(self, options: CodecOptions, farm: Farm | None = None) -> None:
        self.card = options.card
        self.options = options
        threads = (options.threads, options.frame_threads)
        self.farm = farm or Farm(self.target, options.sessions, threads)
        self.output, self.capture = (
            (int(BufType.VIDEO_OUTPUT_MPLANE), int(BufType.VIDEO_CAPTURE_MPLANE))
            if options.mplane
            else (int(BufType.VIDEO_OUTPUT), int(BufType.VIDEO_CAPTURE))
        )
        self.buf_types = (self.output, self.capture)
        self.host: SourceHost | None = None
        self.link: Link | None = None
        self.output_format: Format | None = None
        self.capture_format: Format | None = None
        self.generation = 0
        self._ready: deque[Produced | Damaged | Changed | _End] = deque()
        self._origins: OrderedDict[int, Frame] = OrderedDict()
        self._token = 0
        self._drain = 0
        self._draining = False
        self._before_stop = 0
        self._stopped = False
        self._owes_last = False
        self._changing = False

    @property
    def events(self) -> frozenset[int]:
        """What may be subscribed to."""
        return frozenset((_EOS, _SOURCE_CHANGE) if self.announces_sizes else (_EOS,))

    # What a decoder and an encoder do in their own way

    def input_command(self, interval: Fraction) -> Input:
        """Say what the process gets from now on."""
        raise NotImplementedError

    def open_pool(self, link: Link) -> None:
        """Give the process slots for results in the capture queue's format."""
        raise NotImplementedError

    def put(self, data: memoryview, planes: Sequence[Plane]) -> tuple[int, ...]:
        """Copy a result into a capture buffer; gives the bytes used a plane."""
        raise NotImplementedError

    def changed(self, change: Changed) -> None:
        """Take another picture size over."""
        raise NotImplementedError

    # What the core asks

    def attach(self, host: SourceHost) -> None:
        """Take the way back to the core; a session that opens will need a process."""
        self.host = host
        self.farm.prepare(host.reactor)

    def detach(self) -> None:
        """End the process: a session's own, or that which waits for a session."""
        self._close_link()
        self._ready.clear()
        if self.host is None:
            self.farm.close()

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Start a process with the output queue; give it slots with the capture queue."""
        try:
            if not is_output(fmt.type):
                self.capture_format = fmt
                if self.link is not None:
                    self.open_pool(self.link)
                self._wake()
                return
            self.output_format = fmt
            link = self.link or self._open_link()
            self.generation += 1
            link.open_input(self.input_command(interval))
        except OSError as error:
            raise V4l2Error(ENOMEM, str(error)) from error

    def stop(self, buf_type: int) -> None:
        """
        Of the output: a seek, everything inside is dropped; of the capture queue: all results.

        Either calls a drain off, unless the capture queue is restarted for a change of size.
        """
        output = is_output(buf_type)
        if output or not self._changing:
            self._draining = False
            self._drain += 1
            self._ready = deque(item for item in self._ready if not isinstance(item, _End))
        self._stopped = self._owes_last = self._changing = False
        self._drop_results()
        if output:
            self.generation += 1
            self._ready.clear()
            self._origins.clear()
            return
        self.capture_format = None
        if self.link is not None:
            self.link.close_pool()

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        """Take an output buffer; False while the process has enough, or is stopped."""
        link = self.link
        if link is None or not link.has_room or self._holds_back:
            return False
        self._token += 1
        self._origins[self._token] = frame
        if len(self._origins) > _ORIGINS:
            self._origins.popitem(last=False)
        link.feed(planes, bytesused, self._token, key=self.wants_key())
        if self._draining:
            self._before_stop -= 1
            if not self._before_stop:
                link.drain(self._drain)
        return True

    def wants_key(self) -> bool:
        """Say whether a picture that is being taken is to be a key frame; called once for each."""
        return False

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Copy the next result; None when there is none, or none is due."""
        if self._owes_last:
            self._owes_last = False
            return Filled((0,) * len(planes), _LAST, timestamp_ns=frame.timestamp_ns)
        if self._stopped or not self._ready:
            return None
        item = self._ready.popleft()
        if isinstance(item, _End):
            # In a buffer of its own: Linux's driver has no poll() that wakes up for the EPIPE
            # behind a LAST frame, and FFmpeg would wait for one for ever.
            self._finish()
            return Filled((0,) * len(planes), _LAST, timestamp_ns=frame.timestamp_ns)
        used, flags = (0,) * len(planes), _ERROR
        if isinstance(item, Produced):
            used, flags = self._take_result(item, planes)
        self._look_ahead()
        token = 0 if isinstance(item, Changed) else item.token
        return _filled(used, flags, self._origins.get(token))

    def _take_result(self, item: Produced, planes: Sequence[Plane]) -> tuple[tuple[int, ...], int]:
        """Copy a result out of its slot; gives the bytes used a plane, and flags."""
        link = self.link
        data = link.result(item) if link is not None else None
        if link is None or data is None:
            return (0,) * len(planes), _ERROR
        used = self.put(data, planes)
        link.release(item)
        return used, _KINDS.get(item.kind, 0) | (_ERROR if item.damaged else 0)

    # Commands

    def stop_command(self) -> None:
        """STOP: drain; V4l2Error(EBUSY) while that goes on, nothing unless both queues stream."""
        host = self.host
        if self._draining:
            raise V4l2Error(EBUSY, "a drain is under way")
        if host is None or self.link is None or (self._stopped and not self._changing):
            return
        if not (host.streaming(self.output) and host.streaming(self.capture)):
            return
        self._draining = True
        self._drain += 1
        self._before_stop = host.queued(self.output)
        if not self._before_stop:
            self.link.drain(self._drain)

    def start_command(self) -> None:
        """START: go on after a drain or a change of size; V4l2Error(EBUSY) while one goes on."""
        if self._draining and not self._changing:
            raise V4l2Error(EBUSY, "a drain is under way")
        changing = self._changing
        self._stopped = self._changing = self._owes_last = False
        if changing and self.link is not None and self.capture_format is not None:
            try:
                self.open_pool(self.link)
            except OSError as error:
                raise V4l2Error(ENOMEM, str(error)) from error
        self._wake()

    # What the process says

    def heard(self, report: Report) -> None:
        """Put a report in its place among the results."""
        if isinstance(report, (Taken, Refused)):
            self._wake()
            return
        if report.generation != self.generation:
            if isinstance(report, Produced) and self.link is not None:
                self.link.release(report)
            return
        if isinstance(report, Drained):
            if report.drain != self._drain:
                return
            self._ready.append(_End())
        elif isinstance(report, (Produced, Damaged, Changed)):
            self._ready.append(report)
        self._look_ahead()
        self._wake()

    def lost(self, why: str) -> None:
        """The process is gone: the session ends, the device lives."""
        log.warning("%s: %s", self.card, why)
        self._forget_link()
        if self.host is not None:
            self.host.fail(EIO)

    # Inside

    @property
    def _holds_back(self) -> bool:
        """Whether output buffers stay queued: they came after STOP."""
        drained = self._stopped and not self._changing
        return drained or (self._draining and not self._before_stop)

    def _look_ahead(self) -> None:
        """Act on a change of size as soon as everything before it is out."""
        while self._ready and isinstance(self._ready[0], Changed):
            change = self._ready.popleft()
            assert isinstance(change, Changed)
            streams = self.host is not None and self.host.streaming(self.capture)
            self.changed(change)
            if change.waits and streams:
                self._owes_last = self._stopped = self._changing = True
                self._wake()

    def _finish(self) -> None:
        """The end of a drain."""
        self._draining = False
        self._stopped = True
        self._changing = False
        if self.host is not None:
            self.host.end_of_stream()

    def _open_link(self) -> Link:
        assert self.host is not None
        self.link = Link(
            self.farm.take(self.host.reactor),
            self.host.reactor,
            heard=self.heard,
            lost=self.lost,
            stuck_ns=int(self.options.stuck_after * 1e9),
            announces_sizes=self.announces_sizes,
        )
        if self.capture_format is not None:
            self.open_pool(self.link)
        return self.link

    def _drop_results(self) -> None:
        """Give back what nobody will see; a change of size still counts."""
        kept: deque[Produced | Damaged | Changed | _End] = deque()
        for item in self._ready:
            if isinstance(item, Produced):
                if self.link is not None:
                    self.link.release(item)
            elif not isinstance(item, Damaged):
                kept.append(item)
        self._ready = kept

    def _close_link(self) -> None:
        if self.link is not None:
            self.link.close()
            self._forget_link()

    def _forget_link(self) -> None:
        if self.link is not None:
            self.link = None
            self.farm.forget()

    def _wake(self) -> None:
        if self.host is not None:
            self.host.frame_ready()


def checked_command(command: int, known: Sequence[int]) -> None:
    """V4l2Error(EINVAL) for a command that codecs do not have."""
    if command not in known:
        raise V4l2Error(EINVAL, f"codec command {command}")


def _filled(used: tuple[int, ...], flags: int, origin: Frame | None) -> Filled:
    """A capture buffer with what the guest said of the output buffer it came from."""
    if origin is None:
        return Filled(used, flags, timestamp_ns=0)
    copied = origin.flags & _COPIED
    return Filled(used, flags | copied, origin.field, origin.timestamp_ns, origin.timecode)
