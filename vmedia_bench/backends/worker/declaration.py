"""What a source says it is, as data: taken in its process, given again by its stand-in."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

from vmedia_bench.backends.worker.layouts import LayoutFit, Planes, fit_layout, samples
from vmedia_bench.backends.worker.messages import Value
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.declarations import (
    Cropping,
    FormatDesc,
    Input,
    IntervalRange,
    Output,
    Rect,
    SizeRange,
)
from vmedia_bench.v4l2.source import VideoSource
from vmedia_bench.wire.v4l2 import fourcc_name


class Intervals(Struct, frozen=True):
    """Frame intervals of some formats and sizes: a list, or a range."""

    listed: tuple[Fraction, ...] = ()
    ranged: IntervalRange | None = None

    def value(self) -> tuple[Fraction, ...] | IntervalRange:
        """Give them as VideoSource.intervals() does."""
        return self.listed if self.ranged is None else self.ranged


class SizeEntry(Struct, frozen=True):
    """One size, its layout, and which of the declaration's intervals it has."""

    width: int
    height: int
    planes: Planes
    intervals: int


class RangeEntry(Struct, frozen=True):
    """A range of sizes with a layout that grows evenly and the same intervals all over."""

    sizes: SizeRange
    layout: LayoutFit
    intervals: int


class FormatEntry(Struct, frozen=True):
    """A FormatDesc; either `listed` or `ranged` has its sizes."""

    pixelformat: int
    description: str
    flags: int
    field: int
    colorspace: int
    ycbcr_enc: int
    quantization: int
    xfer_func: int
    listed: list[SizeEntry]
    ranged: RangeEntry | None


class QueueEntry(Struct, frozen=True):
    """One queue: formats, the default one, and the crop rectangles if it has any."""

    buf_type: int
    formats: list[FormatEntry]
    default: tuple[int, int, int]
    crop: tuple[Rect, Rect] | None


class Declared(Struct, frozen=True, tag=True):
    """A whole source. `values` are its volatile controls as they are."""

    card: str
    device_caps: int
    buf_types: tuple[int, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    controls: list[ControlSpec]
    events: list[int]
    paced: bool
    min_buffers: int
    queues: list[QueueEntry]
    intervals: list[Intervals]
    default_interval: Fraction
    values: dict[int, Value]


def declare(source: VideoSource) -> Declared:
    """
    Take down what a source declares.

    Raises ValueError with one line for what only a source inside the bench can have: a state for
    each session, ioctls of its own, crops that can be changed, layouts without a rule.
    """
    for unfit, what in (
        (source.per_session, "has a state for each session"),
        (source.extra_ioctls(), "has ioctls of its own"),
        (any(map(source.selections, source.buf_types)), "has selections of its own"),
    ):
        if unfit:
            raise ValueError(f"it {what}, which needs a source inside the bench")
    intervals = _IntervalTable(source)
    return Declared(
        card=source.card,
        device_caps=int(source.device_caps),
        buf_types=tuple(map(int, source.buf_types)),
        inputs=tuple(source.inputs),
        outputs=tuple(source.outputs),
        controls=list(source.controls),
        events=sorted(map(int, source.events)),
        paced=source.paced,
        min_buffers=source.min_buffers,
        queues=[_queue(source, int(buf_type), intervals) for buf_type in source.buf_types],
        intervals=intervals.rows,
        default_interval=source.default_interval(),
        values=volatile_values(source),
    )


def same_offer(one: Declared, other: Declared) -> bool:
    """Tell whether a guest of one can go on with the other; values and defaults may differ."""
    return all(getattr(one, name) == getattr(other, name) for name in _OFFERED) and list(
        map(_range_of, one.controls)
    ) == list(map(_range_of, other.controls))


_OFFERED = (
    *("device_caps", "buf_types", "inputs", "outputs", "events"),
    *("paced", "min_buffers", "queues", "intervals"),
)


def _range_of(spec: ControlSpec) -> tuple[object, ...]:
    return spec.cid, spec.type, spec.minimum, spec.maximum, spec.step, spec.items, spec.dims


def volatile_values(source: VideoSource) -> dict[int, Value]:
    """Read the volatile controls of a source; one that cannot be read is left out."""
    values = {}
    for spec in source.controls:
        if spec.volatile:
            try:
                values[spec.cid] = source.read_control(spec.cid)
            except Exception:  # noqa: BLE001 (its last good value stands)
                continue
    return values


def format_descs(queue: QueueEntry) -> tuple[FormatDesc, ...]:
    """Give the FormatDescs of a queue."""
    return tuple(_format_desc(entry) for entry in queue.formats)


def cropping(queue: QueueEntry) -> Cropping | None:
    """Give the Cropping of a queue."""
    return None if queue.crop is None else Cropping(*queue.crop)


def interval_rows(declared: Declared) -> dict[tuple[int, int, int], int]:
    """Give the row of intervals for each (fourcc, width, height) that is listed."""
    return {
        (entry.pixelformat, size.width, size.height): size.intervals
        for queue in declared.queues
        for entry in queue.formats
        for size in entry.listed
    }


class _IntervalTable:
    """Collects intervals; equal ones share a row."""

    def __init__(self, source: VideoSource) -> None:
        self.rows: list[Intervals] = []
        self._source = source
        self._known: dict[Intervals, int] = {}

    def row(self, pixelformat: int, width: int, height: int) -> int:
        found = self._source.intervals(pixelformat, width, height)
        entry = (
            Intervals(ranged=found)
            if isinstance(found, IntervalRange)
            else Intervals(listed=tuple(found))
        )
        if entry not in self._known:
            self._known[entry] = len(self.rows)
            self.rows.append(entry)
        return self._known[entry]


def _queue(source: VideoSource, buf_type: int, intervals: _IntervalTable) -> QueueEntry:
    crop = source.cropping(buf_type)
    if crop is not None and crop.adjust is not None:
        raise ValueError("it can change its crop, which needs a source inside the bench")
    return QueueEntry(
        buf_type,
        [_format(desc, intervals) for desc in source.formats(buf_type)],
        source.default_format(buf_type),
        None if crop is None else (crop.bounds, crop.default),
    )


def _format(desc: FormatDesc, intervals: _IntervalTable) -> FormatEntry:
    listed, ranged = [], None
    if isinstance(desc.sizes, SizeRange):
        ranged = _range(desc, desc.sizes, intervals)
    else:
        listed = [
            SizeEntry(w, h, desc.layout(w, h), intervals.row(desc.pixelformat, w, h))
            for w, h in desc.sizes
        ]
    return FormatEntry(
        int(desc.pixelformat),
        desc.description,
        int(desc.flags),
        int(desc.field),
        int(desc.colorspace),
        int(desc.ycbcr_enc),
        int(desc.quantization),
        int(desc.xfer_func),
        listed,
        ranged,
    )


def _range(desc: FormatDesc, sizes: SizeRange, intervals: _IntervalTable) -> RangeEntry:
    name = fourcc_name(desc.pixelformat)
    rows = {intervals.row(desc.pixelformat, *size) for size in samples(sizes)}
    if len(rows) > 1:
        raise ValueError(f"{name}: frame intervals differ by size: declare the sizes one by one")
    try:
        fit = fit_layout(desc.layout, sizes)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return RangeEntry(sizes, fit, rows.pop())


def _format_desc(entry: FormatEntry) -> FormatDesc:
    planes = {(size.width, size.height): size.planes for size in entry.listed}
    return FormatDesc(
        entry.pixelformat,
        entry.ranged.layout if entry.ranged else lambda width, height: planes[width, height],
        entry.ranged.sizes if entry.ranged else tuple(planes),
        description=entry.description,
        flags=entry.flags,
        field=entry.field,
        colorspace=entry.colorspace,
        ycbcr_enc=entry.ycbcr_enc,
        quantization=entry.quantization,
        xfer_func=entry.xfer_func,
    )
