"""The loopback as a VideoSource: one copy from an output buffer to a capture buffer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.loopback.options import MAX_SIZE, MIN_SIZE, LoopbackOptions
from vmedia_bench.backends.pattern.formats import format_descs
from vmedia_bench.v4l2.source import (
    Filled,
    Format,
    FormatDesc,
    Frame,
    Plane,
    SizeRange,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire.v4l2 import BufFlag, BufType, EventType, is_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

_SIZES: Final = SizeRange(MIN_SIZE[0], MAX_SIZE[0], MIN_SIZE[1], MAX_SIZE[1], 2, 2)
_ERROR: Final = int(BufFlag.ERROR)
_EOS: Final = int(EventType.EOS)


@dataclass(slots=True)
class _Offer:
    """An output buffer that waits for a capture buffer, and whether it has been copied."""

    frame: Frame
    planes: Sequence[Plane]
    bytesused: Sequence[int]
    taken: bool = False


class LoopbackSource(VideoSource):
    """
    Gives captured frames that are the output frames, with their timestamps and flags.

    The capture queue has one format, the one that the output queue was set to. An output buffer
    stays queued until its frame is copied, so nothing is lost; with `pair` frames go nowhere
    while nobody captures.
    """

    paced = False
    min_buffers = 0

    def __init__(self, options: LoopbackOptions) -> None:
        self.card = options.card
        self.per_session = options.mode == "m2m"
        self._options = options
        self._output, self._capture = (
            (int(BufType.VIDEO_OUTPUT_MPLANE), int(BufType.VIDEO_CAPTURE_MPLANE))
            if options.mplane
            else (int(BufType.VIDEO_OUTPUT), int(BufType.VIDEO_CAPTURE))
        )
        self.buf_types = (self._output, self._capture)
        descs = format_descs(mplane=options.mplane)
        self._formats = tuple(replace(desc, sizes=_SIZES) for desc in descs)
        self._current: Format | None = None
        self._host: SourceHost | None = None
        self._offer: _Offer | None = None

    @property
    def events(self) -> frozenset[int]:
        """EOS may be subscribed to as on any m2m device; a loopback has no end."""
        return frozenset((_EOS,))

    def instance(self) -> LoopbackSource:
        """Give a session its own."""
        return LoopbackSource(self._options)

    def attach(self, host: SourceHost) -> None:
        """Take the way back to the core."""
        self._host = host

    def detach(self) -> None:
        """Forget the frame that waits."""
        self._offer = None

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give all formats for the output, and what that is set to for the capture queue."""
        if is_output(buf_type) or self._current is None:
            return self._formats
        return (_only(self._current),)

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the options' format; for the capture queue the output's."""
        current = self._current
        if not is_output(buf_type) and current is not None:
            return (current.pixelformat, current.width, current.height)
        return (self._options.pixelformat, *self._options.size)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give none: frames come when they come."""
        del pixelformat, width, height
        return ()

    def configure(self, fmt: Format) -> None:
        """Let the capture queue follow the output."""
        if is_output(fmt.type):
            self._current = fmt
            if self._host is not None:
                self._host.reset_format(self._capture)

    def stop(self, buf_type: int) -> None:
        """Forget the frame that waits, or let its buffer go where there is nobody to take it."""
        if is_output(buf_type):
            self._offer = None
        elif self._host is not None:
            self._host.frame_ready()

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        """Offer an output buffer; it is done once fill() has copied it."""
        host, offer = self._host, self._offer
        if host is None or (not self.per_session and not host.streaming(self._capture)):
            self._offer = None
            return True
        if offer is None:
            self._offer = _Offer(frame, planes, bytesused)
            host.frame_ready()
            return False
        if offer.taken:
            self._offer = None
        return offer.taken

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Copy the frame that waits; None when there is none."""
        del frame
        offer = self._offer
        if offer is None or offer.taken or self._host is None:
            return None
        flags, copied = offer.frame.flags, []
        for source, target, used in zip(offer.planes, planes, offer.bytesused, strict=True):
            size = min(used, target.length)
            if size < used:
                flags |= _ERROR
            target.write(0, source.read(0, size))
            copied.append(size)
        offer.taken = True
        self._host.frame_ready()
        origin = offer.frame
        return Filled(tuple(copied), flags, origin.field, origin.timestamp_ns, origin.timecode)


def _only(fmt: Format) -> FormatDesc:
    """Declare one format in one size, laid out as the output's buffers are."""
    return FormatDesc(
        fmt.pixelformat,
        lambda width, height: fmt.planes,  # noqa: ARG005 (there is one size)
        ((fmt.width, fmt.height),),
        field=fmt.field,
        colorspace=fmt.colorspace,
        ycbcr_enc=fmt.ycbcr_enc,
        quantization=fmt.quantization,
        xfer_func=fmt.xfer_func,
    )
