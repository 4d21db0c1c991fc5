"""The half of a stand-in that says what the source declared."""

from collections.abc import Sequence
from fractions import Fraction

from vmedia_bench.backends.worker.declaration import (
    Declared,
    cropping,
    format_descs,
    interval_rows,
)
from vmedia_bench.v4l2.source import Cropping, FormatDesc, IntervalRange, VideoSource


class DeclaredSource(VideoSource):
    """Answers every question about the declaration from what was taken down of it."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self.card = declared.card
        self.buf_types = declared.buf_types
        self.inputs = declared.inputs
        self.outputs = declared.outputs
        self.controls = tuple(declared.controls)
        self.paced = declared.paced
        self.min_buffers = declared.min_buffers
        self._formats = {queue.buf_type: format_descs(queue) for queue in declared.queues}
        self._defaults = {queue.buf_type: queue.default for queue in declared.queues}
        self._crops = {queue.buf_type: cropping(queue) for queue in declared.queues}
        self._rows = interval_rows(declared)
        self._ranged_rows = {
            entry.pixelformat: entry.ranged.intervals
            for queue in declared.queues
            for entry in queue.formats
            if entry.ranged is not None
        }

    @property
    def device_caps(self) -> int:
        """V4L2_CAP_* bits, as declared."""
        return self._declared.device_caps

    @property
    def events(self) -> frozenset[int]:
        """EventTypes, as declared."""
        return frozenset(self._declared.events)

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the formats, as declared."""
        return self._formats[buf_type]

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give (fourcc, width, height), as declared."""
        return self._defaults[buf_type]

    def intervals(
        self, pixelformat: int, width: int, height: int
    ) -> tuple[Fraction, ...] | IntervalRange:
        """Give the intervals of a format and size, as declared."""
        row = self._rows.get((pixelformat, width, height), self._ranged_rows.get(pixelformat))
        return () if row is None else self._declared.intervals[row].value()

    def default_interval(self) -> Fraction:
        """Give the interval, as declared."""
        return self._declared.default_interval

    def cropping(self, buf_type: int) -> Cropping | None:
        """Give the crop rectangles, as declared."""
        return self._crops[buf_type]
