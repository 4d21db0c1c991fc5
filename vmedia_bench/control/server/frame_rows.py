"""Which bytes of a frame make up every n-th row of its picture."""

from collections.abc import Iterator
from dataclasses import dataclass

from vmedia_bench.v4l2.source import Format
from vmedia_bench.wire.v4l2 import fourcc_name


@dataclass(frozen=True, slots=True)
class Component:
    """
    One array of samples in a frame: the whole of a packed format, or Y, CbCr, Cb, Cr.

    `plane` is its memory plane, `rows_a_line` how many picture rows share a line of it; its
    lines are `bytes_num` / `bytes_den` of the plane's bytesperline long.
    """

    plane: int
    rows_a_line: int = 1
    bytes_num: int = 1
    bytes_den: int = 1


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines of one component: `count` of `length` bytes, each `stride` after the one before."""

    plane: int
    start: int
    stride: int
    length: int
    count: int

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(offset, length) of each line in its memory plane."""
        for number in range(self.count):
            yield self.start + number * self.stride, self.length


_Y = Component(0)


def _chroma(plane: int, rows_a_line: int, num: int = 1, den: int = 1) -> Component:
    return Component(plane, rows_a_line, num, den)


_NV_420 = (_Y, _chroma(0, 2))
_NV_422 = (_Y, _chroma(0, 1))
_NV_444 = (_Y, _chroma(0, 1, 2))
_420 = (_Y, _chroma(0, 2, 1, 2), _chroma(0, 2, 1, 2))
_422 = (_Y, _chroma(0, 1, 1, 2), _chroma(0, 1, 1, 2))
_411 = (_Y, _chroma(0, 1, 1, 4), _chroma(0, 1, 1, 4))
_410 = (_Y, _chroma(0, 4, 1, 4), _chroma(0, 4, 1, 4))

# Layouts as in the UAPI page "Planar YUV formats"; in the multi-planar ones each component has
# a memory plane with a bytesperline of its own.
_PLANAR: dict[str, tuple[Component, ...]] = {
    **dict.fromkeys(("NV12", "NV21", "P010", "P012", "NV15"), _NV_420),
    **dict.fromkeys(("NV16", "NV61", "NV20"), _NV_422),
    **dict.fromkeys(("NV24", "NV42"), _NV_444),
    **dict.fromkeys(("YU12", "YV12"), _420),
    "422P": _422,
    "411P": _411,
    **dict.fromkeys(("YUV9", "YVU9"), _410),
    **dict.fromkeys(("NM12", "NM21", "PM12"), (_Y, _chroma(1, 2))),
    **dict.fromkeys(("NM16", "NM61"), (_Y, _chroma(1, 1))),
    **dict.fromkeys(("YM12", "YM21"), (_Y, _chroma(1, 2), _chroma(2, 2))),
    **dict.fromkeys(("YM16", "YM61", "YM24", "YM42"), (_Y, _chroma(1, 1), _chroma(2, 1))),
}


def sampled_rows(fmt: Format, step: int) -> tuple[Rows, ...] | None:
    """
    Every `step`-th row of a frame, chroma rows to match; None where its rows are not known.

    Of a subsampled format a whole number of chroma rows is left, so a luma row or three may go.
    """
    components = _components(fmt)
    if components is None:
        return None
    group = max(component.rows_a_line for component in components)
    height = -(-fmt.height // step) // group * group
    ends = [0] * len(fmt.planes)
    rows = []
    for component in components:
        plane = fmt.planes[component.plane]
        length = plane.bytesperline * component.bytes_num // component.bytes_den
        start = ends[component.plane]
        ends[component.plane] += length * -(-fmt.height // component.rows_a_line)
        count = height // component.rows_a_line
        rows.append(Rows(component.plane, start, length * step, length, count))
    if any(end > plane.sizeimage for end, plane in zip(ends, fmt.planes, strict=True)):
        return None
    return tuple(row for row in rows if row.count) or None


def _components(fmt: Format) -> tuple[Component, ...] | None:
    if not all(plane.bytesperline for plane in fmt.planes):
        return None
    planar = _PLANAR.get(fourcc_name(fmt.pixelformat))
    if planar is not None:
        fits = max(component.plane for component in planar) + 1 == len(fmt.planes)
        return planar if fits else None
    packed = len(fmt.planes) == 1
    whole = fmt.planes[0].bytesperline * fmt.height == fmt.planes[0].sizeimage
    return (_Y,) if packed and whole else None
